using System.CommandLine;
using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// What it costs to time every launch: the same batch of a method with the launch timer on and off, in turns. YOPO launches most kernels
/// for its time, as its steps run those of the first layer alone.
/// </summary>
internal static class OverheadCommand
{
    private static readonly (string Name, string Method, int Iterations)[] Methods =
        [("PGD-7", "pgd", 7), ("M+DEAT, 4 replays", "mdeat", 4), ("YOPO-5-3", "yopo", 5)];

    public static Command Create()
    {
        Option<int> batch = TimingOptions.Number("--batch", 32, "Images.");
        Option<int[]> widths = new("--widths")
        {
            DefaultValueFactory = _ => [16, 64],
            AllowMultipleArgumentsPerToken = true,
            Description = "Widths of the network; 64 is full.",
        };
        Option<int> rounds = TimingOptions.Number("--rounds", 10, "Batches of each method that are timed, and as many that are not.");
        Option<string> device = new("--device") { DefaultValueFactory = _ => "auto", Description = "One device." };
        Option<string> json = new("--json") { Required = true, Description = "A file for everything; tables are made from it." };
        Command command = new("overhead", "Time batches with every launch timed and without, in turns.")
        {
            batch, widths, rounds, device, json,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(batch), arguments.GetValue(widths)!, arguments.GetValue(rounds), arguments.GetValue(device)!,
            arguments.GetValue(json)!));
        return command;
    }

    private static void Run(int batch, int[] widths, int rounds, string id, string json)
    {
        using ComputeDevice device = ComputeDevice.Open(id);
        MethodProfiles profiles = new(device, batch);
        Timing[] timings =
        [
            .. from width in widths
               from method in Methods
               from timing in ProfileTimings.Overhead(
                   profiles.Of(method.Method, method.Iterations, width, rounds), $"{method.Name}, width {width}")
               select timing,
        ];
        TimingReport report = profiles.Report(
            "Cost of timing every launch", string.Join(" and ", widths), "one batch of each in turns", timings);
        report.Write(json);
        Console.Write(ReportText.Tables(report.Timings));
    }
}
