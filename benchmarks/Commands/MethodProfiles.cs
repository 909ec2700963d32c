using System.Globalization;
using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>Profiles of methods on built-in images, as <c>deat profile</c> makes them, for commands that make timings of them.</summary>
/// <param name="device">Where.</param>
/// <param name="batch">Images of a batch.</param>
internal sealed class MethodProfiles(ComputeDevice device, int batch)
{
    private DevicePeaks? _peaks;

    /// <summary>A profile of batches of a method.</summary>
    /// <param name="method">The method.</param>
    /// <param name="iterations">Its adversarial iterations.</param>
    /// <param name="width">Width of the network; 64 is full.</param>
    /// <param name="batches">Timed batches, in turns with as many that are not timed launch by launch.</param>
    public CostProfile Of(string method, int iterations, int width, int batches)
    {
        Console.Error.WriteLine($"{method}, {iterations} iterations, width {width}");
        TrainOptions options = Options(method, iterations, width);
        ProfileSettings settings = new()
        {
            Batches = batches,
            Iterations = iterations,
            MaxLaunches = int.MaxValue,
        };
        _peaks ??= DevicePeaks.Measure(device);
        return new ProfileRun(device, options, options.Data.Open().Train, settings) { Peaks = _peaks }.Execute();
    }

    /// <summary>The report of timings that were made of profiles.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="width">The width, or widths.</param>
    /// <param name="rounds">What a round was.</param>
    /// <param name="timings">The results.</param>
    public TimingReport Report(string title, string width, string rounds, IEnumerable<Timing> timings) => TimingReport.Of(
        title, [device], new() { ["batch"] = $"{batch}", ["width"] = width, ["images"] = "procedural", ["rounds"] = rounds }, timings);

    /// <summary>A training by a method.</summary>
    /// <param name="method">The method.</param>
    /// <param name="iterations">Its adversarial iterations.</param>
    /// <param name="width">Width of the network; 64 is full.</param>
    public TrainOptions Options(string method, int iterations, int width)
    {
        Dictionary<string, string> texts = new()
        {
            ["method"] = method,
            ["data"] = "procedural",
            ["batch-size"] = batch.ToString(CultureInfo.InvariantCulture),
            ["width"] = width.ToString(CultureInfo.InvariantCulture),
            ["device"] = device.Listing.Id,
            [method == "mdeat" ? "max-replays" : "replays"] = iterations.ToString(CultureInfo.InvariantCulture),
        };
        return OptionsResolution.Train(new OptionTexts(texts, new Dictionary<string, string>()));
    }
}
