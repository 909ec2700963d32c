using System.CommandLine;
using System.Globalization;

namespace Deat.Training;

/// <summary><c>deat compare</c>: two profiles or files of timings, or those who took turns in one file: ratios with intervals.</summary>
internal static class CompareCommand
{
    private const int UsualRows = 20;

    private static readonly OptionSpec[] Options =
    [
        new("baseline", "name", "within one file of timings: with whom the others are compared (default the one that the file names)"),
        new("rows", "n", $"so many rows, those with the largest differences (default {UsualRows})"),
        new("across-devices", "on|off", "compare profiles of different devices (default off)"),
    ];

    public static Command Create(Screen screen) => OptionSpec.CommandOf(
        "compare",
        "Compares two profiles or files of timings: ratios with intervals, and where time is lost.",
        new Argument<string[]>("file")
        {
            Description = $"two {CostProfile.FileName} or their folders, two files of timings, or one file of timings",
            HelpName = "A [B]",
            Arity = new ArgumentArity(1, 2),
        },
        Options,
        (files, given) => Run(files, given, screen));

    private static int Run(string[] files, Dictionary<string, string> given, Screen screen)
    {
        OptionTexts own = new(given, new Dictionary<string, string>());
        int rows = own.Integer("rows", UsualRows);
        ReportSources sources = ReportSources.Read(files);
        if (sources.Problems.Count > 0)
            throw new CheckpointException(sources.Problems[0]);
        RefuseWhatWouldBeIgnored(sources, own);
        switch (sources)
        {
            case { Timings.Count: 1, Profiles.Count: 0 }:
                ShowTurns(sources.Timings[0].Timings, own.Text("baseline"), rows, screen);
                break;
            case { Timings.Count: 2, Profiles.Count: 0 }:
                (TimingReport a, TimingReport b) = (sources.Timings[0].Timings, sources.Timings[1].Timings);
                Show(Comparison.Of(a, b), Differences.OfDevices(a, b), work: null, files, rows, screen);
                break;
            case { Timings.Count: 0, Profiles.Count: 2 }:
                bool across = own.Switch("across-devices") ?? false;
                (CostProfile before, CostProfile after) = (sources.Profiles[0].Profile, sources.Profiles[1].Profile);
                Show(
                    Comparison.Of(before, after, across), Differences.OfDevices(before, after), Differences.OfWork(before, after), files,
                    rows, screen);
                break;
            default:
                throw new UsageException("compare takes two profiles, two files of timings, or one file of timings");
        }

        return ExitCodes.Ok;
    }

    private static void RefuseWhatWouldBeIgnored(ReportSources sources, OptionTexts own)
    {
        if (own.IsGiven("baseline") && sources is not { Timings.Count: 1, Profiles.Count: 0 })
            throw new UsageException("--baseline is for one file of timings; two files are A and B");
        if (own.IsGiven("across-devices") && sources.Profiles.Count == 0)
            throw new UsageException("--across-devices is for two profiles");
    }

    private static void ShowTurns(TimingReport report, string? baseline, int rows, Screen screen)
    {
        Ratio[] ratios = [.. Ratio.Of(report, baseline)];
        if (ratios.Length == 0)
        {
            string who = string.Join(", ", report.Timings.Select(timing => timing.Who).Distinct());
            throw new UsageException($"nothing to compare with {baseline ?? "a baseline"}; --baseline takes {who}");
        }

        ConsoleTable table = new("work", "who", $"over {ratios[0].Baseline}", "from", "to", "n");
        foreach (Ratio ratio in ratios.OrderByDescending(ratio => ratio.Time.Median).Take(rows))
            table.Add(ratio.What, ratio.Who, Text(ratio.Time.Median), Text(ratio.Time.Low), Text(ratio.Time.High), $"{ratio.Time.N}");
        table.Show(
            $"{report.Title}: the slowest {Math.Min(rows, ratios.Length)} of {ratios.Length}, quotients within rounds, "
            + $"intervals of at least {Percent(ratios.Min(ratio => ratio.Time.Confidence))}",
            screen);
        screen.Line();
        foreach (IGrouping<string, Ratio> who in ratios.GroupBy(ratio => ratio.Who))
            screen.Line(Sentence(who.Key, ratios[0].Baseline, [.. who.Select(ratio => (ratio.What, ratio.Time))]));
    }

    private static void Show(
        IReadOnlyList<Comparison> all, string? devices, string? work, string[] files, int rows, Screen screen)
    {
        if (devices is not null)
            screen.Line($"note: not measured on the same device and machine: {devices}");
        if (work is not null)
            screen.Line($"note: not the same work: {work}");
        ConsoleTable table = new("work", "A ms", "B ms", "B - A ms", "B over A", "from", "to", "n");
        foreach (Comparison row in all.OrderByDescending(row => Math.Abs(row.Loss)).Take(rows))
        {
            table.Add(
                row.What, Text(row.Before), Text(row.After), Text(row.Loss), Text(row.Time.Median), Text(row.Time.Low), Text(row.Time.High),
                $"{row.Time.N}");
        }

        table.Show(
            $"A {files[0]}, B {files[1]}: the largest {Math.Min(rows, all.Count)} of {all.Count} differences, medians, "
            + $"intervals of at least {Percent(all.Min(row => row.Time.Confidence))}",
            screen);
        screen.Line();
        screen.Line(Sentence("B", "A", [.. all.Select(row => (row.What, row.Time))]));
    }

    // Who is slower where; what the interval leaves open is neither.
    private static string Sentence(string who, string baseline, (string What, TimeRatio Time)[] all)
    {
        var slower = all.Where(each => each.Time.IsSlower).OrderByDescending(each => each.Time.Median).ToArray();
        string list = string.Join(", ", slower.Take(5).Select(each => $"{each.What} ({Text(each.Time.Median)})"));
        string where = slower.Length == 0 ? "" : $": {list}{(slower.Length > 5 ? ", ..." : "")}";
        int faster = all.Count(each => each.Time.IsFaster);
        return $"{who} is faster than {baseline} in {faster} of {all.Length}, slower in {slower.Length}{where}; "
            + $"{all.Length - faster - slower.Length} are open.";
    }

    private static string Text(double value) => ProfileFigures.Three(value);

    private static string Percent(double value) => value.ToString("P0", CultureInfo.InvariantCulture);
}
