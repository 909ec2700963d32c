namespace Deat.Training;

/// <summary>How one compares with the baseline in one piece of work.</summary>
/// <param name="What">The work.</param>
/// <param name="Who">Who is compared.</param>
/// <param name="Baseline">With whom.</param>
/// <param name="Time">How many times as long.</param>
public sealed record Ratio(string What, string Who, string Baseline, TimeRatio Time)
{
    /// <summary>All comparisons within a file of timings, whose rounds took turns.</summary>
    /// <param name="report">The timings.</param>
    /// <param name="baseline">With whom to compare; null for the one that the file names.</param>
    public static IEnumerable<Ratio> Of(TimingReport report, string? baseline = null) => report.Timings.GroupBy(timing => timing.What)
        .SelectMany(work => work.FirstOrDefault(timing => baseline is null ? timing.IsBaseline : timing.Who == baseline) is { } with
            ? work.Where(timing => timing != with).Select(timing => Of(timing, with)).OfType<Ratio>()
            : []);

    /// <summary>The comparison of two timings; null where they have no rounds in common.</summary>
    public static Ratio? Of(Timing timing, Timing baseline) =>
        TimeRatio.Paired(timing.Milliseconds, baseline.Milliseconds) is { } ratio
            ? new Ratio(timing.What, timing.Who, baseline.Who, ratio)
            : null;
}
