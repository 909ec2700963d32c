using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AdversarialInputTests
{
    [Test]
    public void NormalizesTheSumOnEveryDeviceWithTheSameBits(
        [Values(1, 3, 4, 16)] int channels, [Values(1, 7, 32)] int size, [Values] bool isSingle)
    {
        Shape shape = new(1 + (size % 5), channels, size, Math.Max(1, size - 2));
        double[] x = TestImages.Pixels(shape, 1, isSingle);
        double[] delta = TestImages.Uniform(shape, 2, 0.03, isSingle);
        Normalization n = TestImages.Normalization(channels);
        double[]? first = null;
        foreach (string id in TestDevices.Ids)
        {
            using TestImages images = new(id, isSingle);
            Tensor z = images.Empty(shape);
            Ops.AdversarialInput(z, images.Make(shape, x), images.Make(shape, delta), n);
            double[] result = images.Read(z);
            for (int i = 0; i < result.Length; i++)
            {
                int c = i / shape.Pixels % channels;
                double expected = (x[i] + delta[i] - n.Mean[c]) / n.Std[c];
                Assert.That(result[i], Is.EqualTo(expected).Within((isSingle ? 1e-6 : 1e-15) * (1 + Math.Abs(expected))), $"{id} [{i}]");
            }

            Assert.That(result, Is.EqualTo(first ??= result), $"bits on {id}");
        }
    }

    [Test]
    public void RefusesOtherChannelsAndLayouts()
    {
        using TestImages images = new("cpu", isSingle: true);
        Tensor x = images.Empty(new Shape(2, 3, 4, 4));
        Tensor other = images.Empty(new Shape(2, 3, 4, 5));
        Assert.That(() => Ops.AdversarialInput(x, x, x, TestImages.Normalization(4)), Throws.ArgumentException);
        Assert.That(() => Ops.AdversarialInput(x, other, x, TestImages.Normalization(3)), Throws.ArgumentException);
    }
}
