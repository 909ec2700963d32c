using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SgdStepTests
{
    [Test]
    public void ThreeStepsFollowTheFormula(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 7, 16, 4096, 40_008)] int count,
        [Values] bool isSingle, [Values(0, 0.9)] double mu)
    {
        const double Rate = 0.05, Decay = 5e-4;
        Shape shape = Shape.Vector(count);
        double[] w = TestImages.Uniform(shape, 1, 1, isSingle);
        double[] m = new double[count];
        using TestImages images = new(id, isSingle);
        Tensor weights = images.Plain(shape, w);
        Tensor gradients = images.Plain(shape, new double[count]);
        Tensor momentum = images.Workspace.Plain(shape, images.Type);
        for (int step = 0; step < 3; step++)
        {
            double[] g = TestImages.Uniform(shape, 10 + step, 3, isSingle);
            images.Write(gradients, g);
            Ops.SgdStep(weights, gradients, momentum, Rate, mu, Decay, first: step == 0);
            for (int i = 0; i < count; i++)
            {
                double d = g[i] + (Decay * w[i]);
                m[i] = step == 0 ? d : (mu * m[i]) + d;
                w[i] -= Rate * m[i];
            }

            double tolerance = isSingle ? 2e-6 : 4e-15;
            Assert.That(images.Read(momentum), Is.EqualTo(m).Within(tolerance), $"momentum after step {step}");
            Assert.That(images.Read(weights), Is.EqualTo(w).Within(tolerance), $"weights after step {step}");
        }
    }

    [Test]
    public void PaddingOfZerosStaysZeroAndNaNShows([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using TestImages images = new(id, isSingle: true);
        Shape shape = Shape.Vector(16);
        Tensor weights = images.Plain(shape, new double[16]);
        Tensor momentum = images.Workspace.Plain(shape, images.Type);
        double[] g = new double[16];
        g[3] = double.NaN;
        Tensor gradients = images.Plain(shape, g);
        Ops.SgdStep(weights, gradients, momentum, 0.1, 0.9, 5e-4, first: true);
        Ops.SgdStep(weights, gradients, momentum, 0.1, 0.9, 5e-4, first: false);
        Assert.That(images.Read(weights), Is.EqualTo(g));
    }
}
