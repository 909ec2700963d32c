using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class GatherBatchTests
{
    private static readonly RandomKey Key = new(77, Purpose.Augmentation, 2, 9);

    [Test]
    public void GathersWithoutAugmentation(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 3, 4, 16)] int channels,
        [Values(1, 9)] int height, [Values(1, 6, 32)] int width, [Values] bool isSingle)
    {
        Shape set = new(7, channels, height, width);
        using Fixture f = new(id, set, isSingle, [6, 0, 3, 3, 5]);
        f.Run(start: 1, count: 4, augment: false);
        Assert.That(f.Labels, Is.EqualTo(new[] { 1000, 1003, 1003, 1005 }));
        int image = channels * height * width;
        double[] expected = [.. new[] { 0, 3, 3, 5 }.SelectMany(i => f.Bytes.Skip(i * image).Take(image)).Select(b => Scaled(b, isSingle))];
        Assert.That(f.Pixels, Is.EqualTo(expected));
    }

    [Test]
    public void EveryByteIsTheNearestNumberToItsQuotient(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle)
    {
        using Fixture f = new(id, new Shape(1, 1, 16, 16), isSingle, [0], [.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        f.Run(start: 0, count: 1, augment: false);
        Assert.That(f.Pixels, Is.EqualTo(f.Bytes.Select(b => Scaled(b, isSingle))));
    }

    [Test]
    public void AugmentsAsCropOfThePaddedImageAndFlip(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 3)] int channels,
        [Values(3, 8, 32)] int height, [Values(5, 32)] int width)
    {
        Shape set = new(5, channels, height, width);
        int[] order = [.. Enumerable.Range(0, 64).Select(i => i * 3 % 5)];
        using Fixture f = new(id, set, isSingle: true, order);
        f.Run(start: 2, count: 60, augment: true);
        double[] expected = [.. Enumerable.Range(0, 60).SelectMany(i => Augmented(f.Bytes, set, order[i + 2], i))];
        Assert.That(f.Pixels, Is.EqualTo(expected));
    }

    [Test]
    public void OffsetsAndFlipsAreUniform()
    {
        // One bright pixel in the middle of 17 x 17 shows both offsets; a second, dimmer one to its left shows the flip.
        const int Size = 17, Count = 9000;
        byte[] image = new byte[Size * Size];
        (image[(8 * Size) + 8], image[(8 * Size) + 7]) = (255, 51);
        using Fixture f = new("cpu", new Shape(1, 1, Size, Size), isSingle: true, new int[Count], image);
        f.Run(start: 0, count: Count, augment: true);
        int[] rows = new int[9], columns = new int[9];
        int flips = 0, both = 0;
        foreach (double[] result in f.Pixels.Chunk(Size * Size))
        {
            int bright = Array.IndexOf(result, 1.0);
            bool isFlipped = result[bright - 1] == 0;
            int row = (bright / Size) - 4;
            rows[row]++;
            columns[(bright % Size) - 4]++;
            flips += isFlipped ? 1 : 0;
            both += isFlipped && row < 3 ? 1 : 0;
        }

        // Five standard deviations: 1000 +- 149 per offset, 4500 +- 237 flips, 1500 +- 177 flips with the three lowest rows.
        Assert.That(rows.Concat(columns), Is.All.InRange(851, 1149));
        Assert.That(flips, Is.InRange(4263, 4737));
        Assert.That(both, Is.InRange(1323, 1677));
    }

    [Test]
    public void RefusesWhatReachesBeyondTheOrder()
    {
        using Fixture f = new("cpu", new Shape(2, 3, 4, 4), isSingle: true, [0, 1, 0]);
        Assert.That(() => f.Run(start: 2, count: 2, augment: false), Throws.ArgumentException);
        Assert.That(() => f.Run(start: -1, count: 2, augment: false), Throws.ArgumentException);
    }

    private static double Scaled(byte value, bool isSingle) => isSingle ? value / 255f : value / 255.0;

    // torchvision step by step: pad, crop at (top, left), flip.
    private static IEnumerable<double> Augmented(byte[] images, Shape set, int image, int position)
    {
        UInt4 words = Philox.Words(Key, (uint)position);
        int top = Philox.Below(words.X, 9), left = Philox.Below(words.Y, 9);
        for (int c = 0; c < set.C; c++)
        {
            double[,] padded = new double[set.H + 8, set.W + 8];
            for (int h = 0; h < set.H; h++)
                for (int w = 0; w < set.W; w++)
                    padded[h + 4, w + 4] = Scaled(images[(((((image * set.C) + c) * set.H) + h) * set.W) + w], isSingle: true);
            for (int h = 0; h < set.H; h++)
                for (int w = 0; w < set.W; w++)
                    yield return padded[h + top, (words.Z >= 0x80000000u ? set.W - 1 - w : w) + left];
        }
    }

    private sealed class Fixture : IDisposable
    {
        private readonly TestImages _images;
        private readonly Tensor _set, _labels, _order;

        public Fixture(string id, Shape set, bool isSingle, int[] order, byte[]? bytes = null)
        {
            _images = new TestImages(id, isSingle);
            Bytes = bytes ?? new byte[set.Count];
            if (bytes is null)
                new Random(5).NextBytes(Bytes);
            _set = _images.Workspace.Plain<byte>(set, ElementType.UInt8, Bytes);
            _labels = _images.Integers([.. Enumerable.Range(1000, set.N)]);
            _order = _images.Integers(order);
        }

        public byte[] Bytes { get; }

        public double[] Pixels { get; private set; } = [];

        public int[] Labels { get; private set; } = [];

        public void Run(int start, int count, bool augment)
        {
            Tensor x = _images.Empty(_set.Shape with { N = count });
            Tensor y = _images.Workspace.Plain(new Shape(count, 1), ElementType.Int32);
            Ops.GatherBatch(_set, _labels, _order, start, x, y, augment, Key);
            (Pixels, Labels) = (_images.Read(x), y.ToArray<int>());
        }

        public void Dispose() => _images.Dispose();
    }
}
