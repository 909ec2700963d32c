using Deat.Engine;

namespace Deat.Training;

/// <summary>What a training is predicted to cost, epoch by epoch, from the prices of one profile. Evaluation is not in it.</summary>
/// <param name="Replays">Adversarial iterations of a minibatch in each epoch.</param>
/// <param name="Start">Seconds of the first batches beyond those of later ones, as in the profile; null where it has none.</param>
/// <param name="Seconds">Seconds of each epoch, without that start.</param>
/// <param name="Passes">Forward passes of a minibatch, with the backward pass of each, in all epochs.</param>
/// <param name="Flops">Floating-point operations in all epochs.</param>
/// <param name="Joules">Energy in all epochs; null where the profile has none.</param>
public sealed record CostPlan(
    IReadOnlyList<int> Replays, double? Start, IReadOnlyList<double> Seconds, double Passes, double Flops, double? Joules)
{
    /// <summary>Seconds of the whole training, its start included.</summary>
    public double Total => Seconds.Sum() + (Start ?? 0);

    /// <summary>
    /// The start of a run: the seconds of its first epoch beyond what the plan says of it, corrected by how far the plan is off in the
    /// other epochs. Null for a run of one epoch.
    /// </summary>
    /// <param name="measured">Seconds of each epoch of the run.</param>
    public double? StartOf(IReadOnlyList<double> measured) => measured.Count < 2
        ? null
        : measured[0] - (Seconds[0] * measured.Skip(1).Sum() / Seconds.Skip(1).Sum());

    /// <summary>The plan of a training with these iterations.</summary>
    /// <param name="profile">A profile of the same method, network and batch size.</param>
    /// <param name="images">Training images.</param>
    /// <param name="replays">Iterations in each epoch.</param>
    /// <param name="maxPasses">After how many passes over the images the training ends, in the middle of an epoch if need be.</param>
    /// <exception cref="UsageException">
    /// The profile's only batch was cut off, it has no iterations to go by, or its options are not understood.
    /// </exception>
    public static CostPlan Of(CostProfile profile, int images, IReadOnlyList<int> replays, int? maxPasses = null)
    {
        profile.RequireWhole();
        BatchPrice time = BatchPrice.Of(profile);
        if (!replays.All(time.Knows))
            throw new UsageException("the profile has no adversarial iteration to go by; measure it with --iterations 2");
        double batches = (double)images / profile.BatchSize;
        double inTraining = profile.TimeInTraining();
        Func<int, double> passes = OfMinibatch(profile, time.Update is not null, ForwardPasses);
        Func<int, double> flops = OfMinibatch(profile, time.Update is not null, launches => launches.Sum(launch => (double)launch.Flops));
        (int Count, double Part)[] epochs = [.. Within(maxPasses, replays, passes)];
        double[] seconds = [.. epochs.Select(epoch => epoch.Part * batches * time.Milliseconds(epoch.Count) * inTraining / 1e3)];
        double timed = profile.Batches.Sum(batch => batch.Duration) / 1e9;
        return new CostPlan(
            [.. epochs.Select(epoch => epoch.Count)], profile.StartSeconds, seconds,
            Math.Ceiling(batches) * epochs.Sum(epoch => epoch.Part * passes(epoch.Count)),
            batches * epochs.Sum(epoch => epoch.Part * flops(epoch.Count)),
            profile.Joules is { } joules ? seconds.Sum() / inTraining * joules / timed : null);
    }

    // The epochs that a budget of passes allows, and what part of each.
    private static IEnumerable<(int Count, double Part)> Within(int? maxPasses, IReadOnlyList<int> replays, Func<int, double> passes)
    {
        double left = maxPasses ?? double.PositiveInfinity;
        foreach (int count in replays)
        {
            double wanted = passes(count);
            yield return (count, wanted > left ? left / wanted : 1);
            left -= wanted;
            if (left <= 0)
                yield break;
        }
    }

    /// <summary>The iterations of a schedule when nothing ever makes it add one, and when everything does.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="epochs">Epochs of the run.</param>
    public static (IReadOnlyList<int> Fewest, IReadOnlyList<int> Most) Extremes(IReplaySchedule schedule, int epochs) => (
        Follow(schedule, epochs, epoch => new EpochOutcome(Math.ScaleB(1, -Math.Min(epoch, 250)), 0)),
        Follow(schedule, epochs, epoch => new EpochOutcome(Math.ScaleB(1, 4 * Math.Min(epoch, 250)), 1)));

    private static int[] Follow(IReplaySchedule schedule, int epochs, Func<int, EpochOutcome> shown)
    {
        ReplayState now = schedule.First;
        int[] counts = new int[epochs];
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            counts[epoch] = now.Count;
            now = schedule.Next(now, shown(epoch));
        }

        return counts;
    }

    // What a minibatch with a number of iterations has of something: once, in each iteration, in the update after them.
    private static Func<int, double> OfMinibatch(
        CostProfile profile, bool updatesAfterwards, Func<IEnumerable<LaunchRecord>, double> amount)
    {
        ILookup<int?, LaunchRecord> launches = profile.Launches.ToLookup(WorkPart.IterationOf);
        double Of(int? iteration) => amount(launches[iteration]) / profile.Batches.Count;
        int[] numbers = [.. launches.Select(group => group.Key).OfType<int>().Order()];
        int[] attacks = updatesAfterwards ? numbers[..^1] : numbers;
        return count => Of(null) + (updatesAfterwards ? Of(numbers[^1]) : 0)
            + Enumerable.Range(0, updatesAfterwards ? count : Math.Max(1, count)).Sum(i => Of(attacks[Math.Min(i, attacks.Length - 1)]));
    }

    // A pass over the network ends with its last layer.
    private static double ForwardPasses(IEnumerable<LaunchRecord> launches)
    {
        LaunchRecord[] forward = [.. launches.Where(
            launch => launch is { Phase: Phase.Attack or Phase.Update, Direction: Direction.Forward, Layer.Length: > 0 })];
        return forward.Length == 0 ? 0 : forward.Where(launch => launch.Layer == forward[^1].Layer)
            .GroupBy(launch => launch.Kernel).Max(kernel => kernel.Count());
    }
}
