using System.CommandLine;
using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>What every timing command takes, and how it runs: all who do the same work in turns, then a table and a file.</summary>
public sealed class TimingOptions
{
    private readonly Option<int> _batch = Number("--batch", 32, "Images.");
    private readonly Option<int> _width = Number("--width", 64, "Width of the network; 64 is full.");
    private readonly Option<int> _rounds = Number("--rounds", 10, "Timed rounds of each work.");
    private readonly Option<int> _runs = Number("--runs", 1, "Runs in each round, for short work.");
    private readonly Option<string?> _devices = new("--devices") { Description = "Devices, separated by commas; all if left out." };
    private readonly Option<string> _precisions = new("--precisions")
    {
        DefaultValueFactory = _ => "fp32",
        Description = "fp32, tf32, bf16 of convolutions, with commas; a device leaves out what it has not.",
    };

    private readonly Option<string[]> _only = new("--only") { Description = "Only work whose name contains one of these." };
    private readonly Option<string?> _json = new("--json") { Description = "A file for everything, each round's time included." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        _only.AllowMultipleArgumentsPerToken = true;
        foreach (Option option in (Option[])[_batch, _width, _rounds, _runs, _devices, _precisions, _only, _json])
            command.Add(option);
    }

    /// <summary>Measures, prints a table, and writes the report if asked for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="title">Heading of the report.</param>
    /// <param name="others">What other libraries do, given batch and width.</param>
    /// <param name="suite">What a device does, given batch, width and precision.</param>
    /// <param name="libraries">Other libraries that take part, with their versions.</param>
    public void Run(
        ParseResult arguments, string title, Func<int, int, IEnumerable<Measured>> others,
        Func<ComputeDevice, int, int, Precision, IEnumerable<Measured>> suite, params (string Name, string Version)[] libraries)
    {
        (int batch, int width, int rounds, int runs) = (
            arguments.GetValue(_batch), arguments.GetValue(_width), arguments.GetValue(_rounds), arguments.GetValue(_runs));
        string[] only = arguments.GetValue(_only) ?? [];
        ComputeDevice[] devices = BenchmarkDevices.Open(arguments.GetValue(_devices));
        IEnumerable<Measured> engine = Precisions.Lanes(devices, arguments.GetValue(_precisions)!)
            .SelectMany(lane => suite(lane.Device, batch, width, lane.Precision));
        IEnumerable<Measured> all = others(batch, width).Concat(engine)
            .Where(measured => only.Length == 0 || only.Any(part => measured.What.Contains(part, StringComparison.Ordinal)));
        List<Timing> timings = [];
        Rounds.Measure(all, rounds, runs, progress: timing =>
        {
            Progress(timing);
            timings.Add(timing);
            // A device that fails may take the process with it, and whoever started it may end it: what is known by then is there.
            if (arguments.GetValue(_json) is string path)
                TimingReport.Of(title, devices, new() { ["batch"] = $"{batch}", ["width"] = $"{width}" }, timings, libraries).Write(path);
        });
        Console.Write(ReportText.Tables(timings));
        foreach (ComputeDevice device in devices)
            device.Dispose();
    }

    /// <summary>A whole number.</summary>
    internal static Option<int> Number(string name, int value, string description) =>
        new(name) { DefaultValueFactory = _ => value, Description = description };

    private static void Progress(Timing timing) => Console.Error.WriteLine(timing.Failure is null
        ? $"{timing.What}, {timing.Who}: {TimingTable.Milliseconds(timing.Median!.Value)} ms"
        : $"{timing.What}, {timing.Who}: {timing.Failure}");
}
