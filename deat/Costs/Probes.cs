using System.Diagnostics;
using Deat.Engine;

namespace Deat.Training;

/// <summary>Work that shows what a device can do at most.</summary>
/// <param name="Flops">Floating-point operations of a run.</param>
/// <param name="Bytes">Bytes that a run reads and writes.</param>
/// <param name="Run">Launches it; it need not be complete when the call returns.</param>
public sealed record Probe(long Flops, long Bytes, Action Run);

/// <summary>The probes of a device. Their tensors belong to the workspace.</summary>
public static class Probes
{
    /// <summary>Launches in <see cref="Launches"/>: a thousand, so that milliseconds are microseconds of each.</summary>
    public const int LaunchCount = 1000;

    private const int MatrixIterations = 2000;

    /// <summary>A copy that no cache holds.</summary>
    public static Probe Copy(Workspace workspace)
    {
        Shape shape = new(1, (workspace.Device.Traits.IsCpuLike ? 64 : 256) << 18);
        Tensor x = workspace.Plain(shape, ElementType.Float32), y = workspace.Plain(shape, ElementType.Float32);
        Ops.Fill(x, 1);
        return new Probe(0, 2 * sizeof(float) * shape.Count, () => Ops.Copy(x, y));
    }

    /// <summary>Float32 multiply-adds in registers, of enough work-items to fill the device.</summary>
    public static Probe MultiplyAdds(Workspace workspace)
    {
        DeviceTraits traits = workspace.Device.Traits;
        // GPUs: 2,048 work-items on each multiprocessor, eight times over. CPUs: lanes of eight for each core, 128 times over: of fewer, a
        // core that wakes up late finds that the other has taken all (measured: half the rate in one of four runs).
        Shape shape = new(1, traits.Processors * (traits.IsCpuLike ? 1024 : 16_384));
        int iterations = traits.IsCpuLike ? 2_500 : 500;
        Tensor sums = workspace.Plain(shape, ElementType.Float32);
        return new Probe(shape.Count * iterations * Ops.MultiplyAddFlops, 0, () => Ops.MultiplyAdds(sums, 0.5, iterations));
    }

    /// <summary>Products of matrices in the tensor cores, of enough warps to fill the device.</summary>
    /// <exception cref="DeviceException">The device has no tensor cores for this precision.</exception>
    public static Probe MatrixProducts(Workspace workspace, Precision precision)
    {
        // Three groups of 128 are on each multiprocessor at a time, eight times over.
        Shape shape = new(1, workspace.Device.Traits.Processors * 3 * 128 * 8);
        Tensor sums = workspace.Plain(shape, ElementType.Float32);
        return new Probe(
            shape.Count * MatrixIterations * Ops.MatrixProductFlops(precision), 0,
            () => Ops.MatrixProducts(sums, precision, 0.5f, 0.75f, MatrixIterations));
    }

    /// <summary>A thousand launches of a kernel that does next to nothing.</summary>
    /// <param name="workspace">Owns the kernel's tensor.</param>
    /// <param name="isWaited">Whether each is waited for.</param>
    public static Probe Launches(Workspace workspace, bool isWaited)
    {
        Tensor tensor = workspace.Plain(new Shape(1, 1), ElementType.Float32);
        return new Probe(0, 0, () =>
        {
            for (int i = 0; i < LaunchCount; i++)
            {
                Ops.Fill(tensor, 0);
                if (isWaited)
                    workspace.Device.Synchronize();
            }
        });
    }
}

/// <summary>What a device can do at most, measured by kernels of the engine.</summary>
public sealed record DevicePeaks
{
    private const int WarmUps = 2, LeastRuns = 5;
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(0.3);

    /// <summary>10^9 bytes per second of a copy, reading and writing counted.</summary>
    public required double GigabytesPerSecond { get; init; }

    /// <summary>10^9 floating-point operations per second of multiply-adds in float32.</summary>
    public required double GigaflopsPerSecond { get; init; }

    /// <summary>The same of products in tensor cores in TF32; null where there are none.</summary>
    public double? TensorFloat32GigaflopsPerSecond { get; init; }

    /// <summary>The same in BF16.</summary>
    public double? BFloat16GigaflopsPerSecond { get; init; }

    /// <summary>Microseconds from launch to launch of a kernel that does next to nothing.</summary>
    public required double LaunchMicroseconds { get; init; }

    /// <summary>Microseconds of such a launch with the wait for it.</summary>
    public required double WaitMicroseconds { get; init; }

    /// <summary>The peak for the arithmetic of a kernel, by its type arguments.</summary>
    public double GigaflopsOf(string kernel) =>
        (kernel.Contains(nameof(Precision.BFloat16), StringComparison.Ordinal) ? BFloat16GigaflopsPerSecond
            : kernel.Contains(nameof(Precision.TensorFloat32), StringComparison.Ordinal) ? TensorFloat32GigaflopsPerSecond : null)
        ?? GigaflopsPerSecond;

    /// <summary>Measures a device: the fastest of some runs counts. Takes about two seconds.</summary>
    public static DevicePeaks Measure(ComputeDevice device)
    {
        double? Tensor(Precision precision) => device.Traits.HasTensorCores
            ? FlopsPerNanosecond(device, workspace => Probes.MatrixProducts(workspace, precision))
            : null;
        return new DevicePeaks
        {
            GigabytesPerSecond = Best(device, Probes.Copy, (probe, time) => probe.Bytes / time),
            GigaflopsPerSecond = FlopsPerNanosecond(device, Probes.MultiplyAdds),
            TensorFloat32GigaflopsPerSecond = Tensor(Precision.TensorFloat32),
            BFloat16GigaflopsPerSecond = Tensor(Precision.BFloat16),
            LaunchMicroseconds = Microseconds(device, isWaited: false),
            WaitMicroseconds = Microseconds(device, isWaited: true),
        };
    }

    private static double FlopsPerNanosecond(ComputeDevice device, Func<Workspace, Probe> make) =>
        Best(device, make, (probe, time) => probe.Flops / time);

    private static double Microseconds(ComputeDevice device, bool isWaited) =>
        1e-3 / Best(device, workspace => Probes.Launches(workspace, isWaited), (_, time) => Probes.LaunchCount / time);

    /// <summary>The highest rate over some runs; time is in nanoseconds.</summary>
    private static double Best(ComputeDevice device, Func<Workspace, Probe> make, Func<Probe, double, double> rate)
    {
        using Workspace workspace = new(device, MemoryCategory.Data);
        Probe probe = make(workspace);
        double best = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int run = -WarmUps; run < LeastRuns || Stopwatch.GetElapsedTime(begin) < LeastTime; run++)
        {
            long start = Stopwatch.GetTimestamp();
            probe.Run();
            device.Synchronize();
            double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            if (run >= 0)
                best = Math.Max(best, rate(probe, nanoseconds));
        }

        return best;
    }
}
