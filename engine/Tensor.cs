using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// Elements on a device. A tensor has no finalizer and is not disposed by hand: the <see cref="Workspace"/> that made it gives
/// its memory back.
/// </summary>
public sealed class Tensor
{
    private readonly int _offset;

    internal Tensor(DeviceBuffer buffer, int offset, Layout layout, ElementType type)
    {
        (Buffer, _offset, Layout, Type) = (buffer, offset, layout, type);
    }

    /// <summary>The extents.</summary>
    public Shape Shape => Layout.Shape;

    /// <summary>The arrangement in memory.</summary>
    public Layout Layout { get; }

    /// <summary>The element type.</summary>
    public ElementType Type { get; }

    /// <summary>The device that holds the elements.</summary>
    public ComputeDevice Device => Buffer.Device;

    /// <summary>Where a parameter's gradient goes; null for everything that is not a parameter.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>The convolutions that these weights are packed with.</summary>
    internal ConvolutionWeights? Convolutions { get; set; }

    /// <summary>Where the elements lie; another one where its workspace gave the memory back and took some again.</summary>
    internal DeviceBuffer Buffer { get; set; }

    /// <summary>A part of a plain tensor as a tensor of its own: <paramref name="shape"/> elements from <paramref name="start"/>.</summary>
    public Tensor Slice(int start, Shape shape)
    {
        Require.That(Layout.Border == 0 && start >= 0 && start + shape.Count <= Layout.Length, "Slice", $"a part of {Shape}", shape);
        return new Tensor(Buffer, _offset + start, Layout.Plain(shape), Type);
    }

    /// <summary>The first images of a tensor, in its arrangement.</summary>
    public Tensor First(int images)
    {
        Require.That(images > 0 && images <= Shape.N, "First", $"1 to {Shape.N} images", images);
        return new Tensor(Buffer, _offset, Layout with { Shape = Shape with { N = images } }, Type);
    }

    /// <summary>Makes this tensor a parameter whose gradient the tape writes to <paramref name="gradient"/>.</summary>
    public Tensor WithGradient(Tensor gradient)
    {
        Require.That(gradient.Layout == Layout && gradient.Type == Type, "WithGradient", Layout, gradient.Layout);
        Gradient = gradient;
        return this;
    }

    /// <summary>All elements in N, C, H, W order. Waits for the device.</summary>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        CheckType<T>();
        T[] memory = new T[Layout.Length];
        View<T>().CopyToCPU(Device.Stream, memory);
        Device.Synchronize();
        if (Layout == Layout.Plain(Shape))
            return memory;
        T[] result = new T[Shape.Count];
        Visit((index, place) => result[index] = memory[place]);
        return result;
    }

    /// <summary>Sets all elements from N, C, H, W order; the border stays zero.</summary>
    public void CopyFrom<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        CheckType<T>();
        Require.That(values.Length == Shape.Count, "CopyFrom", $"{Shape.Count} values", values.Length);
        T[] memory = values.ToArray();
        if (Layout != Layout.Plain(Shape))
        {
            T[] source = memory;
            memory = new T[Layout.Length];
            T[] target = memory;
            Visit((index, place) => target[place] = source[index]);
        }

        View<T>().CopyFromCPU(Device.Stream, memory);
        Device.Synchronize();
    }

    /// <summary>The raw memory, border included, for checks of what kernels must not touch.</summary>
    internal T[] Memory<T>()
        where T : unmanaged
    {
        T[] memory = new T[Layout.Length];
        View<T>().CopyToCPU(Device.Stream, memory);
        Device.Synchronize();
        return memory;
    }

    /// <summary>The memory as elements of <typeparamref name="T"/>: the element type itself or a lane of it.</summary>
    /// <exception cref="InvalidOperationException">The tensor was given back, or its length is no multiple of the lane.</exception>
    internal ArrayView<T> View<T>()
        where T : unmanaged
    {
        if (!Buffer.IsLive)
            throw new InvalidOperationException($"Tensor {Shape} is used after its workspace gave it back.");
        long start = (long)_offset * Type.Bytes();
        long bytes = (long)Layout.Length * Type.Bytes();
        int size = Interop.SizeOf<T>();
        if (start % size != 0 || bytes % size != 0)
            throw new InvalidOperationException($"Tensor {Shape} of {bytes} bytes at byte {start} is no array of {size}-byte lanes.");
        return Buffer.Bytes.SubView(start, bytes).Cast<T>();
    }

    private void CheckType<T>()
        where T : unmanaged =>
        Require.That(Marshal.SizeOf<T>() == Type.Bytes(), "Tensor", Type, typeof(T).Name);

    private void Visit(Action<int, int> visit)
    {
        int index = 0;
        for (int n = 0; n < Shape.N; n++)
            for (int c = 0; c < Shape.C; c++)
                for (int h = 0; h < Shape.H; h++)
                    for (int w = 0; w < Shape.W; w++)
                        visit(index++, Layout.Index(n, c, h, w));
    }
}
