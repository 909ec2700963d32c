using BenchmarkDotNet.Attributes;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>
/// A <see cref="Measured"/> of the engine under BenchmarkDotNet, on each usable device. What must not be timed (the forward pass before
/// a backward pass) is the set-up of an iteration, so an iteration is one run.
/// </summary>
[InProcess]
[MinColumn]
[MedianColumn]
public abstract class MeasuredBenchmark
{
    private ComputeDevice _device = null!;
    private Measured _measured = null!;

    /// <summary>Ids of the devices to measure: those of DEAT_DEVICES, separated by commas, or all usable ones.</summary>
    public static IEnumerable<string> Devices => BenchmarkDevices.Ids(Environment.GetEnvironmentVariable("DEAT_DEVICES"));

    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    [Params(32)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _device = ComputeDevice.Open(Device);
        _measured = Create(_device);
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
        _device.Dispose();
    }

    protected abstract Measured Create(ComputeDevice device);
}
