using Deat.Engine;

namespace Deat.Training;

/// <summary>Two measurements of the same work, side by side.</summary>
/// <param name="What">The work.</param>
/// <param name="Before">Median milliseconds of the first.</param>
/// <param name="After">Median milliseconds of the second.</param>
/// <param name="Time">How many times as long the second takes.</param>
public sealed record Comparison(string What, double Before, double After, TimeRatio Time)
{
    /// <summary>Milliseconds that the second takes more.</summary>
    public double Loss => After - Before;

    /// <summary>Every layer in every part of a pass, and batches as a whole, of two profiles of the same network.</summary>
    /// <exception cref="UsageException">
    /// They are of different networks, batches or methods, or of different devices, or one of them is of no whole batch. In what else they
    /// differ, <see cref="Differences"/> tells.
    /// </exception>
    public static IReadOnlyList<Comparison> Of(CostProfile before, CostProfile after, bool acrossDevices)
    {
        before.RequireWhole();
        after.RequireWhole();
        foreach (string option in (string[])["model", "width", "method"])
            RequireAlike(option, before.Options[option]?.ToString(), after.Options[option]?.ToString(), "");
        RequireAlike("batches of images", $"{before.BatchSize}", $"{after.BatchSize}", "");
        if (!acrossDevices)
            RequireOneDevice(before, after);
        Dictionary<string, double[]> first = Times(before), second = Times(after);
        return [.. first.Keys.Intersect(second.Keys).Select(what => Of(what, first[what], second[what])).OfType<Comparison>()];
    }

    /// <summary>
    /// Everything that two files of timings have in common, by whom and what; if nobody is in both, everybody in one with everybody in the
    /// other who did the same. They did not take turns.
    /// </summary>
    /// <exception cref="UsageException">They have nothing in common, or were made with different settings.</exception>
    public static IReadOnlyList<Comparison> Of(TimingReport before, TimingReport after)
    {
        foreach (string setting in before.Settings.Keys.Intersect(after.Settings.Keys))
            RequireAlike(setting, before.Settings[setting], after.Settings[setting], "");
        bool isAnybodyInBoth = before.Timings.Select(timing => timing.Who).Intersect(after.Timings.Select(timing => timing.Who)).Any();
        ILookup<string, Timing> others = after.Timings.ToLookup(timing => timing.What);
        IEnumerable<Comparison?> pairs =
            from timing in before.Timings
            from other in others[timing.What]
            where !isAnybodyInBoth || timing.Who == other.Who
            let who = isAnybodyInBoth ? timing.Who : $"{timing.Who} (A), {other.Who} (B)"
            select Of($"{timing.What}, {who}", timing.Milliseconds, other.Milliseconds);
        Comparison[] all = [.. pairs.OfType<Comparison>()];
        return all.Length > 0 ? all : throw new UsageException("the two files have no work in common");
    }

    private static Comparison? Of(string what, double[] before, double[] after) => TimeRatio.Unpaired(after, before) is { } ratio
        ? new Comparison(what, Quantiles.Median(before), Quantiles.Median(after), ratio)
        : null;

    // Milliseconds of each batch.
    private static Dictionary<string, double[]> Times(CostProfile profile)
    {
        Dictionary<string, double[]> times = profile.Launches.Where(launch => launch.Layer.Length > 0)
            .GroupBy(launch => $"{launch.Layer}, {WorkPart.Of(launch).Title}")
            .ToDictionary(work => work.Key, work => work.GroupBy(launch => launch.Batch).Select(Milliseconds).ToArray());
        times["a batch, kernels and waits"] = [.. profile.Batches.Select(batch => batch.Duration / 1e6)];
        if (profile.UntimedMilliseconds.Count > 0)
            times["a batch, without timing launches"] = [.. profile.UntimedMilliseconds];
        return times;
        static double Milliseconds(IEnumerable<LaunchRecord> launches) => launches.Sum(launch => launch.Duration) / 1e6;
    }

    private static void RequireOneDevice(CostProfile before, CostProfile after)
    {
        const string Hint = "; --across-devices on compares them";
        RequireAlike("device", Differences.DeviceOf(before), Differences.DeviceOf(after), Hint);
        // The CPU accelerator is the machine's processor, and is called by the number of its cores only.
        if (before.Traits.Backend == Backend.Cpu && Differences.OfDevices(before, after) is { } unlike)
            throw new UsageException($"cannot compare: {unlike}{Hint}");
    }

    private static void RequireAlike(string what, string? before, string? after, string hint)
    {
        if (before != after)
            throw new UsageException($"cannot compare: {what} {before ?? "unknown"} and {after ?? "unknown"}{hint}");
    }
}
