using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// Standard normal numbers from random words in integer arithmetic only (Box and Muller: A note on the generation of random normal
/// deviates, Annals of Mathematical Statistics 29, 1958). Logarithms and cosines of devices differ in the last bits, and compilers
/// fuse multiply-adds where they like; integers agree everywhere. All values stay below 2^63: ILGPU writes unsigned products as signed
/// ones in OpenCL C, where an overflow is undefined and was seen to give wrong results.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class BoxMuller
{
    /// <summary>The number 1 as <see cref="Sine"/> counts: 2^21, so that the largest result (6.66) is exact in binary32.</summary>
    public const int One = 1 << 21;

    private const ulong TwoLn2 = 1488522236; // 2 ln 2 * 2^30

    /// <summary>
    /// sqrt(-2 ln u) * sin(2 pi v) with u = (radius + 1) / 2^32, v = angle / 2^32, times <see cref="One"/> and rounded. The error is
    /// below 3e-6. A quarter turn (2^30) more of the angle gives the second, independent number of the pair.
    /// </summary>
    public static int Sine(uint radius, uint angle)
    {
        ulong root = Root(((MinusLog2(radius) * TwoLn2) >> 30) << 26);
        int magnitude = (int)(((root * QuarterSine(angle)) + (1ul << 34)) >> 35);
        return angle >> 31 == 0 ? magnitude : -magnitude;
    }

    /// <summary>-log2((word + 1) / 2^32) * 2^26: the bits of the logarithm come one by one from squaring.</summary>
    private static ulong MinusLog2(uint word)
    {
        ulong mantissa = word + 1ul;
        ulong shift = 0;
        while (mantissa >> 32 == 0)
        {
            mantissa <<= 1;
            shift++;
        }

        // The mantissa is 1 + rest / 2^31, and its square 1 + (2 * rest + rest^2 / 2^31) / 2^31.
        ulong rest = (mantissa - (1ul << 32)) >> 1;
        ulong fraction = 0;
        for (int bit = 0; bit < 26; bit++)
        {
            rest = (2 * rest) + ((rest * rest) >> 31);
            fraction <<= 1;
            if (rest >> 31 != 0)
            {
                rest = (rest - (1ul << 31)) >> 1;
                fraction |= 1;
            }
        }

        return (shift << 26) - fraction;
    }

    /// <summary>The integer below sqrt(value), for values below 2^58.</summary>
    private static ulong Root(ulong value)
    {
        ulong root = 0;
        for (ulong bit = 1ul << 28; bit != 0; bit >>= 1)
        {
            ulong candidate = root | bit;
            if (candidate * candidate <= value)
                root = candidate;
        }

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
