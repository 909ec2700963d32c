using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>What a device can do at most: its roofline, and what a launch costs.</summary>
public static class DeviceSuite
{
    /// <summary>Launches that nobody waits for one by one: a thousand, so that milliseconds are microseconds of each.</summary>
    public const string Launches = "1,000 launches, one wait";

    /// <summary>Launches with a wait after each.</summary>
    public const string WaitedLaunches = "1,000 launches, each waited for";

    /// <summary>Everything on <paramref name="device"/>.</summary>
    public static IEnumerable<Measured> Of(ComputeDevice device) =>
    [
        .. Enum.GetValues<Precision>().Where(precision => precision == Precision.Float32 || device.Traits.HasTensorCores)
            .SelectMany(precision => Peaks(device, precision)),
        new EngineProbe(Launches, device, workspace => Probes.Launches(workspace, isWaited: false)),
        new EngineProbe(WaitedLaunches, device, workspace => Probes.Launches(workspace, isWaited: true)),
    ];

    /// <summary>The numbers of the roofline of a precision; all have the bandwidth of the copy.</summary>
    public static IEnumerable<Measured> Peaks(ComputeDevice device, Precision precision) => precision == Precision.Float32
        ? [new EngineProbe(Roofline.Copy, device, Probes.Copy), new EngineProbe(Roofline.MultiplyAdds, device, Probes.MultiplyAdds)]
        : [new EngineProbe(Roofline.MatrixProducts, device, workspace => Probes.MatrixProducts(workspace, precision), precision)];
}

/// <summary>A probe of the device.</summary>
/// <param name="what">What it is called in reports.</param>
/// <param name="device">The device.</param>
/// <param name="make">Makes the probe; its tensors belong to the workspace.</param>
/// <param name="precision">Of products in tensor cores.</param>
public sealed class EngineProbe(
    string what, ComputeDevice device, Func<Workspace, Probe> make, Precision precision = Precision.Float32)
    : EngineWork(what, device, precision)
{
    private Probe? _probe;

    /// <inheritdoc/>
    public override long Flops => _probe?.Flops ?? 0;

    /// <inheritdoc/>
    public override long Bytes => _probe?.Bytes ?? 0;

    /// <inheritdoc/>
    public override void Prepare() => _probe = make(Workspace);

    /// <inheritdoc/>
    public override void Run() => _probe!.Run();
}
