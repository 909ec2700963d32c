using System.Text;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// Timings as a Markdown table: a row for each work; n rounds; for each who did it the median in milliseconds, ± half the range of the
/// middle half of the rounds, and its ratio to the median of each baseline. With more than two baselines a row for each who did it, and
/// the ratio to the first of them.
/// </summary>
public static class TimingTable
{
    /// <summary>The table; names of columns and rows as they are in <paramref name="timings"/>.</summary>
    /// <param name="timings">The results, in order.</param>
    /// <param name="unit">What stands in the first cell of the header.</param>
    public static string Of(IReadOnlyCollection<Timing> timings, string unit = "ms")
    {
        string[] baselines = [.. timings.Where(timing => timing.IsBaseline).Select(timing => timing.Who).Distinct()];
        string[] others = [.. timings.Where(timing => !timing.IsBaseline).Select(timing => timing.Who).Distinct()];
        if (baselines.Length > 2)
            return Long(timings, unit);
        string[] header = [unit, "n", .. baselines, .. others.SelectMany(who => Columns(who, baselines))];
        List<string[]> rows = [header, [.. header.Select(_ => "---")]];
        foreach (IGrouping<string, Timing> work in timings.GroupBy(timing => timing.What))
        {
            Dictionary<string, Timing> by = work.ToDictionary(timing => timing.Who);
            rows.Add(
            [
                work.Key, $"{work.Max(timing => timing.N)}", .. baselines.Select(who => Time(by.GetValueOrDefault(who))),
                .. others.SelectMany(who => Cells(by.GetValueOrDefault(who), baselines.Select(by.GetValueOrDefault))),
            ]);
        }

        return Markdown(rows);
    }

    /// <summary>A time in milliseconds with three digits that count.</summary>
    public static string Milliseconds(double value) => value switch
    {
        >= 100 => $"{value:F0}",
        >= 10 => $"{value:F1}",
        >= 1 => $"{value:F2}",
        _ => $"{value:F3}",
    };

    /// <summary>The median, ± half the range of the middle half.</summary>
    public static string Time(Timing? timing) => timing switch
    {
        null => "",
        { Median: double median } => $"{Milliseconds(median)} ±{timing.Spread / 2:P0}".Replace(" %", "%", StringComparison.Ordinal),
        _ => "failed",
    };

    private static string Long(IReadOnlyCollection<Timing> timings, string unit)
    {
        List<string[]> rows = [["", "", "n", unit, "over the first"], ["---", "---", "---", "---", "---"]];
        foreach (IGrouping<string, Timing> work in timings.GroupBy(timing => timing.What))
        {
            double? first = work.FirstOrDefault(timing => timing.IsBaseline)?.Median;
            rows.AddRange(work.OrderBy(timing => !timing.IsBaseline).Select(timing => new[]
            {
                work.Key, timing.Who, $"{timing.N}", Time(timing), timing.Median / first is double ratio ? $"{ratio:F2}" : "",
            }));
        }

        return Markdown(rows);
    }

    private static string Markdown(IEnumerable<string[]> rows)
    {
        StringBuilder text = new();
        foreach (string[] row in rows)
            text.Append("| ").AppendJoin(" | ", row).Append(" |\n");
        return text.ToString();
    }

    private static IEnumerable<string> Columns(string who, string[] baselines) =>
        [who, .. baselines.Select(baseline => baselines.Length == 1 ? $"over {baseline}" : $"{who} over {baseline}")];

    private static IEnumerable<string> Cells(Timing? timing, IEnumerable<Timing?> baselines) =>
        [Time(timing), .. baselines.Select(baseline => timing?.Median / baseline?.Median is double ratio ? $"{ratio:F2}" : "")];
}
