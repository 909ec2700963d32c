using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>Timings of the batches of a profile.</summary>
public static class ProfileTimings
{
    /// <summary>Batches that were not timed launch by launch, as the baseline of those that were, which took turns with them.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="what">What a batch is called.</param>
    public static IReadOnlyList<Timing> Overhead(CostProfile profile, string what) =>
    [
        Untimed(profile, what, "launches not timed") with { IsBaseline = true },
        Untimed(profile, what, "every launch timed") with { Milliseconds = [.. profile.Batches.Select(timed => timed.Duration / 1e6)] },
    ];

    private static Timing Untimed(CostProfile profile, string what, string who) => new(what, who)
    {
        Milliseconds = [.. profile.UntimedMilliseconds],
        Flops = profile.Launches.Sum(launch => launch.Flops) / profile.Batches.Count,
    };
}
