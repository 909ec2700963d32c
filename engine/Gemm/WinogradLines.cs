using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// One direction of the transforms of a tile, for <see cref="VectorTransforms"/>: eight channels of a line whose elements lie so many
/// floats apart. Sums and products have the order of the transforms of whole tiles.
/// </summary>
internal unsafe interface IWinogradLines : IWinogradTile
{
    /// <summary>Places of the tile along a side when transformed, which are those of its pixels of the input.</summary>
    static abstract int Side { get; }

    /// <summary>v = B^T x.</summary>
    static abstract void InputLine(float* x, nint from, float* v, nint to);

    /// <summary>y = A^T m.</summary>
    static abstract void OutputLine(float* m, nint from, float* y, nint to);
}

internal readonly unsafe partial struct WinogradTile2 : IWinogradLines
{
    public static int Side => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine(float* x, nint from, float* v, nint to)
    {
        Vector256<float> x0 = Vector256.Load(x), x1 = Vector256.Load(x + from), x2 = Vector256.Load(x + (2 * from));
        (x0 - x2).Store(v);
        (x1 + x2).Store(v + to);
        (x2 - x1).Store(v + (2 * to));
        (x1 - Vector256.Load(x + (3 * from))).Store(v + (3 * to));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine(float* m, nint from, float* y, nint to)
    {
        Vector256<float> m1 = Vector256.Load(m + from), m2 = Vector256.Load(m + (2 * from));
        (Vector256.Load(m) + m1 + m2).Store(y);
        (m1 - m2 - Vector256.Load(m + (3 * from))).Store(y + to);
    }

    /// <summary>d = A dy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputGradientLine(float* dy, nint from, float* d, nint to)
    {
        Vector256<float> y0 = Vector256.Load(dy), y1 = Vector256.Load(dy + from);
        y0.Store(d);
        (y0 + y1).Store(d + to);
        (y0 - y1).Store(d + (2 * to));
        (Vector256<float>.Zero - y1).Store(d + (3 * to));
    }
}

internal readonly unsafe partial struct WinogradTile4 : IWinogradLines
{
    public static int Side => 6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine(float* x, nint from, float* v, nint to)
    {
        Vector256<float> x0 = Vector256.Load(x), x1 = Vector256.Load(x + from), x2 = Vector256.Load(x + (2 * from));
        Vector256<float> x3 = Vector256.Load(x + (3 * from)), x4 = Vector256.Load(x + (4 * from)), x5 = Vector256.Load(x + (5 * from));
        Fma(Points<float>.Product, x0, Fma(Points<float>.MinusSum, x2, x4)).Store(v);
        Vector256<float> even = Fma(Points<float>.MinusBB, x2, x4), odd = Fma(Points<float>.MinusBB, x1, x3);
        Fma(Points<float>.A, odd, even).Store(v + to);
        Fma(-Points<float>.A, odd, even).Store(v + (2 * to));
        even = Fma(Points<float>.MinusAA, x2, x4);
        odd = Fma(Points<float>.MinusAA, x1, x3);
        Fma(Points<float>.B, odd, even).Store(v + (3 * to));
        Fma(-Points<float>.B, odd, even).Store(v + (4 * to));
        Fma(Points<float>.Product, x1, Fma(Points<float>.MinusSum, x3, x5)).Store(v + (5 * to));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine(float* m, nint from, float* y, nint to)
    {
        Vector256<float> m1 = Vector256.Load(m + from), m2 = Vector256.Load(m + (2 * from));
        Vector256<float> m3 = Vector256.Load(m + (3 * from)), m4 = Vector256.Load(m + (4 * from));
        Vector256<float> sumA = m1 + m2, differenceA = m1 - m2, sumB = m3 + m4, differenceB = m3 - m4;
        (Vector256.Load(m) + (sumA + sumB)).Store(y);
        Fma(Points<float>.A, differenceA, Vector256.Create(Points<float>.B) * differenceB).Store(y + to);
        Fma(Points<float>.AA, sumA, Vector256.Create(Points<float>.BB) * sumB).Store(y + (2 * to));
        Vector256<float> cubes = Fma(Points<float>.AAA, differenceA, Vector256.Create(Points<float>.BBB) * differenceB);
        (Vector256.Load(m + (5 * from)) + cubes).Store(y + (3 * to));
    }

    private static Vector256<float> Fma(float a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(Vector256.Create(a), b, c);
}
