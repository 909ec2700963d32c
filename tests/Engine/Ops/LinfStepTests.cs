using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class LinfStepTests
{
    private static readonly Shape Images = new(3, 3, 33, 34); // 10,098 elements

    [Test]
    public void PerturbationStaysInTheBallAndTheImageValidAfterEveryStep(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle,
        [Values(0.0, 8.0 / 255, 0.031, 1.0)] double epsilon)
    {
        double[] x = EdgyPixels(isSingle);
        double bound = isSingle ? (float)epsilon : epsilon;
        using Fixture f = new(id, isSingle, Images, x, new double[x.Length]);
        for (int step = 0; step < 6; step++)
        {
            LinfBall ball = new() { Epsilon = epsilon, Alpha = step < 3 ? 10.0 / 255 : epsilon / 3 };
            f.Step(TestImages.Uniform(Images, 100 + step, 1, isSingle), ball);
            for (int i = 0; i < x.Length; i++)
            {
                double sum = isSingle ? (float)x[i] + (float)f.Delta[i] : x[i] + f.Delta[i];
                if (!(Math.Abs(f.Delta[i]) <= bound && sum >= 0 && sum <= 1))
                    Assert.Fail($"step {step}, element {i}: x {x[i]:R}, delta {f.Delta[i]:R}, epsilon {bound:R}, sum {sum:R}");
            }

            double[] before = f.Delta;
            f.Step(TestImages.Uniform(Images, 200 + step, 1, isSingle), ball with { Alpha = 0 });
            Assert.That(f.Delta, Is.EqualTo(before), "the projection of a projected delta is itself");
        }
    }

    [Test]
    public void StepIsThatOfTheHostToTheBit(
        [Values(1, 3, 4, 16)] int channels, [Values(1, 2, 9, 32)] int size, [Values] bool isSingle, [Values] bool clamp)
    {
        Shape shape = new(1 + (size % 5), channels, size, 10 - (size % 10));
        double[] x = TestImages.Pixels(shape, 3, isSingle);
        double[] delta = TestImages.Uniform(shape, 4, 0.1, isSingle);
        double[] dz = [.. TestImages.Uniform(shape, 5, 2, isSingle).Select((g, i) => i % 11 == 0 ? 0 : g)];
        LinfBall ball = new() { Epsilon = 8.0 / 255, Alpha = 2.0 / 255, ClampPixels = clamp };
        double[] expected = [.. delta.Select((d, i) => isSingle
            ? Stepped((float)x[i], (float)d, Math.Sign(dz[i]) * (float)ball.Alpha, (float)ball.Epsilon, clamp)
            : Stepped(x[i], d, Math.Sign(dz[i]) * ball.Alpha, ball.Epsilon, clamp))];
        double[]? magnitude = null;
        foreach (string id in TestDevices.Ids)
        {
            using Fixture f = new(id, isSingle, shape, x, delta);
            f.Step(dz, ball);
            Assert.That(f.Delta, Is.EqualTo(expected), id);
            Assert.That(f.Z, Is.EqualTo(f.InputOfDelta()), id);
            for (int n = 0; n < shape.N; n++)
            {
                double sum = dz.Chunk(dz.Length / shape.N).ElementAt(n).Sum(Math.Abs);
                Assert.That(f.Magnitude[n], Is.EqualTo(sum).Within((isSingle ? 8 / 16777216.0 : 1e-14) * sum), $"{id}, image {n}");
            }

            Assert.That(f.Magnitude, Is.EqualTo(magnitude ??= f.Magnitude), $"bits on {id}");
        }
    }

    [Test]
    public void FrozenImagesKeepTheirDelta([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle)
    {
        Shape shape = new(5, 3, 6, 7);
        double[] x = TestImages.Pixels(shape, 3, isSingle);
        double[] delta = [.. TestImages.Uniform(shape, 4, 0.03, isSingle).Select((d, i) => x[i] < 0.5 ? Math.Abs(d) : -Math.Abs(d))];
        double[] dz = TestImages.Uniform(shape, 5, 2, isSingle);
        LinfBall ball = new() { Epsilon = 8.0 / 255, Alpha = 2.0 / 255 };
        using Fixture all = new(id, isSingle, shape, x, delta);
        all.Step(dz, ball);
        using Fixture some = new(id, isSingle, shape, x, delta);
        some.Step(dz, ball, active: [1, 0, 7, 0, -1]);
        int image = delta.Length / shape.N;
        double[] expected = [.. delta.Select((d, i) => i / image % 2 == 1 ? d : all.Delta[i])];
        Assert.That(some.Delta, Is.EqualTo(expected));
        Assert.That(some.Delta, Is.Not.EqualTo(all.Delta));
        Assert.That(some.Z, Is.EqualTo(some.InputOfDelta()));
        Assert.That(some.Magnitude, Is.EqualTo(all.Magnitude));
    }

    [Test]
    public void NaNInTheGradientShows([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle)
    {
        Shape shape = new(3, 3, 4, 5);
        double[] x = TestImages.Pixels(shape, 3, isSingle);
        double[] dz = TestImages.Uniform(shape, 5, 2, isSingle);
        int image = dz.Length / 3;
        (dz[7], dz[image + 2]) = (double.NaN, double.NaN);
        using Fixture f = new(id, isSingle, shape, x, new double[dz.Length]);
        f.Step(dz, new LinfBall { Epsilon = 0.03, Alpha = 0.01 }, active: [1, 0, 1]);
        Assert.That(f.Magnitude.Select(double.IsNaN), Is.EqualTo(new[] { true, true, false }));
        Assert.That(Enumerable.Range(0, dz.Length).Where(i => double.IsNaN(f.Delta[i])), Is.EqualTo(new[] { 7 }));
        Assert.That(Enumerable.Range(0, dz.Length).Where(i => double.IsNaN(f.Z[i])), Is.EqualTo(new[] { 7 }));
    }

    [Test]
    public void MagnitudesGoIntoASliceOfTheEpochs([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        Shape shape = new(2, 1, 2, 2);
        using TestImages images = new(id, isSingle: true);
        Tensor epoch = images.Plain(new Shape(7, 1), [1, 2, 3, 4, 5, 6, 7]);
        Tensor x = images.Make(shape, new double[8]);
        Tensor dz = images.Make(shape, [-1, 2, -3, 4, 0, 0, -8, 0]);
        Ops.LinfStep(
            images.Workspace, dz, x, images.Make(shape, new double[8]), images.Empty(shape),
            new LinfBall { Epsilon = 0.1, Alpha = 0.1 }, TestImages.Normalization(1), epoch.Slice(3, new Shape(2, 1)));
        Assert.That(images.Read(epoch), Is.EqualTo(new double[] { 1, 2, 3, 10, 8, 6, 7 }));
    }

    // Every kind of number where x + delta can round to the wrong side of 0 or 1.
    private static double[] EdgyPixels(bool isSingle)
    {
        Random random = new(9);
        return [.. TestImages.Pixels(Images, 6, isSingle).Select(x =>
        {
            double edge = random.Next(8) switch
            {
                0 => Math.Pow(2, -random.Next(1, 80)),
                1 => 1 - Math.Pow(2, -random.Next(1, 54)),
                2 => random.Next(256) / 255.0,
                3 => random.NextDouble() * 1e-9,
                _ => x,
            };
            return isSingle ? (float)edge : edge;
        })];
    }

    private static float Stepped(float x, float delta, float step, float epsilon, bool clamp)
    {
        float inBall = Math.Clamp(delta + step, -epsilon, epsilon);
        return clamp ? Math.Min(Math.Max(inBall, 0 - x), 1 - x) : inBall;
    }

    private static double Stepped(double x, double delta, double step, double epsilon, bool clamp)
    {
        double inBall = Math.Clamp(delta + step, -epsilon, epsilon);
        return clamp ? Math.Min(Math.Max(inBall, 0 - x), 1 - x) : inBall;
    }

    private sealed class Fixture : IDisposable
    {
        private readonly TestImages _images;
        private readonly Tensor _x, _delta, _dz, _z, _magnitude;

        public Fixture(string id, bool isSingle, Shape shape, double[] x, double[] delta)
        {
            _images = new TestImages(id, isSingle);
            (_x, _delta) = (_images.Make(shape, x), _images.Make(shape, delta));
            (_dz, _z) = (_images.Empty(shape), _images.Empty(shape));
            _magnitude = _images.Workspace.Plain(new Shape(shape.N, 1), _images.Type);
        }

        public double[] Delta { get; private set; } = [];

        public double[] Z { get; private set; } = [];

        public double[] Magnitude { get; private set; } = [];

        public void Step(double[] dz, LinfBall ball, int[]? active = null)
        {
            _images.Write(_dz, dz);
            Tensor? mask = active is null ? null : _images.Integers(active);
            Normalization n = TestImages.Normalization(_x.Shape.C);
            long before = _images.Workspace.Device.Pool.LiveBytes;
            Ops.LinfStep(_images.Workspace, _dz, _x, _delta, _z, ball, n, _magnitude, mask);
            Assert.That(_images.Workspace.Device.Pool.LiveBytes, Is.EqualTo(before), "scratch is given back");
            (Delta, Z, Magnitude) = (_images.Read(_delta), _images.Read(_z), _images.Read(_magnitude));
        }

        public double[] InputOfDelta()
        {
            Ops.AdversarialInput(_z, _x, _delta, TestImages.Normalization(_x.Shape.C));
            return _images.Read(_z);
        }

        public void Dispose() => _images.Dispose();
    }
}
