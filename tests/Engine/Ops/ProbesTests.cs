using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ProbesTests
{
    [Test]
    public void CopiesEveryElement(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 7, 8, 4096, 100_001)] int count)
    {
        using TestImages images = new(id, isSingle: true);
        double[] values = [.. Enumerable.Range(1, count).Select(i => (double)i)];
        Tensor x = images.Plain(new Shape(1, count), values);
        Tensor y = images.Plain(new Shape(1, count), new double[count]);
        Ops.Copy(x, y);
        Assert.That(y.ToArray<float>(), Is.EqualTo(values));
    }

    /// <summary>s = s / 2 + 1 from 0 is 2 - 2^(1-n) after n steps, exactly, while it fits the mantissa.</summary>
    [Test]
    public void MakesAsManyMultiplyAddsAsItSays(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(0, 1, 3)] int iterations)
    {
        const int Chains = 10, Elements = 1000;
        using TestImages images = new(id, isSingle: true);
        Tensor sums = images.Plain(new Shape(1, Elements), new double[Elements]);
        Ledger ledger = sums.Device.Ledger;
        long before = ledger.Total().Flops;
        Ops.MultiplyAdds(sums, 0.5, iterations);
        int steps = Ops.MultiplyAddFlops / (2 * Chains) * iterations;
        Assert.That(sums.ToArray<float>(), Is.All.EqualTo(Chains * (2 - Math.Pow(2, 1 - steps))));
        Assert.That(ledger.Total().Flops - before, Is.EqualTo(2L * Elements * Chains * steps));
    }

    /// <summary>Sixteen matrices of sums, 64 numbers in each work-item, to each of which an iteration adds 8 or 16 products.</summary>
    [Test]
    public void MakesAsManyMatrixProductsAsItSays(
        [ValueSource(typeof(TensorCoreTests), nameof(TensorCoreTests.Devices))] string id,
        [Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision, [Values(0, 1, 5)] int iterations)
    {
        const int Items = 2 * 128;
        using TestImages images = new(id, isSingle: true);
        Tensor sums = images.Plain(new Shape(1, Items), new double[Items]);
        Ledger ledger = sums.Device.Ledger;
        long before = ledger.Total().Flops;
        Ops.MatrixProducts(sums, precision, 0.5f, 0.75f, iterations);
        int products = precision == Precision.BFloat16 ? 16 : 8;
        Assert.That(sums.ToArray<float>(), Is.All.EqualTo(64 * iterations * products * 0.5 * 0.75));
        Assert.That(ledger.Total().Flops - before, Is.EqualTo(2L * Items * 64 * products * iterations));
    }

    [Test]
    public void MatrixProductsAreRefusedWhereThereAreNone()
    {
        using TestImages images = new("cpu", isSingle: true);
        Tensor sums = images.Plain(new Shape(1, 128), new double[128]);
        Assert.That(() => Ops.MatrixProducts(sums, Precision.BFloat16, 1, 1, 1), Throws.TypeOf<DeviceException>());
        Assert.That(() => Ops.MatrixProducts(sums, Precision.Float32, 1, 1, 1), Throws.ArgumentException);
    }
}
