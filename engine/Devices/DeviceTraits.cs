namespace Deat.Engine;

/// <summary>The compiler and driver behind a device.</summary>
public enum Backend
{
    /// <summary>ILGPU's CPU accelerator: kernels are .NET methods on threads of this process.</summary>
    Cpu,

    /// <summary>OpenCL C, compiled by the device's driver.</summary>
    OpenCL,

    /// <summary>PTX, compiled by NVIDIA's driver.</summary>
    Cuda,
}

/// <summary>Facts about a device, read once when it is listed. All choices of kernel and tile follow from them.</summary>
public sealed record DeviceTraits
{
    /// <summary>The compiler and driver.</summary>
    public required Backend Backend { get; init; }

    /// <summary>
    /// True where one work-item owns a whole register tile and group size is 1 (the CPU accelerator, OpenCL on CPUs); false
    /// where groups of work-items run together (GPUs).
    /// </summary>
    public required bool IsCpuLike { get; init; }

    /// <summary>Cores, compute units or multiprocessors.</summary>
    public required int Processors { get; init; }

    /// <summary>Work-items that run in lockstep.</summary>
    public required int WarpSize { get; init; }

    /// <summary>The largest group.</summary>
    public required int MaxGroupSize { get; init; }

    /// <summary>Shared (local) memory of a group, bytes.</summary>
    public required int SharedBytes { get; init; }

    /// <summary>Device memory, bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Whether binary64 arithmetic is there.</summary>
    public required bool HasFloat64 { get; init; }

    /// <summary>Whether OpenCL's generic address space is there; true elsewhere.</summary>
    public required bool HasGenericAddressSpace { get; init; }

    /// <summary>Elements of binary32 in the widest vector register of a CPU-like device.</summary>
    public int VectorWidth { get; init; } = 8;

    /// <summary>Work-items per group on GPUs, unless the kernel's <see cref="GroupSizeAttribute"/> says otherwise.</summary>
    internal const int GpuGroupSize = 128;

    /// <summary>Whether tensor cores multiply TF32 and BF16: NVIDIA's from compute capability 8.0.</summary>
    public bool HasTensorCores { get; init; }

    /// <summary>Whether launches can be recorded and launched again as one: NVIDIA's driver from CUDA 11.4.</summary>
    public bool HasGraphs { get; init; }

    /// <summary>Work-items per group for kernels that do not cooperate.</summary>
    public int GroupSize => IsCpuLike ? 1 : Math.Min(GpuGroupSize, MaxGroupSize);

    /// <summary>
    /// Channels from which Winograd's tiles beat the definition: measured on two cores at batch 32 and 64 (the transforms cost more where
    /// .NET compiles them). On GPUs it was not measured and is not used unless asked for.
    /// </summary>
    public int WinogradChannels => (IsCpuLike, Backend) switch
    {
        (true, Backend.Cpu) => 64,
        (true, _) => 16,
        _ => int.MaxValue,
    };

    /// <summary>The same with stride 2, where tiles save a third of the products instead of more than half: measured at batch 32.</summary>
    public int StridedWinogradChannels => (IsCpuLike, Backend) switch
    {
        (true, Backend.Cpu) => 128,
        (true, _) => 64,
        _ => int.MaxValue,
    };

    /// <summary>Elements that one work-item of an element-wise kernel handles.</summary>
    public int Chunk => IsCpuLike ? 4096 : 4;

    /// <summary>
    /// The layout of activations: on CPU-like devices 16 channels side by side (one register tile) where 16 divides C, on GPUs all
    /// channels; images with rows and columns have a border of one zero, which is what the padding of a 3x3 convolution reads.
    /// </summary>
    public Layout LayoutFor(Shape shape)
    {
        int block = IsCpuLike && shape.C % ContractionTile.Columns == 0 ? ContractionTile.Columns : shape.C;
        return new Layout(shape, block, shape.Pixels > 1 ? 1 : 0);
    }

    /// <summary>
    /// How many elements a kernel takes at a time where <paramref name="elements"/> lie side by side: eight on CPU-like devices, a vector;
    /// four on GPUs, the 128 bits that an item loads at once; one where these do not divide them.
    /// </summary>
    public int LaneWidth(int elements)
    {
        int width = IsCpuLike ? 8 : 4;
        return elements % width == 0 ? width : 1;
    }
}
