using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ProportionTests
{
    // From the closed form in 40 digits.
    [TestCase(0, 10, 0.0, 0.277532799862889)]
    [TestCase(10, 10, 0.722467200137111, 1.0)]
    [TestCase(1, 1, 0.206549314377237, 1.0)]
    [TestCase(480, 1000, 0.449170794996941, 0.510982275342481)]
    public void TheIntervalIsWilsons(int hits, int count, double low, double high)
    {
        (double least, double most) = new Proportion(hits, count).Interval;
        Assert.That(least, Is.EqualTo(low).Within(1e-12));
        Assert.That(most, Is.EqualTo(high).Within(1e-12));
    }

    [Test]
    public void ItReadsAsPercentages() => Assert.That(new Proportion(480, 1000).ToString(), Is.EqualTo("48.0 % (44.9-51.1)"));
}
