using Deat.Engine;

namespace Deat.Training;

/// <summary>What bounds the speed of a kernel.</summary>
public enum Bound
{
    /// <summary>The device's multiply-adds.</summary>
    Compute,

    /// <summary>The device's memory.</summary>
    Memory,

    /// <summary>What a launch costs, whatever it does.</summary>
    Launch,
}

/// <summary>What all launches of a kernel cost.</summary>
public sealed record KernelCost
{
    /// <summary>Class, name and type arguments.</summary>
    public required string Kernel { get; init; }

    /// <summary>All launches together.</summary>
    public required CostSum Sum { get; init; }

    /// <summary>Its part of the device time of all kernels.</summary>
    public required double Share { get; init; }

    /// <summary>The median of a launch's time, microseconds.</summary>
    public required double P50 { get; init; }

    /// <summary>The time that 95 % of the launches stay below, microseconds.</summary>
    public required double P95 { get; init; }

    /// <summary>The fewest and the most groups of a launch.</summary>
    public required (int Least, int Most) Groups { get; init; }

    /// <summary>Work-items per group.</summary>
    public required int GroupSize { get; init; }

    /// <summary>What it takes of the device.</summary>
    public required KernelResources Resources { get; init; }

    /// <summary>
    /// The least time by the measured roofs over the time it took: max(FLOPs / peak, bytes / bandwidth) / time (Williams, Waterman,
    /// Patterson: Roofline, CACM 2009). FLOPs are those of the definition: Winograd's convolutions can pass 1.
    /// </summary>
    public required double RoofShare { get; init; }

    /// <summary>What bounds it.</summary>
    public required Bound Bound { get; init; }

    /// <summary>The mean time of a launch, microseconds.</summary>
    public double Mean => Sum.Nanoseconds / 1e3 / Sum.Launches;

    /// <summary>All kernels of a profile, the most expensive first.</summary>
    public static IReadOnlyList<KernelCost> Of(CostProfile profile)
    {
        double all = CostSum.Of(profile.Launches).Nanoseconds;
        return [.. profile.Launches.GroupBy(launch => launch.Kernel)
            .Select(group => Of(group.Key, [.. group], all, profile))
            .OrderByDescending(kernel => kernel.Sum.Nanoseconds)];
    }

    private static KernelCost Of(string kernel, LaunchRecord[] launches, double all, CostProfile profile)
    {
        CostSum sum = CostSum.Of(launches);
        double compute = sum.Flops / profile.Peaks.GigaflopsOf(kernel);
        double memory = sum.Bytes / profile.Peaks.GigabytesPerSecond;
        double[] microseconds = [.. launches.Select(launch => launch.Duration / 1e3)];
        bool isShort = Quantiles.Median(microseconds) < 2 * profile.Peaks.LaunchMicroseconds;
        return new KernelCost
        {
            Kernel = kernel,
            Sum = sum,
            Share = all > 0 ? sum.Nanoseconds / all : 0,
            P50 = Quantiles.Median(microseconds),
            P95 = Quantiles.Of(microseconds, 0.95),
            Groups = (launches.Min(launch => launch.Groups), launches.Max(launch => launch.Groups)),
            GroupSize = launches[0].GroupSize,
            Resources = profile.Kernels.GetValueOrDefault(kernel) ?? new KernelResources(null, null, null, null),
            RoofShare = sum.Nanoseconds > 0 ? Math.Max(compute, memory) / sum.Nanoseconds : 0,
            Bound = isShort ? Bound.Launch : compute >= memory ? Bound.Compute : Bound.Memory,
        };
    }
}
