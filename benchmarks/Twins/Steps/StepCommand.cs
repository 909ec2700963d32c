using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using TorchSharp;

namespace Deat.Twins;

/// <summary><c>step</c>: times training steps in turns, so that all of them see the same state of the machine.</summary>
internal static class StepCommand
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Milliseconds of one step: extremes, median, and the range of the middle half over the median.</summary>
    private sealed record Timing(string Name, int Rounds, double Median, double Min, double Max, double Spread, double[] Milliseconds);

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
        var only = new Option<string?>("--only") { Description = "Steps whose name begins like this; all where left out." };
        var command = new Command("step", "Time one DEAT replay and a PGD-7 step of the network in float32; JSON on standard output.")
        {
            batch, width, rounds, threads, only,
        };
        command.SetAction(arguments =>
        {
            torch.set_num_threads(arguments.GetValue(threads));
            int images = arguments.GetValue(batch), factor = arguments.GetValue(width);
            IStep[] steps = [new TorchReplay(images, factor), new TorchPgd(images, factor, false), new TorchPgd(images, factor, true)];
            string prefix = arguments.GetValue(only) ?? "";
            IStep[] chosen = [.. steps.Where(step => step.Name.StartsWith(prefix, StringComparison.Ordinal))];
            Timing[] timings = Measure(chosen, arguments.GetValue(rounds));
            var report = new
            {
                Libtorch = torch.__version__,
                Threads = torch.get_num_threads(),
                Batch = images,
                Width = factor,
                Timings = timings,
            };
            Console.WriteLine(JsonSerializer.Serialize(report, Json));
        });
        return command;
    }

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

        Timing[] timings = [.. steps.Zip(times, (step, all) => Summarise(step.Name, all))];
        foreach (IStep step in steps) step.Dispose();
        return timings;
    }

    private static Timing Summarise(string name, double[] all)
    {
        double[] sorted = [.. all.Order()];
        double Quantile(double q) => sorted[(int)Math.Round(q * (sorted.Length - 1))];
        double median = Quantile(0.5);
        return new Timing(name, all.Length, median, sorted[0], sorted[^1], (Quantile(0.75) - Quantile(0.25)) / median, all);
    }
}
