using Deat.Engine;

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
        new EngineLaunches(isWaited: false, device), new EngineLaunches(isWaited: true, device),
    ];

    /// <summary>The numbers of the roofline of a precision; all have the bandwidth of the copy.</summary>
    public static IEnumerable<Measured> Peaks(ComputeDevice device, Precision precision) => precision == Precision.Float32
        ? [new EngineCopy(device), new EngineMultiplyAdds(device)]
        : [new EngineMatrixProducts(device, precision)];
}

/// <summary>A copy that no cache holds.</summary>
public sealed class EngineCopy(ComputeDevice device) : EngineWork(Roofline.Copy, device)
{
    private readonly Shape _shape = new(1, (device.Traits.IsCpuLike ? 64 : 256) << 18);
    private Tensor _x = null!;
    private Tensor _y = null!;

    /// <inheritdoc/>
    public override long Bytes => 2 * sizeof(float) * _shape.Count;

    /// <inheritdoc/>
    public override void Prepare()
    {
        _x = Workspace.Plain(_shape, ElementType.Float32);
        _y = Workspace.Plain(_shape, ElementType.Float32);
        Ops.Fill(_x, 1);
    }

    /// <inheritdoc/>
    public override void Run() => Ops.Copy(_x, _y);
}

/// <summary>Multiply-adds of enough work-items to fill the device.</summary>
public sealed class EngineMultiplyAdds(ComputeDevice device) : EngineWork(Roofline.MultiplyAdds, device)
{
    // GPUs: 2,048 work-items on each multiprocessor, eight times over. CPUs: lanes of eight for each core, four times over.
    private readonly Shape _shape = new(1, device.Traits.Processors * (device.Traits.IsCpuLike ? 32 : 16_384));
    private readonly int _iterations = device.Traits.IsCpuLike ? 20_000 : 500;
    private Tensor _sums = null!;

    /// <inheritdoc/>
    public override long Flops => _shape.Count * _iterations * Ops.MultiplyAddFlops;

    /// <inheritdoc/>
    public override void Prepare() => _sums = Workspace.Plain(_shape, ElementType.Float32);

    /// <inheritdoc/>
    public override void Run() => Ops.MultiplyAdds(_sums, 0.5, _iterations);
}

/// <summary>Products of matrices in the tensor cores, of enough warps to fill the device.</summary>
public sealed class EngineMatrixProducts(ComputeDevice device, Precision precision)
    : EngineWork(Roofline.MatrixProducts, device, precision)
{
    private const int Iterations = 2000;

    // Three groups of 128 are on each multiprocessor at a time, eight times over.
    private readonly Shape _shape = new(1, device.Traits.Processors * 3 * 128 * 8);
    private Tensor _sums = null!;

    /// <inheritdoc/>
    public override long Flops => _shape.Count * Iterations * Ops.MatrixProductFlops(Precision);

    /// <inheritdoc/>
    public override void Prepare() => _sums = Workspace.Plain(_shape, ElementType.Float32);

    /// <inheritdoc/>
    public override void Run() => Ops.MatrixProducts(_sums, Precision, 0.5f, 0.75f, Iterations);
}

/// <summary>A thousand launches of a kernel that does next to nothing.</summary>
public sealed class EngineLaunches(bool isWaited, ComputeDevice device)
    : EngineWork(isWaited ? DeviceSuite.WaitedLaunches : DeviceSuite.Launches, device)
{
    private Tensor _tensor = null!;

    /// <inheritdoc/>
    public override void Prepare() => _tensor = Workspace.Plain(new Shape(1, 1), ElementType.Float32);

    /// <inheritdoc/>
    public override void Run()
    {
        for (int i = 0; i < 1000; i++)
        {
            Ops.Fill(_tensor, 0);
            if (isWaited)
                Device.Synchronize();
        }
    }
}
