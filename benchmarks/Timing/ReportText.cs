using System.Text;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>Reports as Markdown for people.</summary>
public static class ReportText
{
    /// <summary>A section for each title: where it was measured, and the tables.</summary>
    /// <param name="reports">Those with the same title share a section.</param>
    /// <param name="tables">The tables of a section.</param>
    public static string Of(IEnumerable<TimingReport> reports, Func<IReadOnlyCollection<Timing>, string> tables)
    {
        StringBuilder text = new();
        foreach (IGrouping<string, TimingReport> group in reports.GroupBy(report => report.Title))
        {
            Timing[] timings = [.. group.SelectMany(report => report.Timings)];
            text.Append($"## {group.Key}\n\n");
            text.Append(Captions(group)).Append("\n\n").Append(tables(timings));
        }

        return text.ToString();
    }

    /// <summary>Date, devices, versions and settings in one line; a line for each of them that differs.</summary>
    public static string Captions(IEnumerable<TimingReport> reports) => string.Join("\n\n", reports.Select(Caption).Distinct());

    /// <summary>
    /// The table of all timings, if there is anybody to compare, otherwise of those that no roofline bounds; the table of the roofline for
    /// each device whose peaks are among them, and what failed.
    /// </summary>
    public static string Tables(IReadOnlyCollection<Timing> timings)
    {
        if (timings.Count == 0)
            return "";
        StringBuilder text = new();
        string[] all = [.. timings.Select(timing => timing.Who).Distinct()];
        bool isComparison = all.Length > 1 || Roofline.Of(timings, all[0]) is null;
        // What has a place on the roofline is in its table.
        Timing[] compared = [.. timings.Where(timing => isComparison || timing is { Flops: 0, Bytes: 0 })];
        if (compared.Length > 0)
            text.Append(TimingTable.Of(compared));
        foreach (string who in all)
        {
            if (Roofline.Of(timings, who) is not Roofline roofline)
                continue;
            text.Append($"\n{who}: {roofline.GigaflopsPerSecond:F0} GFLOP/s, {roofline.GigabytesPerSecond:F0} GB/s at most, measured.\n\n");
            text.Append(roofline.Table(timings.Where(timing => timing.Who == who)));
        }

        foreach (Timing timing in timings.Where(timing => timing.Failure is not null))
            text.Append($"\n{timing.What}, {timing.Who} failed: {timing.Failure}\n");
        return text.Append('\n').ToString();
    }

    private static string Caption(TimingReport report)
    {
        int runs = report.Timings.Max(timing => timing.RunsPerRound);
        IEnumerable<string> parts = report.Devices
            .Concat(report.Environment.Select(pair => $"{pair.Key} {pair.Value}"))
            .Concat(report.Settings.Select(pair => $"{pair.Key} {pair.Value}"))
            .Concat(runs > 1 ? [$"{runs} runs in each of n rounds"] : []);
        return $"{report.Date:yyyy-MM-dd}. {string.Join("; ", parts)}.";
    }
}
