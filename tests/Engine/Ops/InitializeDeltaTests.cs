using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class InitializeDeltaTests
{
    private const double Tau = 8.0 / 255;

    private static readonly RandomKey Key = new(0x1234567890ABCDEF, Purpose.Delta, 3, 5);

    [Test]
    public void BitsAreThoseOfTheHostOnEveryDeviceAndInEveryLayout(
        [Values] DeltaInit kind, [Values] bool isSingle, [Values] bool clamp, [Values(1, 3, 16)] int channels)
    {
        Shape shape = new(3, channels, 5, 7);
        double[] x = TestImages.Pixels(shape, 7, isSingle);
        double[] expected = [.. Enumerable.Range(0, x.Length).Select(i => OnHost(kind, i, x[i], isSingle, clamp))];
        foreach (string id in TestDevices.Ids)
        {
            foreach (int block in new[] { 1, channels })
            {
                using TestImages images = new(id, isSingle);
                Layout layout = new(shape, block, 1);
                Tensor delta = images.Workspace.Allocate(layout, images.Type);
                Ops.InitializeDelta(delta, images.Make(layout, x), kind, Tau, clamp, Key);
                Assert.That(images.Read(delta), Is.EqualTo(expected), $"{id}, blocks of {block}");
            }
        }
    }

    [Test]
    public void AnImagesStartFollowsFromItsNumberInAnyBatch([Values(1, 2, 3)] int first)
    {
        Shape all = new(5, 3, 3, 5);
        Shape part = all with { N = 2 };
        double[] x = TestImages.Pixels(all, 7, isSingle: true);
        int image = x.Length / all.N;
        using TestImages images = new("cpu", isSingle: true);
        (Tensor whole, Tensor delta) = (images.Empty(all), images.Empty(part));
        Ops.InitializeDelta(
            whole, images.Make(all, x), DeltaInit.Uniform, Tau, clampPixels: true, Key, images.Integers([40, 41, 42, 43, 44]));
        double[] own = x[(first * image)..((first + 2) * image)];
        Ops.InitializeDelta(
            delta, images.Make(part, own), DeltaInit.Uniform, Tau, clampPixels: true, Key, images.Integers([40 + first, 41 + first]));
        Assert.That(images.Read(delta), Is.EqualTo(images.Read(whole)[(first * image)..((first + 2) * image)]));
    }

    [Test]
    public void ClampedStartIsAValidImage([Values] DeltaInit kind, [Values] bool isSingle)
    {
        Shape shape = new(4, 3, 32, 32);
        double[] x = TestImages.Pixels(shape, 8, isSingle);
        using TestImages images = new("cpu", isSingle);
        Tensor delta = images.Empty(shape);
        Ops.InitializeDelta(delta, images.Make(shape, x), kind, 0.5, clampPixels: true, Key);
        double[] sums = [.. images.Read(delta).Zip(x, (d, p) => isSingle ? (float)d + (float)p : d + p)];
        Assert.That(sums, Is.All.InRange(0.0, 1.0));
    }

    [Test]
    public void DistributionsHaveTheirMoments()
    {
        const int Count = 200_000;
        double[] uniform = Draw(DeltaInit.Uniform, Count);
        double[] normal = Draw(DeltaInit.Normal, Count);
        double[] bernoulli = Draw(DeltaInit.Bernoulli, Count);

        // Five standard errors each; the variance of u^2 is 4/45, of z^2 it is 2.
        double s = 5 / Math.Sqrt(Count);
        Assert.That(uniform.Average(), Is.EqualTo(0).Within(s * Math.Sqrt(1 / 3.0)));
        Assert.That(uniform.Average(v => v * v), Is.EqualTo(1 / 3.0).Within(s * Math.Sqrt(4 / 45.0)));
        Assert.That(uniform, Is.All.InRange(-1.0, 1.0));
        Assert.That(normal.Average(), Is.EqualTo(0).Within(s));
        Assert.That(normal.Average(v => v * v), Is.EqualTo(1).Within(s * Math.Sqrt(2)));
        Assert.That(bernoulli.Average(), Is.EqualTo(0).Within(s));
        Assert.That(bernoulli.Select(Math.Abs), Is.All.EqualTo(1));

        // Neighbours are independent, also the two numbers of one Box-Muller pair.
        Assert.That(normal.Chunk(2).Average(pair => pair[0] * pair[1]), Is.EqualTo(0).Within(s * Math.Sqrt(2)));
        Assert.That(normal.Count(v => Math.Abs(v) < 0.6744897501960817) / (double)Count, Is.EqualTo(0.5).Within(s / 2));
        Assert.That(normal.Count(v => Math.Abs(v) > 2.5758293035489) / (double)Count, Is.EqualTo(0.01).Within(s * 0.1));
    }

    [TestCase(0u, 0x40000000u)]
    [TestCase(uint.MaxValue, 0u)]
    [TestCase(0x80000000u, 0xC0000000u)]
    public void FixedPointNormalIsBoxMuller(uint radius, uint angle)
    {
        Random random = new((int)(radius >> 1));
        for (int i = 0; i < 20_000; i++)
        {
            double r = Math.Sqrt(-2 * Math.Log((radius + 1.0) / 4294967296));
            double expected = r * Math.Sin(2 * Math.PI * angle / 4294967296);
            double tolerance = r < 0.01 ? 1e-4 : 2e-6;
            Assert.That(
                BoxMuller.Sine(radius, angle) / (double)BoxMuller.One, Is.EqualTo(expected).Within(tolerance), $"{radius:X} {angle:X}");
            (radius, angle) = ((uint)random.NextInt64(1L << 32) >> random.Next(20), (uint)random.NextInt64(1L << 32));
        }
    }

    private static double[] Draw(DeltaInit kind, int count)
    {
        using TestImages images = new("cpu", isSingle: false);
        Tensor delta = images.Empty(new Shape(count / 1000, 1, 10, 100));
        Ops.InitializeDelta(delta, delta, kind, 1, clampPixels: false, Key);
        return images.Read(delta);
    }

    private static double OnHost(DeltaInit kind, int element, double x, bool isSingle, bool clamp)
    {
        UInt4 words = Philox.Words(Key, (uint)element / 4);
        uint[] word = [words.X, words.Y, words.Z, words.W];
        int pair = element % 4 / 2 * 2;
        double draw = kind switch
        {
            DeltaInit.Zero => 0,
            DeltaInit.Uniform => (2.0 * Philox.Uniform(Philox.Word(Key, element))) - 1,
            DeltaInit.Bernoulli => word[element % 4] < 0x80000000u ? -1 : 1,
            _ => BoxMuller.Sine(word[pair], word[pair + 1] + (element % 2 == 0 ? 0x40000000u : 0)) / (double)BoxMuller.One,
        };
        if (isSingle)
        {
            float single = (float)draw * (float)Tau;
            return clamp ? Math.Min(Math.Max(single, 0 - (float)x), 1 - (float)x) : single;
        }

        return clamp ? Math.Min(Math.Max(draw * Tau, 0 - x), 1 - x) : draw * Tau;
    }
}
