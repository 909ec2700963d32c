using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What the method needs beside what a published script computes: passes that only attack need no gradients of weights, but a script that
/// calls loss.backward() in them computes and discards them.
/// </summary>
/// <param name="Necessary">All launches whose result is used.</param>
/// <param name="Discarded">Gradients of weights in passes that only attack.</param>
/// <param name="IsMeasured">Whether these were computed; if not, they are estimated from those of passes that update.</param>
public sealed record DiscardedWork(CostSum Necessary, CostSum Discarded, bool IsMeasured)
{
    /// <summary>What the published script pays.</summary>
    public CostSum Published => Necessary + Discarded;

    /// <summary>Splits the launches of a profile.</summary>
    public static DiscardedWork Of(CostProfile profile)
    {
        ILookup<bool, LaunchRecord> isDiscarded = profile.Launches.ToLookup(
            launch => launch is { Phase: Phase.Attack, Direction: Direction.WeightGradient });
        CostSum necessary = CostSum.Of(isDiscarded[false]);
        return profile.ComputesDiscarded
            ? new DiscardedWork(necessary, CostSum.Of(isDiscarded[true]), IsMeasured: true)
            : new DiscardedWork(necessary, Estimate(profile.Launches), IsMeasured: false);
    }

    // Layer by layer, a weight gradient goes with each forward pass: as many with those that attack as with those that update.
    private static CostSum Estimate(IEnumerable<LaunchRecord> launches)
    {
        CostSum estimate = default;
        foreach (IGrouping<string, LaunchRecord> layer in launches.GroupBy(launch => launch.Layer))
        {
            ILookup<WorkPart, LaunchRecord> parts = layer.ToLookup(WorkPart.Of);
            double attacks = ForwardFlops(Phase.Attack), updates = ForwardFlops(Phase.Update);
            if (updates > 0)
                estimate += CostSum.Of(parts[new WorkPart(Phase.Update, Direction.WeightGradient)]) * (attacks / updates);

            double ForwardFlops(Phase phase) => CostSum.Of(parts[new WorkPart(phase, Direction.Forward)]).Flops;
        }

        return estimate;
    }
}
