using ILGPU;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// Bytes on a device, rented from the pool once: the same memory rented again is another one of these, so that whoever still holds
/// this one is told. Always a whole byte buffer: see the folder's README for why.
/// </summary>
internal sealed class DeviceBuffer(ComputeDevice device, MemoryBuffer1D<byte, Stride1D.Dense> memory, PoolKey key, int guard)
{
    public ComputeDevice Device { get; } = device;

    public PoolKey Key { get; } = key;

    public MemoryCategory Category { get; set; }

    public bool IsLive { get; set; }

    /// <summary>How many tensors its workspace had made before.</summary>
    public int Number { get; set; }

    public MemoryBuffer1D<byte, Stride1D.Dense> Memory { get; } = memory;

    /// <summary>Bytes of a red zone on each side; none outside tests, so that a checker like Oclgrind sees the true end.</summary>
    public int Guard => guard;

    /// <summary>The tensor's bytes, without the red zones.</summary>
    public ArrayView<byte> Bytes => ((ArrayView<byte>)Memory.View).SubView(guard, Key.Bytes);

    /// <summary>The most bytes that a tensor in this memory can have.</summary>
    public long Capacity => Memory.Length - (2 * guard);
}

/// <summary>What a buffer is rented for: a size, and where there is a zero border to keep, what lies between two borders.</summary>
/// <param name="Bytes">The size.</param>
/// <param name="Block">The layout of one block of channels of one image, which repeats; default without a border.</param>
/// <param name="Type">The element type; bytes without a border.</param>
internal readonly record struct PoolKey(long Bytes, Layout Block, ElementType Type)
{
    public static PoolKey Of(Layout layout, ElementType type)
    {
        long bytes = (long)layout.Length * type.Bytes();
        return layout.Border == 0
            ? new PoolKey(bytes, default, ElementType.UInt8)
            : new PoolKey(bytes, layout with { Shape = layout.Shape with { N = 1, C = layout.Block } }, type);
    }

    /// <summary>As many blocks as fit into <paramref name="bytes"/>.</summary>
    public Layout Filling(long bytes) => Block.Border == 0
        ? Layout.Plain(new Shape(1, 1, 1, checked((int)bytes)))
        : Block with { Shape = Block.Shape with { N = checked((int)(((bytes / Type.Bytes()) - Block.Length) / Block.BlockStride) + 1) } };
}
