using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>How one tile of <see cref="Winograd"/> is transformed, for a lane of channels. Places in views are counted in lanes.</summary>
internal interface IWinogradTile
{
    /// <summary>Places of the tile when transformed.</summary>
    static abstract WinogradPlaces Places { get; }

    /// <summary>Pixels of the input from one tile to the next, both ways.</summary>
    static abstract int InputPitch { get; }

    /// <summary>The same of the output: the pixels of its tile.</summary>
    static abstract int OutputPitch { get; }

    /// <summary>Pixels of the input that lie before those of the output, both ways.</summary>
    static abstract int Before { get; }

    /// <summary>v = B^T x B, <paramref name="step"/> lanes from place to place of v.</summary>
    static abstract void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>y = A^T m A, <paramref name="step"/> lanes from place to place of m.</summary>
    static abstract void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>u = G w G^T for the window a0 a1 a2 | b0 b1 b2 | c0 c1 c2.</summary>
    static abstract void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;
}

/// <summary>A tile of a convolution that computes the gradient of the weights too.</summary>
internal interface IWinogradGradientTile : IWinogradTile
{
    /// <summary>d = A dy A^T, <paramref name="step"/> lanes from place to place of d.</summary>
    static abstract void OutputGradient<T, TLane>(
        ArrayView<TLane> dy, int source, int row, int column, ArrayView<TLane> d, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>dw = G^T s G of all sums of a place, <paramref name="stride"/> elements from filter to filter.</summary>
    static abstract void WeightGradient<T, TLane>(
        ArrayView<TLane> s, int source, in WinogradSums sums, ArrayView<T> dw, int target, int stride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;
}

/// <summary>
/// F(2x2, 3x3), at the points 0, 1, -1 and infinity:
/// <code>
/// B^T = 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1    G = 1 0 0 | .5 .5 .5 | .5 -.5 .5 | 0 0 1    A^T = 1 1 1 0 | 0 1 -1 -1
/// </code>
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly partial struct WinogradTile2 : IWinogradGradientTile
{
    public static WinogradPlaces Places => new(Alone: 16, Pairs: 0, Fours: 0);

    public static int InputPitch => 2;

    public static int OutputPitch => 2;

    public static int Before => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int r0 = source, r1 = r0 + row, r2 = r1 + row, r3 = r2 + row;
        Combine<T, TLane>(
            v, target, step, Minus<T, TLane>(x, r0, r2), Minus<T, TLane>(x, r0 + column, r2 + column),
            Minus<T, TLane>(x, r0 + (2 * column), r2 + (2 * column)), Minus<T, TLane>(x, r0 + (3 * column), r2 + (3 * column)));
        Combine<T, TLane>(
            v, target + (4 * step), step, Plus<T, TLane>(x, r1, r2), Plus<T, TLane>(x, r1 + column, r2 + column),
            Plus<T, TLane>(x, r1 + (2 * column), r2 + (2 * column)), Plus<T, TLane>(x, r1 + (3 * column), r2 + (3 * column)));
        Combine<T, TLane>(
            v, target + (8 * step), step, Minus<T, TLane>(x, r2, r1), Minus<T, TLane>(x, r2 + column, r1 + column),
            Minus<T, TLane>(x, r2 + (2 * column), r1 + (2 * column)), Minus<T, TLane>(x, r2 + (3 * column), r1 + (3 * column)));
        Combine<T, TLane>(
            v, target + (12 * step), step, Minus<T, TLane>(x, r1, r3), Minus<T, TLane>(x, r1 + column, r3 + column),
            Minus<T, TLane>(x, r1 + (2 * column), r3 + (2 * column)), Minus<T, TLane>(x, r1 + (3 * column), r3 + (3 * column)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane u0 = Upper<T, TLane>(m, source, step), l0 = Lower<T, TLane>(m, source, step);
        TLane u1 = Upper<T, TLane>(m, source + step, step), l1 = Lower<T, TLane>(m, source + step, step);
        TLane u2 = Upper<T, TLane>(m, source + (2 * step), step), l2 = Lower<T, TLane>(m, source + (2 * step), step);
        TLane u3 = Upper<T, TLane>(m, source + (3 * step), step), l3 = Lower<T, TLane>(m, source + (3 * step), step);
        Real.Store(y, target, u0 + u1 + u2);
        Real.Store(y, target + column, u1 - u2 - u3);
        Real.Store(y, target + row, l0 + l1 + l2);
        Real.Store(y, target + row + column, l1 - l2 - l3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        Weigh<T, TLane>(u, target, step, a0, a1, a2);
        Weigh<T, TLane>(u, target + (4 * step), step, (a0 + b0 + c0) * half, (a1 + b1 + c1) * half, (a2 + b2 + c2) * half);
        Weigh<T, TLane>(u, target + (8 * step), step, (a0 - b0 + c0) * half, (a1 - b1 + c1) * half, (a2 - b2 + c2) * half);
        Weigh<T, TLane>(u, target + (12 * step), step, c0, c1, c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputGradient<T, TLane>(
        ArrayView<TLane> dy, int source, int row, int column, ArrayView<TLane> d, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a = Real.Load(dy, source), b = Real.Load(dy, source + column);
        TLane c = Real.Load(dy, source + row), e = Real.Load(dy, source + row + column);
        TLane zero = TLane.Splat(T.Zero);
        Extend<T, TLane>(d, target, step, a, b);
        Extend<T, TLane>(d, target + (4 * step), step, a + c, b + e);
        Extend<T, TLane>(d, target + (8 * step), step, a - c, b - e);
        Extend<T, TLane>(d, target + (12 * step), step, zero - c, zero - e);
    }

    public static void WeightGradient<T, TLane>(
        ArrayView<TLane> s, int source, in WinogradSums sums, ArrayView<T> dw, int target, int stride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        for (int column = 0; column < 3; column++)
        {
            // One column of s G.
            TLane q0 = Column<T, TLane>(s, source, 0, column, in sums), q1 = Column<T, TLane>(s, source, 4, column, in sums);
            TLane q2 = Column<T, TLane>(s, source, 8, column, in sums), q3 = Column<T, TLane>(s, source, 12, column, in sums);
            TLane middle = (q1 + q2) * half;
            TLane.Scatter(dw, target + column, stride, q0 + middle);
            TLane.Scatter(dw, target + column + 3, stride, (q1 - q2) * half);
            TLane.Scatter(dw, target + column + 6, stride, middle + q3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Plus<T, TLane>(ArrayView<TLane> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(x, a) + Real.Load(x, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Minus<T, TLane>(ArrayView<TLane> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(x, a) - Real.Load(x, b);

    // One row of t B.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(ArrayView<TLane> v, int target, int step, TLane t0, TLane t1, TLane t2, TLane t3)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(v, target, t0 - t2);
        Real.Store(v, target + step, t1 + t2);
        Real.Store(v, target + (2 * step), t2 - t1);
        Real.Store(v, target + (3 * step), t1 - t3);
    }

    // One column of A^T m, its upper and its lower row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Upper<T, TLane>(ArrayView<TLane> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        Real.Load(m, source) + Real.Load(m, source + (4 * step)) + Real.Load(m, source + (8 * step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Lower<T, TLane>(ArrayView<TLane> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        Real.Load(m, source + (4 * step)) - Real.Load(m, source + (8 * step)) - Real.Load(m, source + (12 * step));

    // One row of q G^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<T, TLane>(ArrayView<TLane> u, int target, int step, TLane q0, TLane q1, TLane q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        Real.Store(u, target, q0);
        Real.Store(u, target + step, (q0 + q1 + q2) * half);
        Real.Store(u, target + (2 * step), (q0 - q1 + q2) * half);
        Real.Store(u, target + (3 * step), q2);
    }

    // One row of t A^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Extend<T, TLane>(ArrayView<TLane> d, int target, int step, TLane a, TLane b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(d, target, a);
        Real.Store(d, target + step, a + b);
        Real.Store(d, target + (2 * step), a - b);
        Real.Store(d, target + (3 * step), TLane.Splat(T.Zero) - b);
    }

    // Element `column` of the row of s G whose places begin at `first`.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Column<T, TLane>(ArrayView<TLane> s, int source, int first, int column, in WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        TLane s1 = WinogradTransforms.Total<T, TLane>(s, source, first + 1, in sums);
        TLane s2 = WinogradTransforms.Total<T, TLane>(s, source, first + 2, in sums);
        if (column == 1)
            return (s1 - s2) * half;
        return WinogradTransforms.Total<T, TLane>(s, source, column == 0 ? first : first + 3, in sums) + ((s1 + s2) * half);
    }
}
