using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The emulated conversions, which are plain C# on the host too, against rounding by arithmetic.</summary>
public sealed class RoundingTests
{
    private static readonly float[] Ties =
    [
        1 + (1 / 2048f), 1 + (3 / 2048f), -1 - (1 / 2048f), 1 + (1 / 256f), 1 + (3 / 256f), -1 - (1 / 256f), 0, -0f, float.Epsilon,
        float.MaxValue, float.MinValue,
    ];

    [Test]
    public void Float32IsRoundedToTheNearest()
    {
        Random random = new(1);
        IEnumerable<float> values = Enumerable.Range(0, 10_000)
            .Select(_ => (float)(random.NextDouble() - 0.5) * MathF.Pow(2, random.Next(-100, 100))).Concat(Ties);
        foreach (float value in values)
        {
            Assert.That(FromTensorFloat32(value), Is.EqualTo(Nearest(value, 10, MidpointRounding.AwayFromZero)), $"TF32 of {value:R}");
            Assert.That(Pair(value, 0).Low, Is.EqualTo(Nearest(value, 7, MidpointRounding.ToEven)), $"BF16 of {value:R}");
        }
    }

    [Test]
    public void PairsHaveTheirHalves() => Assert.That(Pair(1.5f, -0.25f), Is.EqualTo((1.5f, -0.25f)));

    [Test]
    public void WhatIsNoNumberStaysWhatItIs()
    {
        // The NaN that NVIDIA's units make has all bits of the mantissa set: rounding it up would give minus zero.
        float[] nans = [float.NaN, BitConverter.Int32BitsToSingle(0x7fffffff), BitConverter.Int32BitsToSingle(-1)];
        Assert.That(nans.Select(FromTensorFloat32), Is.All.NaN);
        Assert.That(nans.Select(nan => Pair(nan, 1).Low), Is.All.NaN);
        Assert.That(nans.Select(nan => Pair(1, nan).High), Is.All.NaN);
        Assert.That(FromTensorFloat32(float.NegativeInfinity), Is.EqualTo(float.NegativeInfinity));
        Assert.That(Pair(float.PositiveInfinity, float.NegativeInfinity), Is.EqualTo((float.PositiveInfinity, float.NegativeInfinity)));
    }

    private static float FromTensorFloat32(float value) => BitConverter.Int32BitsToSingle(Rounding.TensorFloat32(value));

    private static (float Low, float High) Pair(float low, float high)
    {
        int pair = Rounding.BFloat16Pair(low, high);
        return (BitConverter.Int32BitsToSingle(pair << 16), BitConverter.Int32BitsToSingle(pair & ~0xffff));
    }

    private static float Nearest(float value, int bits, MidpointRounding ties)
    {
        int exponent = value == 0 ? -126 : Math.Max(-126, (int)Math.Floor(Math.Log2(Math.Abs((double)value))));
        double ulp = Math.Pow(2, exponent - bits);
        return (float)(Math.Round(value / ulp, ties) * ulp);
    }
}
