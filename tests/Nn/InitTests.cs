using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class InitTests
{
    private static readonly RandomKey Key = new(7, Purpose.Weights, 3);

    // Moments of a uniform distribution: mean 0, variance bound^2 / 3; five standard errors wide.
    [TestCase(27)]
    [TestCase(576)]
    public void UniformHasTheMomentsOfItsBound(int fanIn)
    {
        float[] values = new float[100_000];
        Init.Uniform(fanIn)(Key, values);
        double bound = 1 / Math.Sqrt(fanIn);
        double variance = bound * bound / 3;
        Assert.That(values.Select(v => (double)v).Average(), Is.EqualTo(0).Within(5 * Math.Sqrt(variance / values.Length)));
        double spread = 5 * variance * Math.Sqrt(0.8 / values.Length);
        Assert.That(values.Select(v => (double)v * v).Average(), Is.EqualTo(variance).Within(spread));
        Assert.That(values.Max(), Is.InRange(0.999 * bound, 1.0000001 * bound));
        Assert.That(values.Min(), Is.InRange(-1.0000001 * bound, -0.999 * bound));
    }

    [Test]
    public void EachElementHasItsOwnWord()
    {
        float[] values = new float[11];
        Init.Uniform(4)(Key, values);
        Assert.That(values, Is.EqualTo(Enumerable.Range(0, 11).Select(i => ((2 * Philox.Uniform(Philox.Word(Key, i))) - 1) * 0.5f)));
    }

    [Test]
    public void AShorterArrayIsAPrefix()
    {
        float[] values = new float[64];
        float[] prefix = new float[9];
        Init.Uniform(5)(Key, values);
        Init.Uniform(5)(Key, prefix);
        Assert.That(prefix, Is.EqualTo(values[..9]));
        Assert.That(values.Distinct().Count(), Is.EqualTo(64));
    }

    [Test]
    public void ConstantIsConstant()
    {
        float[] values = new float[5];
        Init.Constant(1)(Key, values);
        Assert.That(values, Is.All.EqualTo(1f));
    }
}
