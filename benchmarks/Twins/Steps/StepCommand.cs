using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Deat.Engine;
using TorchSharp;

namespace Deat.Twins;

/// <summary><c>step</c>: times training steps in turns, so that all of them see the same state of the machine.</summary>
internal static class StepCommand
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>
    /// Milliseconds of one step: extremes, median, the range of the middle half over the median, and the median over TorchSharp's median of
    /// the same kind of step.
    /// </summary>
    private sealed record Timing(
        string Name, int Rounds, double Median, double Min, double Max, double Spread, double? RatioToTorch, double[] Milliseconds);

    public static Command Create()
    {
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 32, Description = "Images." };
        var width = new Option<int>("--width") { DefaultValueFactory = _ => 64, Description = "Width of the network; 64 is full." };
        var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 10, Description = "Timed runs of each step." };
        var threads = new Option<int>("--threads")
        {
            DefaultValueFactory = _ => Environment.ProcessorCount,
            Description = "libtorch's threads.",
        };
        var devices = new Option<string?>("--devices") { Description = "DEAT.Native's devices, separated by commas; all if left out." };
        var only = new Option<string?>("--only") { Description = "Steps whose name begins like this; all where left out." };
        var command = new Command("step", "Time one DEAT replay and a PGD-7 step of the network in float32; JSON on standard output.")
        {
            batch, width, rounds, threads, devices, only,
        };
        command.SetAction(arguments =>
        {
            torch.set_num_threads(arguments.GetValue(threads));
            (int images, int factor) = (arguments.GetValue(batch), arguments.GetValue(width));
            DeviceListing[] chosen = Devices(arguments.GetValue(devices));
            string prefix = arguments.GetValue(only) ?? "";
            IStep[] steps = [.. Steps(images, factor, chosen).Where(step => step.Name.StartsWith(prefix, StringComparison.Ordinal))];
            var report = new
            {
                Processor = Processor(),
                Cores = Environment.ProcessorCount,
                System = RuntimeInformation.OSDescription,
                Runtime = RuntimeInformation.FrameworkDescription,
                Libtorch = torch.__version__,
                LibtorchThreads = torch.get_num_threads(),
                Devices = chosen.Select(device => $"{device.Id}: {device.Name}, {device.Driver}").ToArray(),
                Batch = images,
                Width = factor,
                Timings = Measure(steps, arguments.GetValue(rounds)),
            };
            Console.WriteLine(JsonSerializer.Serialize(report, Json));
        });
        return command;
    }

    private static DeviceListing[] Devices(string? ids)
    {
        DeviceListing[] usable = [.. ComputeDevice.List().Where(device => device.IsUsable)];
        return ids is null ? usable : [.. ids.Split(',').Select(id => usable.Single(device => device.Id == id))];
    }

    private static IEnumerable<IStep> Steps(int images, int factor, DeviceListing[] devices) =>
    [
        new TorchReplay(images, factor),
        .. devices.Select(device => new EngineReplay(device.Id, images, factor)),
        new TorchPgd(images, factor, false),
        new TorchPgd(images, factor, true),
        .. devices.Select(device => new EnginePgd(device.Id, images, factor)),
    ];

    private static Timing[] Measure(IStep[] steps, int rounds)
    {
        double[][] times = [.. steps.Select(_ => new double[rounds])];
        foreach (IStep step in steps) step.Prepare();
        for (int round = 0; round < rounds; round++)
            for (int i = 0; i < steps.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                steps[i].RunOnce();
                times[i][round] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }

        foreach (IStep step in steps) step.Dispose();
        Dictionary<string, double> medians = steps.Zip(times).ToDictionary(pair => pair.First.Name, pair => Quantile(pair.Second, 0.5));
        return [.. steps.Zip(times, (step, all) => Summarise(step.Name, all, medians))];
    }

    private static Timing Summarise(string name, double[] all, Dictionary<string, double> medians)
    {
        double median = medians[name];
        double? torchMedian = medians.TryGetValue($"{name.Split(" (")[0]} (TorchSharp)", out double found) ? found : null;
        double spread = (Quantile(all, 0.75) - Quantile(all, 0.25)) / median;
        return new Timing(name, all.Length, median, all.Min(), all.Max(), spread, median / torchMedian, all);
    }

    private static double Quantile(double[] all, double q)
    {
        double place = q * (all.Length - 1);
        double[] sorted = [.. all.Order()];
        double below = sorted[(int)Math.Floor(place)];
        return below + ((place - Math.Floor(place)) * (sorted[(int)Math.Ceiling(place)] - below));
    }

    private static string Processor() => File.ReadLines("/proc/cpuinfo")
        .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown";
}
