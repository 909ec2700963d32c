using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// Standard normal numbers from random words in integer arithmetic (Box and Muller: A note on the generation of random normal
/// deviates, Annals of Mathematical Statistics 29, 1958). Logarithms and cosines of devices differ in the last bits, and compilers
/// fuse multiply-adds where they like; integers agree everywhere. All values stay below 2^63: ILGPU writes unsigned arithmetic as
/// signed in OpenCL C, where an overflow is undefined and was seen to give wrong results.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class BoxMuller
{
    /// <summary>The number 1 as <see cref="Sine"/> counts: 2^21, so that the largest result (6.66) is exact in binary32.</summary>
    public const int One = 1 << 21;

    private const ulong Ln2 = 744261118; // times 2^30

    /// <summary>
    /// sqrt(-2 ln u) * sin(2 pi v) with u = (radius + 1) / 2^32, v = angle / 2^32, times <see cref="One"/> and rounded. The error is
    /// below 2e-6, and below 1e-4 where the square root is below 0.01. A quarter turn (2^30) more of the angle gives the second,
    /// independent number of the pair.
    /// </summary>
    public static int Sine(uint radius, uint angle)
    {
        ulong root = Root(MinusLn(radius) << 23);
        int magnitude = (int)(((root * QuarterSine(angle)) + (1ul << 34)) >> 35);
        return angle >> 31 == 0 ? magnitude : -magnitude;
    }

    /// <summary>-ln((word + 1) / 2^32) * 2^30, from ln m = 2 artanh((m - 1) / (m + 1)) with m in [1, 2).</summary>
    private static ulong MinusLn(uint word)
    {
        ulong mantissa = word + 1ul; // m * 2^32 after the loop
        ulong halvings = 0;
        while (mantissa >> 32 == 0)
        {
            mantissa <<= 1;
            halvings++;
        }

        ulong t = ((mantissa - (1ul << 32)) << 30) / (mantissa + (1ul << 32));
        ulong square = (t * t) >> 30;
        ulong sum = 63161284 + ((56512728 * square) >> 30);
        sum = 71582788 + ((sum * square) >> 30);
        sum = 82595525 + ((sum * square) >> 30);
        sum = 97612893 + ((sum * square) >> 30);
        sum = 119304647 + ((sum * square) >> 30);
        sum = 153391689 + ((sum * square) >> 30);
        sum = 214748365 + ((sum * square) >> 30);
        sum = 357913941 + ((sum * square) >> 30);
        sum = (1ul << 30) + ((sum * square) >> 30);
        return (halvings * Ln2) - ((2 * t * sum) >> 30);
    }

    /// <summary>The integer below sqrt(value): one step of Newton's from a guess that may differ between devices, then exact.</summary>
    private static ulong Root(ulong value)
    {
        ulong guess = (ulong)MathF.Sqrt(value) + 1;
        ulong root = (guess + (value / guess)) >> 1;
        while (root * root > value)
            root--;
        return root;
    }

    /// <summary>|sin(2 pi angle / 2^32)| * 2^30, by the series of sin(pi / 2 * t) to t^11.</summary>
    private static ulong QuarterSine(uint angle)
    {
        ulong t = angle & 0x3FFFFFFFu;
        if ((angle & 0x40000000u) != 0)
            t = 0x40000000u - t;
        ulong square = (t * t) >> 30;
        ulong sum = 172272 - ((3864 * square) >> 30);
        sum = 5026995 - ((sum * square) >> 30);
        sum = 85569306 - ((sum * square) >> 30);
        sum = 693598668 - ((sum * square) >> 30);
        sum = 1686629713 - ((sum * square) >> 30);
        return (sum * t) >> 30;
    }
}
