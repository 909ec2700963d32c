using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What the device did in a stretch of time: it ran kernels, it had nothing because the host had not launched the next kernel yet, or it
/// had a kernel and had not begun with it. Nanoseconds.
/// </summary>
/// <param name="Kernels">It ran kernels.</param>
/// <param name="WaitingForHost">It had nothing to do.</param>
/// <param name="WaitingForKernel">It had a kernel that had not begun.</param>
public readonly record struct TimeSplit(long Kernels, long WaitingForHost, long WaitingForKernel)
{
    /// <summary>All of it: the wall-clock time.</summary>
    public long Wall => Kernels + WaitingForHost + WaitingForKernel;

    /// <summary>Both together.</summary>
    public static TimeSplit operator +(TimeSplit left, TimeSplit right) => new(
        left.Kernels + right.Kernels, left.WaitingForHost + right.WaitingForHost, left.WaitingForKernel + right.WaitingForKernel);

    /// <summary>
    /// The time of a launch and of the gap before it. The gap belongs to the host as long as it had not begun to launch the kernel.
    /// </summary>
    /// <param name="free">When the device was done with what was before.</param>
    /// <param name="launch">The launch.</param>
    public static TimeSplit Of(long free, LaunchRecord launch)
    {
        long gap = launch.Start - free;
        long host = Math.Clamp(launch.Submitted - free, Math.Min(0, gap), Math.Max(0, gap));
        return new TimeSplit(launch.Duration, host, gap - host);
    }

    /// <summary>The split of each launch of a batch, and as the last one that of the wait at the end.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="launches">Its launches, in order.</param>
    public static IReadOnlyList<TimeSplit> Of(TimedBatch batch, IReadOnlyList<LaunchRecord> launches)
    {
        TimeSplit[] splits = new TimeSplit[launches.Count + 1];
        long free = batch.Start;
        for (int i = 0; i < launches.Count; i++)
        {
            splits[i] = Of(free, launches[i]);
            free = launches[i].End;
        }

        splits[^1] = new TimeSplit(0, batch.End - free, 0);
        return splits;
    }

    /// <summary>The split of all batches of a profile together.</summary>
    public static TimeSplit Of(CostProfile profile) => profile.Batches
        .SelectMany(batch => Of(batch, [.. profile.LaunchesOf(batch)]))
        .Aggregate(default(TimeSplit), (sum, split) => sum + split);
}

/// <summary>What an adversarial iteration adds to a batch.</summary>
/// <param name="Iteration">From 0; null for what a batch needs once, its end included.</param>
/// <param name="Kernels">Its launches in all batches together.</param>
/// <param name="Split">Its time in all batches together: kernels and the gaps before them.</param>
/// <param name="Milliseconds">Its time in each batch.</param>
public sealed record IterationPrice(int? Iteration, CostSum Kernels, TimeSplit Split, IReadOnlyList<double> Milliseconds)
{
    /// <summary>The marginal price of each iteration, in order; what a batch needs once comes first.</summary>
    public static IReadOnlyList<IterationPrice> Of(CostProfile profile) => Of(profile.Batches, profile.Launches);

    /// <summary>The same of some batches.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="launches">Their launches, in order.</param>
    public static IReadOnlyList<IterationPrice> Of(IReadOnlyList<TimedBatch> batches, IReadOnlyList<LaunchRecord> launches)
    {
        ILookup<int, LaunchRecord> byBatch = launches.ToLookup(launch => launch.Batch);
        var timed = batches.SelectMany(batch =>
        {
            LaunchRecord[] own = [.. byBatch[batch.Index]];
            return TimeSplit.Of(batch, own).Select((split, i) =>
                (Batch: batch.Index, Iteration: i < own.Length ? WorkPart.IterationOf(own[i]) : null, Split: split));
        });
        ILookup<int?, LaunchRecord> kernels = launches.ToLookup(WorkPart.IterationOf);
        return [.. timed.GroupBy(each => each.Iteration).OrderBy(group => group.Key ?? -1).Select(group => new IterationPrice(
            group.Key, CostSum.Of(kernels[group.Key]),
            group.Aggregate(default(TimeSplit), (sum, each) => sum + each.Split),
            [.. group.GroupBy(each => each.Batch).Select(batch => batch.Sum(each => each.Split.Wall) / 1e6)]))];
    }
}
