using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deat.Engine;

// One direction of the transforms, for VectorTransforms; sums and products in the order of the transforms of whole tiles.

internal readonly unsafe partial struct WinogradTile2
{
    public static int Side => 4;

    public static int InputSide => 4;

    public static ReadOnlySpan<byte> Order => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine<TFrom, TTo>(float* x, TFrom from, float* v, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> x0 = Vector256.Load(x + from.Of(0)), x1 = Vector256.Load(x + from.Of(1)), x2 = Vector256.Load(x + from.Of(2));
        (x0 - x2).Store(v + to.Of(0));
        (x1 + x2).Store(v + to.Of(1));
        (x2 - x1).Store(v + to.Of(2));
        (x1 - Vector256.Load(x + from.Of(3))).Store(v + to.Of(3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine<TFrom, TTo>(float* m, TFrom from, float* y, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> m1 = Vector256.Load(m + from.Of(1)), m2 = Vector256.Load(m + from.Of(2));
        (Vector256.Load(m + from.Of(0)) + m1 + m2).Store(y + to.Of(0));
        (m1 - m2 - Vector256.Load(m + from.Of(3))).Store(y + to.Of(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputGradientLine<TFrom, TTo>(float* dy, TFrom from, float* d, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> y0 = Vector256.Load(dy + from.Of(0)), y1 = Vector256.Load(dy + from.Of(1));
        y0.Store(d + to.Of(0));
        (y0 + y1).Store(d + to.Of(1));
        (y0 - y1).Store(d + to.Of(2));
        (Vector256<float>.Zero - y1).Store(d + to.Of(3));
    }
}

internal readonly unsafe partial struct WinogradTile4
{
    public static int Side => 6;

    public static int InputSide => 6;

    public static ReadOnlySpan<byte> Order =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine<TFrom, TTo>(float* x, TFrom from, float* v, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> x0 = Vector256.Load(x + from.Of(0)), x1 = Vector256.Load(x + from.Of(1)), x2 = Vector256.Load(x + from.Of(2));
        Vector256<float> x3 = Vector256.Load(x + from.Of(3)), x4 = Vector256.Load(x + from.Of(4)), x5 = Vector256.Load(x + from.Of(5));
        Fma(Points<float>.Product, x0, Fma(Points<float>.MinusSum, x2, x4)).Store(v + to.Of(0));
        Vector256<float> even = Fma(Points<float>.MinusBB, x2, x4), odd = Fma(Points<float>.MinusBB, x1, x3);
        Fma(Points<float>.A, odd, even).Store(v + to.Of(1));
        Fma(-Points<float>.A, odd, even).Store(v + to.Of(2));
        even = Fma(Points<float>.MinusAA, x2, x4);
        odd = Fma(Points<float>.MinusAA, x1, x3);
        Fma(Points<float>.B, odd, even).Store(v + to.Of(3));
        Fma(-Points<float>.B, odd, even).Store(v + to.Of(4));
        Fma(Points<float>.Product, x1, Fma(Points<float>.MinusSum, x3, x5)).Store(v + to.Of(5));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine<TFrom, TTo>(float* m, TFrom from, float* y, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> m1 = Vector256.Load(m + from.Of(1)), m2 = Vector256.Load(m + from.Of(2));
        Vector256<float> m3 = Vector256.Load(m + from.Of(3)), m4 = Vector256.Load(m + from.Of(4));
        Vector256<float> sumA = m1 + m2, differenceA = m1 - m2, sumB = m3 + m4, differenceB = m3 - m4;
        (Vector256.Load(m + from.Of(0)) + (sumA + sumB)).Store(y + to.Of(0));
        Fma(Points<float>.A, differenceA, Vector256.Create(Points<float>.B) * differenceB).Store(y + to.Of(1));
        Fma(Points<float>.AA, sumA, Vector256.Create(Points<float>.BB) * sumB).Store(y + to.Of(2));
        Vector256<float> cubes = Fma(Points<float>.AAA, differenceA, Vector256.Create(Points<float>.BBB) * differenceB);
        (Vector256.Load(m + from.Of(5)) + cubes).Store(y + to.Of(3));
    }

    private static Vector256<float> Fma(float a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(Vector256.Create(a), b, c);
}

internal readonly unsafe partial struct StridedTile
{
    public static int Side => 5;

    public static int InputSide => 5;

    public static ReadOnlySpan<byte> Order => [0, 1, 2, 9, 10, 3, 4, 5, 11, 12, 6, 7, 8, 13, 14, 15, 17, 19, 21, 22, 16, 18, 20, 23, 24];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine<TFrom, TTo>(float* x, TFrom from, float* v, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> x2 = Vector256.Load(x + from.Of(2));
        (Vector256.Load(x + from.Of(0)) - x2).Store(v + to.Of(0));
        x2.Store(v + to.Of(1));
        (Vector256.Load(x + from.Of(4)) - x2).Store(v + to.Of(2));
        Vector256.Load(x + from.Of(1)).Store(v + to.Of(3));
        Vector256.Load(x + from.Of(3)).Store(v + to.Of(4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine<TFrom, TTo>(float* m, TFrom from, float* y, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> m1 = Vector256.Load(m + from.Of(1));
        (Vector256.Load(m + from.Of(0)) + m1 + Vector256.Load(m + from.Of(3))).Store(y + to.Of(0));
        (m1 + Vector256.Load(m + from.Of(2)) + Vector256.Load(m + from.Of(4))).Store(y + to.Of(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputGradientLine<TFrom, TTo>(float* dy, TFrom from, float* d, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> y0 = Vector256.Load(dy + from.Of(0)), y1 = Vector256.Load(dy + from.Of(1));
        y0.Store(d + to.Of(0));
        (y0 + y1).Store(d + to.Of(1));
        y1.Store(d + to.Of(2));
        y0.Store(d + to.Of(3));
        y1.Store(d + to.Of(4));
    }
}

internal readonly unsafe partial struct StridedGradientTile
{
    public static int Side => StridedTile.Side;

    public static int InputSide => 3;

    public static ReadOnlySpan<byte> Order => StridedTile.Order;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine<TFrom, TTo>(float* x, TFrom from, float* v, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> x0 = Vector256.Load(x + from.Of(0)), x1 = Vector256.Load(x + from.Of(1));
        (x0 - x1).Store(v + to.Of(0));
        x1.Store(v + to.Of(1));
        (Vector256.Load(x + from.Of(2)) - x1).Store(v + to.Of(2));
        x0.Store(v + to.Of(3));
        x1.Store(v + to.Of(4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputLine<TFrom, TTo>(float* m, TFrom from, float* y, TTo to)
        where TFrom : struct, IOffsets
        where TTo : struct, IOffsets
    {
        Vector256<float> m1 = Vector256.Load(m + from.Of(1));
        Vector256.Load(m + from.Of(3)).Store(y + to.Of(0));
        (Vector256.Load(m + from.Of(0)) + m1).Store(y + to.Of(1));
        Vector256.Load(m + from.Of(4)).Store(y + to.Of(2));
        (m1 + Vector256.Load(m + from.Of(2))).Store(y + to.Of(3));
    }
}
