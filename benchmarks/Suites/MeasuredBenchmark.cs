using BenchmarkDotNet.Attributes;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>
/// A <see cref="Measured"/> under BenchmarkDotNet, the engine's on each usable device. What must not be timed (the forward pass before
/// a backward pass) is the set-up of an iteration, so an iteration is one run. No collection is forced before it: a run leaves nothing
/// to collect, and right after a forced one a driver's kernels take up to twice their time.
/// </summary>
[InProcess]
[GcForce(false)]
[MinColumn]
[MedianColumn]
public abstract class MeasuredBenchmark
{
    private ComputeDevice? _device;
    private Measured _measured = null!;

    /// <summary>Another library that does the same beside the devices, and how; null if there is none.</summary>
    public static (string Name, Func<MeasuredBenchmark, Measured> Create)? Beside { get; set; }

    /// <summary>The other library, and ids of the devices to measure: those of DEAT_DEVICES, with commas, or all usable ones.</summary>
    public static IEnumerable<string> Devices =>
    [
        .. Beside is { } other ? [other.Name] : (string[])[],
        .. BenchmarkDevices.Ids(Environment.GetEnvironmentVariable("DEAT_DEVICES")),
    ];

    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    [Params(32)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _measured = Beside is { } other && other.Name == Device ? other.Create(this) : Create(_device = ComputeDevice.Open(Device));
        _measured.Prepare();
    }

    [IterationSetup]
    public void Before() => _measured.Before(1);

    [Benchmark]
    public void Run()
    {
        _measured.Run();
        _measured.Finish();
    }

    [GlobalCleanup]
    public void Close()
    {
        _measured.Dispose();
        _device?.Dispose();
    }

    protected abstract Measured Create(ComputeDevice device);
}
