using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class DivisorTests
{
    [Test]
    public void GivesTheQuotientAndTheRest()
    {
        Random random = new(1);
        int[] divisors = [.. Enumerable.Range(1, 300), 1 << 20, (1 << 20) + 1, int.MaxValue - 1, int.MaxValue];
        foreach (int d in divisors)
        {
            Divisor divisor = new(d);
            int last = int.MaxValue / d * d;
            int[] numbers = [0, 1, d - 1, d, last, last - 1, int.MaxValue, .. Enumerable.Range(0, 200).Select(_ => random.Next())];
            foreach (int n in numbers)
            {
                Assert.That(divisor.Quotient(n), Is.EqualTo(n / d), $"{n} / {d}");
                Assert.That(divisor.Rest(n, n / d), Is.EqualTo(n % d), $"{n} % {d}");
            }
        }
    }
}
