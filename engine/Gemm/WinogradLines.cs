using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// One direction of a transform, for <see cref="VectorTransforms"/>: eight channels of a line. Sums and products have the order of the
/// transforms of whole tiles.
/// </summary>
internal unsafe interface IWinogradLine
{
    /// <summary>Elements that are read.</summary>
    static abstract int From { get; }

    /// <summary>Elements that are written.</summary>
    static abstract int To { get; }

    /// <summary>
    /// Transforms a line whose elements lie <paramref name="between"/> floats apart into one where they lie <paramref name="step"/> apart.
    /// </summary>
    static abstract void Apply(float* source, nint between, float* target, nint step);
}

internal readonly unsafe partial struct WinogradTile2
{
    /// <summary>B^T.</summary>
    internal readonly struct InputLine : IWinogradLine
    {
        public static int From => 4;

        public static int To => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(float* source, nint between, float* target, nint step)
        {
            Vector256<float> x0 = Vector256.Load(source), x1 = Vector256.Load(source + between);
            Vector256<float> x2 = Vector256.Load(source + (2 * between)), x3 = Vector256.Load(source + (3 * between));
            (x0 - x2).Store(target);
            (x1 + x2).Store(target + step);
            (x2 - x1).Store(target + (2 * step));
            (x1 - x3).Store(target + (3 * step));
        }
    }

    /// <summary>A^T.</summary>
    internal readonly struct OutputLine : IWinogradLine
    {
        public static int From => 4;

        public static int To => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(float* source, nint between, float* target, nint step)
        {
            Vector256<float> m0 = Vector256.Load(source), m1 = Vector256.Load(source + between);
            Vector256<float> m2 = Vector256.Load(source + (2 * between)), m3 = Vector256.Load(source + (3 * between));
            (m0 + m1 + m2).Store(target);
            (m1 - m2 - m3).Store(target + step);
        }
    }

    /// <summary>A.</summary>
    internal readonly struct OutputGradientLine : IWinogradLine
    {
        public static int From => 2;

        public static int To => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(float* source, nint between, float* target, nint step)
        {
            Vector256<float> y0 = Vector256.Load(source), y1 = Vector256.Load(source + between);
            y0.Store(target);
            (y0 + y1).Store(target + step);
            (y0 - y1).Store(target + (2 * step));
            (Vector256<float>.Zero - y1).Store(target + (3 * step));
        }
    }
}

internal readonly unsafe partial struct WinogradTile4
{
    private static Vector256<float> Fma(float a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(Vector256.Create(a), b, c);

    /// <summary>B^T.</summary>
    internal readonly struct InputLine : IWinogradLine
    {
        public static int From => 6;

        public static int To => 6;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(float* source, nint between, float* target, nint step)
        {
            Vector256<float> x0 = Vector256.Load(source), x1 = Vector256.Load(source + between);
            Vector256<float> x2 = Vector256.Load(source + (2 * between)), x3 = Vector256.Load(source + (3 * between));
            Vector256<float> x4 = Vector256.Load(source + (4 * between)), x5 = Vector256.Load(source + (5 * between));
            Fma(Points<float>.Product, x0, Fma(Points<float>.MinusSum, x2, x4)).Store(target);
            Vector256<float> even = Fma(Points<float>.MinusBB, x2, x4), odd = Fma(Points<float>.MinusBB, x1, x3);
            Fma(Points<float>.A, odd, even).Store(target + step);
            Fma(-Points<float>.A, odd, even).Store(target + (2 * step));
            even = Fma(Points<float>.MinusAA, x2, x4);
            odd = Fma(Points<float>.MinusAA, x1, x3);
            Fma(Points<float>.B, odd, even).Store(target + (3 * step));
            Fma(-Points<float>.B, odd, even).Store(target + (4 * step));
            Fma(Points<float>.Product, x1, Fma(Points<float>.MinusSum, x3, x5)).Store(target + (5 * step));
        }
    }

    /// <summary>A^T.</summary>
    internal readonly struct OutputLine : IWinogradLine
    {
        public static int From => 6;

        public static int To => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(float* source, nint between, float* target, nint step)
        {
            Vector256<float> m0 = Vector256.Load(source), m1 = Vector256.Load(source + between);
            Vector256<float> m2 = Vector256.Load(source + (2 * between)), m3 = Vector256.Load(source + (3 * between));
            Vector256<float> m4 = Vector256.Load(source + (4 * between)), m5 = Vector256.Load(source + (5 * between));
            Vector256<float> sumA = m1 + m2, differenceA = m1 - m2, sumB = m3 + m4, differenceB = m3 - m4;
            (m0 + (sumA + sumB)).Store(target);
            Fma(Points<float>.A, differenceA, Vector256.Create(Points<float>.B) * differenceB).Store(target + step);
            Fma(Points<float>.AA, sumA, Vector256.Create(Points<float>.BB) * sumB).Store(target + (2 * step));
            Vector256<float> cubes = Fma(Points<float>.AAA, differenceA, Vector256.Create(Points<float>.BBB) * differenceB);
            (m5 + cubes).Store(target + (3 * step));
        }
    }
}
