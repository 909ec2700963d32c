using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Training;

namespace Deat.Tests;

/// <summary>Profiles made by hand and measured ones, small enough for tests.</summary>
internal static class TestProfiles
{
    /// <summary>A device that does a hundred operations or moves ten bytes in a nanosecond.</summary>
    public static DevicePeaks Peaks { get; } =
        new() { GigaflopsPerSecond = 100, GigabytesPerSecond = 10, LaunchMicroseconds = 0.01, WaitMicroseconds = 0.1 };

    /// <summary>A launch that begins and ends at the given nanoseconds.</summary>
    public static LaunchRecord Launch(
        long start, long end, Phase phase = Phase.Update, int iteration = 0, string layer = "conv1", string kernel = "K.A<Single>",
        Direction direction = Direction.Forward, long flops = 0, long bytes = 0, long? submitted = null, int batch = 0) => new()
        {
            Batch = batch,
            Phase = phase,
            Iteration = iteration,
            Layer = layer,
            Kernel = kernel,
            Direction = direction,
            Flops = flops,
            Bytes = bytes,
            Groups = 4,
            GroupSize = 32,
            SharedBytes = 0,
            Submitted = submitted ?? start,
            Returned = (submitted ?? start) + 1,
            Start = start,
            End = end,
        };

    /// <summary>A profile of these launches, in batches that begin at 0 and end at the given nanoseconds.</summary>
    public static CostProfile Of(IReadOnlyList<LaunchRecord> launches, params long[] ends) => new()
    {
        Date = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        Environment = new JsonObject { ["device"] = "a device" },
        Device = "cuda:0",
        Traits = TestDevices.Get("cpu").Traits with { Processors = 2, WarpSize = 32 },
        Options = new JsonObject { ["method"] = "pgd" },
        BatchSize = 8,
        ComputesDiscarded = false,
        WarmUps = 2,
        TimingMethod = "by hand",
        UntimedMilliseconds = [1e-3],
        GraphMilliseconds = [],
        Peaks = Peaks,
        Missed = 0,
        Waits = 0,
        Joules = null,
        EnergySource = "n/a",
        MemoryNeed = new MemoryNeed(100, 10, 1000),
        Kernels = new Dictionary<string, KernelResources> { ["K.A<Single>"] = new(40, 1024, 0, 0.5) },
        Batches = [.. ends.Select((end, i) => new TimedBatch(i, i == 0 ? 0 : ends[i - 1], end))],
        Memory = [new(0, MemoryCategory.Data, 5), new(10, MemoryCategory.Activations, 100), new(20, MemoryCategory.Activations, 0)],
        Launches = launches,
    };

    /// <summary>A measured profile of a tiny training.</summary>
    public static CostProfile Measure(string id, string options, ProfileSettings settings) =>
        new ProfileRun(TestDevices.Get(id), TinyRuns.Options(options), TinyRuns.Images(), settings) { Peaks = Peaks }.Execute();
}
