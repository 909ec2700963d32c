using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>Live and peak bytes of one category.</summary>
/// <param name="Live">Bytes rented now.</param>
/// <param name="Peak">The most bytes rented at once.</param>
public readonly record struct MemoryUse(long Live, long Peak);

/// <summary>
/// Keeps device memory for reuse, so that a training step allocates nothing after the first ones. Buffers are
/// reused for whatever fits and takes at least half of them; those with a border for images of the same size, so that it stays zero.
/// </summary>
public sealed class BufferPool : IDisposable
{
    private const int GuardBytes = 256;

    // A small tensor in a large buffer would make the next large one allocate.
    private const int MaxExcess = 2;

    // Workspaces of nearly the same size are one buffer's, not many buffers'.
    private const long Grain = 1 << 20;

    // A NaN in binary32 and binary64 that no arithmetic makes: writes into a red zone show, and so do sums that read it.
    private const uint GuardPattern = 0x7FFDA5A5;

    private readonly ComputeDevice _device;
    // By border, or none, and purpose; then by capacity.
    private readonly Dictionary<(Layout Block, ElementType Type, Purpose Purpose), SortedList<long, Stack<DeviceBuffer>>> _free = [];
    private readonly HashSet<MemoryBuffer> _rented = [];
    private readonly MemoryUse[] _use = new MemoryUse[Enum.GetValues<MemoryCategory>().Length];
    private long _freeBytes;
    private long _reservedBytes;

    internal BufferPool(ComputeDevice device) => _device = device;

    /// <summary>
    /// When on, every rented buffer is filled with NaN (bytes: 0xFF) and lies between two red zones that are checked when it
    /// comes back. For tests; set it before the first buffer is rented.
    /// </summary>
    public bool Poison { get; set; }

    /// <summary>All bytes that the pool holds from the device, rented or free.</summary>
    public long ReservedBytes => _reservedBytes;

    /// <summary>Bytes rented now, over all categories.</summary>
    public long LiveBytes => _use.Sum(use => use.Live);

    /// <summary>Live and peak bytes of a category.</summary>
    public MemoryUse Use(MemoryCategory category) => _use[(int)category];

    internal DeviceBuffer Rent(Layout layout, ElementType type, MemoryCategory category)
    {
        if ((long)(layout.Shape.N + 1) * layout.ImageStride > int.MaxValue)
        {
            throw new DeviceException(
                $"a tensor {layout.Shape} has more elements than the {int.MaxValue:N0} that a view can have; a smaller batch needs less");
        }

        PoolKey key = PoolKey.Of(layout, type);
        DeviceBuffer buffer;
        if (TakeFree(key, category) is { } reused)
        {
            buffer = new DeviceBuffer(_device, reused.Memory, key, reused.Guard);
            _freeBytes -= reused.Capacity;
        }
        else if (_device.IsRecording)
        {
            // What was rented so far is not given back yet, so that this allocates.
            throw new NotWhileRecordingException(() => Return(Rent(layout, type, category)));
        }
        else
        {
            buffer = Allocate(key, category);
        }

        (buffer.IsLive, buffer.Category) = (true, category);
        _rented.Add(buffer.Memory);
        _device.NoteRental(buffer.Memory);
        Count(category, key.Bytes);
        if (Poison)
            Fill(buffer, key.Bytes);
        return buffer;
    }

    internal void Return(DeviceBuffer buffer)
    {
        if (!buffer.IsLive)
            throw new InvalidOperationException("A buffer was given back twice.");
        if (Poison)
            CheckGuards(buffer);
        buffer.IsLive = false;
        _rented.Remove(buffer.Memory);
        Count(buffer.Category, -buffer.Key.Bytes);
        var kind = (buffer.Key.Block, buffer.Key.Type, PurposeOf(buffer.Category));
        if (!_free.TryGetValue(kind, out SortedList<long, Stack<DeviceBuffer>>? sizes))
            _free[kind] = sizes = [];
        if (!sizes.TryGetValue(buffer.Capacity, out Stack<DeviceBuffer>? stack))
            sizes[buffer.Capacity] = stack = new Stack<DeviceBuffer>();
        stack.Push(buffer);
        _freeBytes += buffer.Capacity;
    }

    /// <summary>Whether <paramref name="memory"/> is the device's still and nobody has it.</summary>
    internal bool IsFree(MemoryBuffer memory) => !memory.IsDisposed && !_rented.Contains(memory);

    /// <summary>Fills all free buffers with NaN, as others might who rent them; borders stay zero. For tests.</summary>
    internal void PoisonFree()
    {
        foreach (DeviceBuffer buffer in _free.Values.SelectMany(sizes => sizes.Values).SelectMany(stack => stack))
            Fill(buffer, buffer.Capacity);
    }

    /// <summary>Gives free buffers back to the device.</summary>
    public void Trim()
    {
        _device.Synchronize();
        foreach (DeviceBuffer buffer in _free.Values.SelectMany(sizes => sizes.Values).SelectMany(stack => stack))
            buffer.Memory.Dispose();
        _free.Clear();
        _reservedBytes -= _freeBytes;
        _freeBytes = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Trim();

    private DeviceBuffer? TakeFree(PoolKey key, MemoryCategory category)
    {
        if (!_free.TryGetValue((key.Block, key.Type, PurposeOf(category)), out SortedList<long, Stack<DeviceBuffer>>? sizes))
            return null;
        // Red zones would lie on borders behind a smaller tensor.
        long most = Poison && key.Block.Border > 0 ? key.Bytes : MaxExcess * Capacity(key, category);
        for (int i = 0; i < sizes.Count; i++)
        {
            long capacity = sizes.GetKeyAtIndex(i);
            if (capacity >= key.Bytes && capacity <= most && sizes.GetValueAtIndex(i).TryPop(out DeviceBuffer? buffer))
                return buffer;
        }

        return null;
    }

    // What lasts must not come to hold what a graph writes into, nor a small tensor that is kept what a large workspace needs.
    private enum Purpose
    {
        Lasting,
        Activations,
        Workspace,
    }

    private static Purpose PurposeOf(MemoryCategory category) => category switch
    {
        MemoryCategory.Activations => Purpose.Activations,
        MemoryCategory.Workspace => Purpose.Workspace,
        _ => Purpose.Lasting,
    };

    // The free workspaces that a larger one replaces, so that those of all layers do not add up.
    private void GiveBackSmaller(long capacity)
    {
        if (!_free.TryGetValue((default, ElementType.UInt8, Purpose.Workspace), out SortedList<long, Stack<DeviceBuffer>>? sizes))
            return;
        foreach ((long size, Stack<DeviceBuffer> buffers) in sizes.Where(free => free.Key < capacity && free.Key * MaxExcess >= capacity))
        {
            if (buffers.Count > 0)
                _device.Synchronize();
            while (buffers.TryPop(out DeviceBuffer? buffer))
            {
                buffer.Memory.Dispose();
                (_freeBytes, _reservedBytes) = (_freeBytes - size, _reservedBytes - size);
            }
        }
    }

    private void Count(MemoryCategory category, long bytes)
    {
        MemoryUse use = _use[(int)category];
        long live = use.Live + bytes;
        _use[(int)category] = new MemoryUse(live, Math.Max(use.Peak, live));
        _device.Timer?.NoteMemory(category, live);
    }

    private DeviceBuffer Allocate(PoolKey key, MemoryCategory category)
    {
        MemoryBuffer1D<byte, Stride1D.Dense> memory;
        int guard = Poison ? GuardBytes : 0;
        long capacity = Capacity(key, category), bytes = capacity + (2 * guard);
        if (PurposeOf(category) == Purpose.Workspace && capacity >= Grain)
            GiveBackSmaller(capacity);
        try
        {
            memory = _device.Accelerator.Allocate1D<byte>(bytes);
        }
        catch (Exception) when (_freeBytes > 0)
        {
            Trim();
            return Allocate(key, category);
        }
        catch (Exception e) when (e is not DeviceException)
        {
            throw new DeviceException(
                $"out of memory on '{_device.Name}': {bytes:N0} bytes asked, {ReservedBytes:N0} held, "
                + $"{_device.Traits.MemoryBytes:N0} in all; a smaller batch needs less", e);
        }

        _reservedBytes += capacity;
        // Whole-buffer MemSet only: on OpenCL, ILGPU 1.5.3 clears the wrong part of a sub-view.
        memory.MemSetToZero(_device.Stream);
        return new DeviceBuffer(_device, memory, key, guard);
    }

    private static long Capacity(PoolKey key, MemoryCategory category) =>
        PurposeOf(category) == Purpose.Workspace && key.Bytes > Grain ? (key.Bytes + Grain - 1) / Grain * Grain : key.Bytes;

    // What is behind the first bytes are red zones.
    private void Fill(DeviceBuffer buffer, long length)
    {
        byte[] bytes = new byte[buffer.Memory.Length];
        MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(0, buffer.Guard)).Fill(GuardPattern);
        MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(buffer.Guard + (int)length)).Fill(GuardPattern);
        Span<byte> body = bytes.AsSpan(buffer.Guard, (int)length);
        int size = buffer.Key.Type.Bytes();
        foreach ((int start, int count) in InteriorRows(buffer.Key.Filling(length)))
            body.Slice(start * size, count * size).Fill(0xFF);
        ((ArrayView<byte>)buffer.Memory.View).CopyFromCPU(_device.Stream, bytes);
        _device.Synchronize();
    }

    // In the order of memory: what lies between two of them is border.
    private static IEnumerable<(int Start, int Length)> InteriorRows(Layout layout)
    {
        for (int n = 0; n < layout.Shape.N; n++)
            for (int c = 0; c < layout.Shape.C; c += layout.Block)
                for (int h = 0; h < layout.Shape.H; h++)
                    yield return (layout.Index(n, c, h, 0), layout.Shape.W * layout.Block);
    }

    private void CheckGuards(DeviceBuffer buffer)
    {
        byte[] bytes = new byte[buffer.Memory.Length];
        ((ArrayView<byte>)buffer.Memory.View).CopyToCPU(_device.Stream, bytes);
        _device.Synchronize();
        if (MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(0, buffer.Guard)).ContainsAnyExcept(GuardPattern)
            || MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(buffer.Guard + (int)buffer.Key.Bytes)).ContainsAnyExcept(GuardPattern))
            throw new InvalidOperationException($"A kernel wrote outside a buffer of {buffer.Key.Bytes} bytes.");
        if (buffer.Key.Block.Border > 0)
            CheckBorder(buffer.Key, bytes.AsSpan(buffer.Guard, (int)buffer.Key.Bytes));
    }

    private static void CheckBorder(PoolKey key, ReadOnlySpan<byte> body)
    {
        int size = key.Type.Bytes();
        int position = 0;
        Layout layout = key.Filling(key.Bytes);
        foreach ((int start, int length) in InteriorRows(layout).Append((layout.Length, 0)))
        {
            int place = body[(position * size)..(start * size)].IndexOfAnyExcept((byte)0);
            if (place >= 0)
            {
                throw new InvalidOperationException(
                    $"A kernel wrote into the border of a tensor {layout.Shape} (element {position + (place / size)}).");
            }

            position = start + length;
        }
    }
}
