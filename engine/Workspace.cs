namespace Deat.Engine;

/// <summary>What memory is held for; the pool counts live and peak bytes by it.</summary>
public enum MemoryCategory
{
    /// <summary>Weights, biases, running statistics.</summary>
    Parameters,

    /// <summary>Gradients of parameters.</summary>
    Gradients,

    /// <summary>Momentum and other state of the optimizer.</summary>
    Optimizer,

    /// <summary>What a tape records and its gradients.</summary>
    Activations,

    /// <summary>Images, labels, perturbations.</summary>
    Data,

    /// <summary>What an op needs while it runs: packed and transformed weights, partial sums.</summary>
    Workspace,
}

/// <summary>
/// Owns tensors and gives all of them back to the pool at once when disposed. A module has one for its parameters; a
/// <see cref="Tape"/> is one for everything made while it records.
/// </summary>
public class Workspace(ComputeDevice device, MemoryCategory category) : IDisposable
{
    private readonly List<DeviceBuffer> _buffers = [];
    private int _made;
    private bool _disposed;

    /// <summary>The device of all tensors made here.</summary>
    public ComputeDevice Device { get; } = device;

    /// <summary>Numbers of tensors that will be there longer than the others made here: they take no memory that those use.</summary>
    internal int[] Lasting { get; set; } = [];

    /// <summary>A tensor in the device's layout for activations. Its elements are undefined, its border is zero.</summary>
    public Tensor Activation(Shape shape, ElementType type) => Allocate(Device.Traits.LayoutFor(shape), type);

    /// <summary>A tensor in plain N, C, H, W order without a border. Its elements are undefined.</summary>
    public Tensor Plain(Shape shape, ElementType type) => Allocate(Layout.Plain(shape), type);

    /// <summary>A plain tensor with the given elements.</summary>
    public Tensor Plain<T>(Shape shape, ElementType type, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Tensor tensor = Plain(shape, type);
        tensor.CopyFrom(values);
        return tensor;
    }

    /// <summary>An activation with the given elements, in N, C, H, W order.</summary>
    public Tensor Activation<T>(Shape shape, ElementType type, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Tensor tensor = Activation(shape, type);
        tensor.CopyFrom(values);
        return tensor;
    }

    /// <summary>A tensor of the given layout. Its elements are undefined, its border is zero.</summary>
    /// <exception cref="ObjectDisposedException">All memory was given back.</exception>
    public Tensor Allocate(Layout layout, ElementType type) => Allocate(layout, type, category);

    /// <summary>A plain tensor for an op while it runs, to be released at its end.</summary>
    internal Tensor Scratch(Shape shape, ElementType type) => Allocate(Layout.Plain(shape), type, MemoryCategory.Workspace);

    /// <summary>Memory for a tensor that was released. Its elements are undefined.</summary>
    internal void AllocateAgain(Tensor tensor) => tensor.Buffer = Rent(tensor.Layout, tensor.Type, category);

    private Tensor Allocate(Layout layout, ElementType type, MemoryCategory kind) => new(Rent(layout, type, kind), 0, layout, type);

    private DeviceBuffer Rent(Layout layout, ElementType type, MemoryCategory kind)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int number = _made++;
        DeviceBuffer buffer = Device.Pool.Rent(layout, type, Lasting.Contains(number) ? MemoryCategory.Data : kind);
        buffer.Number = number;
        _buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Gives one tensor back before the others; nothing if it was made elsewhere, or given back before.</summary>
    public void Release(Tensor tensor)
    {
        if (_buffers.Remove(tensor.Buffer))
            Device.Pool.Return(tensor.Buffer);
    }

    /// <summary>Gives all tensors back but <paramref name="kept"/>.</summary>
    internal void ReleaseAllBut(params ReadOnlySpan<Tensor?> kept)
    {
        for (int i = _buffers.Count - 1; i >= 0; i--)
        {
            bool isKept = false;
            foreach (Tensor? tensor in kept)
                isKept |= tensor?.Buffer == _buffers[i];
            if (isKept)
                continue;
            Device.Pool.Return(_buffers[i]);
            _buffers.RemoveAt(i);
        }
    }

    /// <summary>Gives all memory back to the pool.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives all memory back to the pool.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach (DeviceBuffer buffer in _buffers)
            Device.Pool.Return(buffer);
        _buffers.Clear();
        _disposed = true;
    }
}
