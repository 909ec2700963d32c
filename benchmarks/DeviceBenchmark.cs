using BenchmarkDotNet.Attributes;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>
/// A benchmark on each usable device. Kernels are launched asynchronously, so every measured method ends with a wait for the device.
/// </summary>
[InProcess]
[MinColumn]
[MedianColumn]
public abstract class DeviceBenchmark
{
    /// <summary>Ids of the devices to measure: those of DEAT_DEVICES, separated by commas, or all usable ones.</summary>
    public static IEnumerable<string> Devices =>
        Environment.GetEnvironmentVariable("DEAT_DEVICES")?.Split(',')
        ?? ComputeDevice.List().Where(listing => listing.IsUsable).Select(listing => listing.Id);

    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    protected ComputeDevice Opened { get; private set; } = null!;

    protected Workspace Workspace { get; private set; } = null!;

    [GlobalSetup]
    public void Open()
    {
        Opened = ComputeDevice.Open(Device);
        Workspace = new Workspace(Opened, MemoryCategory.Data);
        Prepare();
    }

    [GlobalCleanup]
    public void Close()
    {
        Release();
        Workspace.Dispose();
        Opened.Dispose();
    }

    protected abstract void Prepare();

    protected virtual void Release()
    {
    }

    /// <summary>Numbers in [-1, 1) that follow from the seed.</summary>
    protected static float[] Numbers(long count, ulong seed)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (2 * Philox.Uniform(Philox.Word(new RandomKey(seed, Purpose.Data), i))) - 1;
        return values;
    }
}
