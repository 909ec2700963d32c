using Deat.Engine;
using ILGPU;
using ILGPU.Runtime;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class BufferPoolTests
{
    private const int Steps = 2000;

    private static readonly Shape Small = new(1, 1, 2, 2);

    [Test]
    public void BehavesLikeArrays(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool poison)
    {
        using ComputeDevice device = Fresh(id, poison);
        PoolModel model = new(device, seed: 1);
        for (int step = 0; step < Steps; step++)
            model.Step();
        model.ReturnAll();
        Assert.That(device.Pool.LiveBytes, Is.Zero);
        device.Pool.Trim();
        Assert.That(device.Pool.ReservedBytes, Is.Zero);
    }

    /// <summary>A byte at an offset from the first of a tensor [1, 1, 2, 2] of binary32, with its border 52 bytes long.</summary>
    [Test]
    public void WritesThatAKernelMustNotDoAreSeen(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(-256, -1, 0, 15, 24, 51, 52, 307)] int offset)
    {
        using ComputeDevice device = Fresh(id, poison: true);
        DeviceBuffer buffer = device.Pool.Rent(device.Traits.LayoutFor(Small), ElementType.Float32, MemoryCategory.Data);
        Assert.That(buffer.Key.Bytes, Is.EqualTo(52));
        Write(buffer, offset);
        string message = offset is < 0 or >= 52 ? "outside a buffer of 52 bytes" : "into the border";
        Assert.That(() => device.Pool.Return(buffer), Throws.InvalidOperationException.With.Message.Contains(message));
    }

    [TestCase(16)]
    [TestCase(23)]
    [TestCase(28)]
    [TestCase(35)]
    public void WritesToElementsAreNot(int offset)
    {
        using ComputeDevice device = Fresh("cpu", poison: true);
        DeviceBuffer buffer = device.Pool.Rent(device.Traits.LayoutFor(Small), ElementType.Float32, MemoryCategory.Data);
        Write(buffer, offset);
        Assert.That(() => device.Pool.Return(buffer), Throws.Nothing);
    }

    [Test]
    public void MemoryGivenBackTwiceIsRefused()
    {
        using ComputeDevice device = Fresh("cpu", poison: false);
        DeviceBuffer first = device.Pool.Rent(Layout.Plain(Small), ElementType.Float32, MemoryCategory.Data);
        device.Pool.Return(first);
        Assert.That(() => device.Pool.Return(first), Throws.InvalidOperationException);
        DeviceBuffer second = device.Pool.Rent(Layout.Plain(Small), ElementType.Float32, MemoryCategory.Data);
        Assert.That(second.Memory, Is.SameAs(first.Memory));
        Assert.That(() => device.Pool.Return(first), Throws.InvalidOperationException, "while it is rented again");
        Assert.That(device.Pool.LiveBytes, Is.EqualTo(16));
    }

    /// <summary>Fewer images or channels of the same size lie in the first blocks of a larger tensor, whose borders are theirs.</summary>
    [Test]
    public void ASmallerTensorHasTheBorderOfALargerOne([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using ComputeDevice device = Fresh(id, poison: false);
        using Workspace workspace = new(device, MemoryCategory.Activations);
        Tensor large = workspace.Activation(new Shape(3, 16, 5, 4), ElementType.Float32);
        OpExecution.Write(large, [.. Enumerable.Repeat(1.0, (int)large.Shape.Count)]);
        workspace.Release(large);
        Tensor small = workspace.Activation(new Shape(2, 16, 5, 4), ElementType.Float32);
        Assert.That(small.Buffer.Memory, Is.SameAs(large.Buffer.Memory));
        OpExecution.Write(small, new double[small.Shape.Count]);
        Assert.That(small.Memory<float>(), Is.All.Zero);
        Tensor other = workspace.Activation(new Shape(3, 16, 4, 5), ElementType.Float32);
        Assert.That(other.Buffer.Memory, Is.Not.SameAs(large.Buffer.Memory));
    }

    [Test]
    public void ALargerWorkspaceReplacesSmallerOnes()
    {
        using ComputeDevice device = Fresh("cpu", poison: false);
        using Workspace workspace = new(device, MemoryCategory.Activations);
        const int megabyte = 1 << 20;
        Hold(4 * megabyte);
        Hold((4 * megabyte) + 4);
        Assert.That(device.Pool.ReservedBytes, Is.EqualTo(5 * megabyte), "nearly the same size");
        Hold(9 * megabyte);
        Assert.That(device.Pool.ReservedBytes, Is.EqualTo(9 * megabyte), "twice the size at most");
        Hold(5 * megabyte);
        Hold(3 * megabyte);
        Assert.That(device.Pool.ReservedBytes, Is.EqualTo(12 * megabyte), "less than half");

        void Hold(int bytes) => workspace.Release(workspace.Scratch(new Shape(1, bytes / 4), ElementType.Float32));
    }

    [Test]
    public void MoreElementsThanIndicesAreRefused()
    {
        using Workspace workspace = new(TestDevices.Get("cpu"), MemoryCategory.Data);
        Assert.That(
            () => workspace.Plain(new Shape(1 << 12, 1 << 12, 1 << 8), ElementType.Float32),
            Throws.TypeOf<DeviceException>().With.Message.Contains("[4096, 4096, 256, 1]").And.Message.Contains("smaller batch"));
    }

    private static ComputeDevice Fresh(string id, bool poison)
    {
        ComputeDevice device = ComputeDevice.Open(TestDevices.Get(id).Listing);
        device.Pool.Poison = poison;
        return device;
    }

    private static void Write(DeviceBuffer buffer, int offset)
    {
        ((ArrayView<byte>)buffer.Memory.View).SubView(buffer.Guard + offset, 1).CopyFromCPU(buffer.Device.Stream, new byte[] { 1 });
        buffer.Device.Synchronize();
    }

    /// <summary>Rents, writes, reads, fills and gives back at random, and keeps in arrays what must be on the device.</summary>
    private sealed class PoolModel(ComputeDevice device, int seed)
    {
        private const int MostRented = 12;

        private static readonly MemoryCategory[] Categories = Enum.GetValues<MemoryCategory>();

        private static readonly ElementType[] Types = [ElementType.UInt8, ElementType.Int32, ElementType.Float32, ElementType.Float64];

        // Several have equal numbers of bytes and borders in different places.
        private static readonly Shape[] Shapes =
        [
            Small, new(1, 16), new(1, 16, 6, 6), new(2, 16, 6, 6), new(2, 32, 2, 2), new(1, 1024), new(1, 1, 30, 30), new(3, 5, 1, 7),
            new(7, 1),
        ];

        private readonly Random _random = new(seed);
        private readonly List<(DeviceBuffer Buffer, Tensor Tensor, double[] Values)> _rented = [];
        private readonly Dictionary<(long Capacity, Layout, ElementType, int), int> _free = [];
        private readonly Dictionary<MemoryCategory, long> _peaks = Categories.ToDictionary(category => category, _ => 0L);

        public void Step()
        {
            int action = _random.Next(10);
            if (_rented.Count == 0 || (action < 3 && _rented.Count < MostRented))
                Rent();
            else if (action < 5)
                Return(_random.Next(_rented.Count));
            else if (action == 9 && _random.Next(10) == 0)
                Trim();
            else
                Touch(_random.Next(_rented.Count));
            CheckCounts();
        }

        public void ReturnAll()
        {
            while (_rented.Count > 0)
                Return(_rented.Count - 1);
        }

        private void Rent()
        {
            Shape shape = Shapes[_random.Next(Shapes.Length)];
            Layout layout = _random.Next(2) == 0 ? Layout.Plain(shape) : device.Traits.LayoutFor(shape);
            ElementType type = Types[_random.Next(Types.Length)];
            MemoryCategory category = Categories[_random.Next(Categories.Length)];
            DeviceBuffer buffer = device.Pool.Rent(layout, type, category);
            Tensor tensor = new(buffer, 0, layout, type);
            CheckFresh(buffer, layout, type);
            double[] values = Draw(shape.Count);
            OpExecution.Write(tensor, values);
            _rented.Add((buffer, tensor, values));
            Assert.That(buffer.Capacity, Is.EqualTo(Take(tensor, category)));
            Assert.That(device.Pool.IsFree(buffer.Memory), Is.False);
            _peaks[category] = Math.Max(_peaks[category], Live(category));
        }

        private void Return(int index)
        {
            (DeviceBuffer buffer, Tensor tensor, double[] values) = _rented[index];
            Assert.That(OpExecution.Read(tensor), Is.EqualTo(values));
            _rented.RemoveAt(index);
            device.Pool.Return(buffer);
            Assert.That(device.Pool.IsFree(buffer.Memory));
            (_, Layout layout, ElementType type) = KeyOf(tensor);
            (long, Layout, ElementType, int) key = (buffer.Capacity, layout, type, PurposeOf(buffer.Category));
            _free[key] = _free.GetValueOrDefault(key) + 1;
        }

        // The smallest free memory that fits and is at most half empty, otherwise new memory of the tensor's size. Activations, workspaces
        // and all else do not share any.
        private long Take(Tensor tensor, MemoryCategory category)
        {
            (long bytes, Layout layout, ElementType type) = KeyOf(tensor);
            long most = layout.Border > 0 && device.Pool.Poison ? bytes : 2 * bytes;
            long capacity = _free
                .Where(free => free.Value > 0 && (free.Key.Item2, free.Key.Item3, free.Key.Item4) == (layout, type, PurposeOf(category)))
                .Select(free => free.Key.Capacity).Where(size => size >= bytes && size <= most).DefaultIfEmpty(0).Min();
            if (capacity == 0)
                return bytes;
            _free[(capacity, layout, type, PurposeOf(category))]--;
            return capacity;
        }

        private void Trim()
        {
            device.Pool.Trim();
            _free.Clear();
        }

        // Writes a part or everything, by a copy or a kernel, and reads everything.
        private void Touch(int index)
        {
            (_, Tensor tensor, double[] values) = _rented[index];
            bool whole = tensor.Layout.Border > 0;
            int start = whole ? 0 : _random.Next(values.Length);
            int count = whole ? values.Length : _random.Next(1, values.Length - start + 1);
            Tensor part = whole ? tensor : tensor.Slice(start, new Shape(1, count));
            double[] written = Draw(count);
            if (!whole && tensor.Type is ElementType.Float32 or ElementType.Float64 && _random.Next(2) == 0)
            {
                Array.Fill(written, written[0]);
                Ops.Fill(part, written[0]);
            }
            else
            {
                OpExecution.Write(part, written);
            }

            written.CopyTo(values, start);
            Assert.That(OpExecution.Read(part), Is.EqualTo(written));
            Assert.That(OpExecution.Read(tensor), Is.EqualTo(values));
        }

        private double[] Draw(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => (double)_random.Next(1, 256))];

        private void CheckCounts()
        {
            BufferPool pool = device.Pool;
            foreach (MemoryCategory category in Categories)
                Assert.That(pool.Use(category), Is.EqualTo(new MemoryUse(Live(category), _peaks[category])), $"{category}");
            Assert.That(pool.LiveBytes, Is.EqualTo(Categories.Sum(Live)));
            Assert.That(pool.ReservedBytes, Is.EqualTo(
                _rented.Sum(entry => entry.Buffer.Capacity) + _free.Sum(free => free.Key.Capacity * free.Value)));
        }

        private void CheckFresh(DeviceBuffer buffer, Layout layout, ElementType type)
        {
            byte[] bytes = new byte[buffer.Key.Bytes];
            buffer.Bytes.CopyToCPU(device.Stream, bytes);
            device.Synchronize();
            bool[] isElement = new bool[layout.Length];
            for (int i = 0; i < layout.Shape.Count; i++)
            {
                (int w, int h) = (i % layout.Shape.W, i / layout.Shape.W % layout.Shape.H);
                int rest = i / layout.Shape.Pixels;
                isElement[layout.Index(rest / layout.Shape.C, rest % layout.Shape.C, h, w)] = true;
            }

            for (int i = 0; i < bytes.Length; i++)
            {
                if (!isElement[i / type.Bytes()])
                    Assert.That(bytes[i], Is.Zero, $"border of {layout}, byte {i}");
                else if (device.Pool.Poison)
                    Assert.That(bytes[i], Is.EqualTo(0xFF), $"poison of {layout}, byte {i}");
            }
        }

        private long Live(MemoryCategory category) =>
            _rented.Where(entry => entry.Buffer.Category == category).Sum(entry => BytesOf(entry.Tensor));

        private static int PurposeOf(MemoryCategory category) =>
            category switch { MemoryCategory.Activations => 1, MemoryCategory.Workspace => 2, _ => 0 };

        private static long BytesOf(Tensor tensor) => (long)tensor.Layout.Length * tensor.Type.Bytes();

        // Memory with a border serves images of its own size, blocks and type only.
        private static (long, Layout, ElementType) KeyOf(Tensor tensor) => tensor.Layout.Border == 0
            ? (BytesOf(tensor), default, default)
            : (BytesOf(tensor), tensor.Layout with { Shape = tensor.Shape with { N = 1, C = tensor.Layout.Block } }, tensor.Type);
    }
}
