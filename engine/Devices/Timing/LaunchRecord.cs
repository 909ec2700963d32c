using System.Text.Json.Serialization;

namespace Deat.Engine;

/// <summary>
/// One launch, timed: what a profile is made of. Whatever is shown of costs is a sum over these. Times are nanoseconds on one axis, that of
/// the host's monotonic clock since timing began.
/// </summary>
public sealed record LaunchRecord
{
    /// <summary>The batch of work, from 0.</summary>
    public required int Batch { get; init; }

    /// <summary>Part of training.</summary>
    public required Phase Phase { get; init; }

    /// <summary>Adversarial iteration, from 0.</summary>
    public required int Iteration { get; init; }

    /// <summary>Path of the layer, such as "layer1.0.conv1"; empty outside a network.</summary>
    public required string Layer { get; init; }

    /// <summary>Class, name and type arguments of the kernel, such as "AddKernels.Sum&lt;Single, Lane1&gt;".</summary>
    public required string Kernel { get; init; }

    /// <summary>Which derivative it computes.</summary>
    public required Direction Direction { get; init; }

    /// <summary>Floating-point operations that the algorithm needs; a fused multiply-add counts two.</summary>
    public required long Flops { get; init; }

    /// <summary>Bytes that must be read and written once.</summary>
    public required long Bytes { get; init; }

    /// <summary>Groups of work-items.</summary>
    public required int Groups { get; init; }

    /// <summary>Work-items per group.</summary>
    public required int GroupSize { get; init; }

    /// <summary>Shared memory that the launch declares, bytes for each group.</summary>
    public required int SharedBytes { get; init; }

    /// <summary>When the host began to launch it.</summary>
    public required long Submitted { get; init; }

    /// <summary>When the host went on.</summary>
    public required long Returned { get; init; }

    /// <summary>When the device began with it.</summary>
    public required long Start { get; init; }

    /// <summary>When the device was done with it.</summary>
    public required long End { get; init; }

    /// <summary>Device time, nanoseconds.</summary>
    [JsonIgnore]
    public long Duration => End - Start;
}

/// <summary>A batch of timed work. The device had nothing to do before it and has nothing left after it.</summary>
/// <param name="Index">The number of the batch, from 0.</param>
/// <param name="Start">When the host began, on the axis of <see cref="LaunchRecord"/>.</param>
/// <param name="End">When the host knew that all was done.</param>
public sealed record TimedBatch(int Index, long Start, long End)
{
    /// <summary>Wall-clock time, nanoseconds.</summary>
    [JsonIgnore]
    public long Duration => End - Start;
}

/// <summary>Memory rented from the pool for one purpose, at the moment when it changed.</summary>
/// <param name="Time">When, on the axis of <see cref="LaunchRecord"/>.</param>
/// <param name="Category">The purpose.</param>
/// <param name="LiveBytes">Bytes rented from then on.</param>
public readonly record struct MemorySample(long Time, MemoryCategory Category, long LiveBytes);

/// <summary>What a compiled kernel takes of a device; null where the driver does not tell.</summary>
/// <param name="Registers">Registers of each work-item.</param>
/// <param name="SharedBytes">Shared memory of each group, bytes.</param>
/// <param name="SpilledBytes">Local memory of each work-item, bytes: what does not fit its registers.</param>
/// <param name="Occupancy">Work-items that a multiprocessor can hold at a time, over the most that it can hold of any kernel.</param>
public sealed record KernelResources(int? Registers, int? SharedBytes, int? SpilledBytes, double? Occupancy);
