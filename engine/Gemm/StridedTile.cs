using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// A 2x2 tile of outputs with a 3x3 window and stride 2, in 25 products where the definition takes 36. Along each axis taps 0 and 2 meet
/// the even pixels of a row x0 to x4 and are F(2, 2), at the points 0, -1 and infinity; tap 1 meets x1 and x3:
/// <code>
/// y0 = (x0 - x2) w0 + x2 (w0 + w2)                  + x1 w1
/// y1 =                x2 (w0 + w2) + (x4 - x2) w2   + x3 w1
/// B^T = 1 0 -1 0 0 | 0 0 1 0 0 | 0 0 -1 0 1 | 0 1 0 0 0 | 0 0 0 1 0    G = 1 0 0 | 1 0 1 | 0 0 1 | 0 1 0 | 0 1 0
/// A^T = 1 1 0 1 0 | 0 1 1 0 1
/// </code>
/// All numbers are 0, 1 and -1: transforms are sums. The last two rows of G are alike, so some places share weights. Places (i, j) are in
/// this order: both of the first three; i of them, j of the last two, which share weights; the other way round; both of the last two.
/// The input's gradient has tiles of its own, <see cref="StridedGradientTile"/>.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct StridedTile : IWinogradGradientTile
{
    public static WinogradPlaces Places => new(Alone: 9, Pairs: 6, Fours: 1);

    public static int InputPitch => 4;

    public static int OutputPitch => 2;

    public static int Before => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int r1 = source + row, r2 = r1 + row, r3 = r2 + row, r4 = r3 + row;
        CombineDifferences<T, TLane>(x, source, r2, column, v, target, target + (9 * step), step);
        CombineRow<T, TLane>(x, r2, column, v, target + (3 * step), target + (11 * step), step, step);
        CombineDifferences<T, TLane>(x, r4, r2, column, v, target + (6 * step), target + (13 * step), step);
        CombineRow<T, TLane>(x, r1, column, v, target + (15 * step), target + (21 * step), 2 * step, step);
        CombineRow<T, TLane>(x, r3, column, v, target + (16 * step), target + (23 * step), 2 * step, step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Gather<T, TLane>(m, source, source + (9 * step), source + (15 * step), source + (21 * step), step, y, target, column);
        Gather<T, TLane>(
            m, source + (3 * step), source + (11 * step), source + (16 * step), source + (23 * step), step, y, target + row, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Weigh<T, TLane>(u, target, target + (9 * step), step, a0, a1, a2);
        Weigh<T, TLane>(u, target + (3 * step), target + (10 * step), step, a0 + c0, a1 + c1, a2 + c2);
        Weigh<T, TLane>(u, target + (6 * step), target + (11 * step), step, c0, c1, c2);
        Weigh<T, TLane>(u, target + (12 * step), target + (15 * step), step, b0, b1, b2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputGradient<T, TLane>(
        ArrayView<TLane> dy, int source, int row, int column, ArrayView<TLane> d, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a0 = Real.Load(dy, source), a1 = Real.Load(dy, source + column);
        TLane b0 = Real.Load(dy, source + row), b1 = Real.Load(dy, source + row + column);
        Extend<T, TLane>(d, target, target + (9 * step), step, step, a0, a1);
        Extend<T, TLane>(d, target + (3 * step), target + (11 * step), step, step, a0 + b0, a1 + b1);
        Extend<T, TLane>(d, target + (6 * step), target + (13 * step), step, step, b0, b1);
        Extend<T, TLane>(d, target + (15 * step), target + (21 * step), 2 * step, step, a0, a1);
        Extend<T, TLane>(d, target + (16 * step), target + (23 * step), 2 * step, step, b0, b1);
    }

    public static void WeightGradient<T, TLane>(
        ArrayView<TLane> s, int source, in WinogradSums sums, ArrayView<T> dw, int target, int stride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        for (int column = 0; column < 3; column++)
        {
            TLane middle = Column<T, TLane>(s, source, 3, 10, column, in sums);
            TLane.Scatter(dw, target + column, stride, Column<T, TLane>(s, source, 0, 9, column, in sums) + middle);
            TLane.Scatter(dw, target + column + 3, stride, Column<T, TLane>(s, source, 12, 15, column, in sums));
            TLane.Scatter(dw, target + column + 6, stride, middle + Column<T, TLane>(s, source, 6, 11, column, in sums));
        }
    }

    // A row of B^T x B, of the difference of two rows of x: its first three places, then its last two.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CombineDifferences<T, TLane>(
        ArrayView<TLane> x, int a, int b, int column, ArrayView<TLane> v, int first, int last, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Combine<T, TLane>(
            v, first, last, step, step, Real.Load(x, a) - Real.Load(x, b), Real.Load(x, a + column) - Real.Load(x, b + column),
            Real.Load(x, a + (2 * column)) - Real.Load(x, b + (2 * column)),
            Real.Load(x, a + (3 * column)) - Real.Load(x, b + (3 * column)),
            Real.Load(x, a + (4 * column)) - Real.Load(x, b + (4 * column)));

    // The same of one row of x.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CombineRow<T, TLane>(
        ArrayView<TLane> x, int a, int column, ArrayView<TLane> v, int first, int last, int between, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Combine<T, TLane>(
            v, first, last, between, step, Real.Load(x, a), Real.Load(x, a + column), Real.Load(x, a + (2 * column)),
            Real.Load(x, a + (3 * column)), Real.Load(x, a + (4 * column)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(
        ArrayView<TLane> v, int first, int last, int between, int step, TLane t0, TLane t1, TLane t2, TLane t3, TLane t4)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(v, first, t0 - t2);
        Real.Store(v, first + between, t2);
        Real.Store(v, first + (2 * between), t4 - t2);
        Real.Store(v, last, t1);
        Real.Store(v, last + step, t3);
    }

    // A row of A^T m A: the sum of two neighbouring rows of the first three and one of the last two, times A.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gather<T, TLane>(
        ArrayView<TLane> m, int first, int last, int otherFirst, int otherLast, int step, ArrayView<TLane> y, int target, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane middle = Sum<T, TLane>(m, first + step, 3 * step, otherFirst + (2 * step));
        TLane left = Sum<T, TLane>(m, first, 3 * step, otherFirst) + middle;
        Real.Store(y, target, left + Sum<T, TLane>(m, last, 2 * step, otherLast));
        TLane right = middle + Sum<T, TLane>(m, first + (2 * step), 3 * step, otherFirst + (4 * step));
        Real.Store(y, target + column, right + Sum<T, TLane>(m, last + step, 2 * step, otherLast + step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Sum<T, TLane>(ArrayView<TLane> m, int place, int toNext, int other)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(m, place) + Real.Load(m, place + toNext) + Real.Load(m, other);

    // A row of q G^T; the last place stands for the last two.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<T, TLane>(ArrayView<TLane> u, int first, int last, int step, TLane q0, TLane q1, TLane q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(u, first, q0);
        Real.Store(u, first + step, q0 + q2);
        Real.Store(u, first + (2 * step), q2);
        Real.Store(u, last, q1);
    }

    // A row of t A^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Extend<T, TLane>(ArrayView<TLane> d, int first, int last, int between, int step, TLane t0, TLane t1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(d, first, t0);
        Real.Store(d, first + between, t0 + t1);
        Real.Store(d, first + (2 * between), t1);
        Real.Store(d, last, t0);
        Real.Store(d, last + step, t1);
    }

    // Element `column` of a row of s G, whose last place stands for the sum of the last two.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Column<T, TLane>(ArrayView<TLane> s, int source, int first, int last, int column, in WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        if (column == 1)
            return WinogradTransforms.Total<T, TLane>(s, source, last, in sums);
        int place = column == 0 ? first : first + 1;
        return WinogradTransforms.Total<T, TLane>(s, source, place, in sums)
            + WinogradTransforms.Total<T, TLane>(s, source, place + 1, in sums);
    }
}

/// <summary>
/// A 4x4 tile of the input's gradient of a convolution with a 3x3 window and stride 2, in 25 products where the definition takes 36. The
/// weights are turned by half a circle and transformed as those of <see cref="StridedTile"/>, and places lie in the same order. Along each
/// axis, from dy0 to dy2:
/// <code>
/// dx0 = dy0 w1                  dx1 = (dy0 - dy1) w0 + dy1 (w0 + w2)
/// dx2 = dy1 w1                  dx3 = dy1 (w0 + w2) + (dy2 - dy1) w2
/// B^T = 1 -1 0 | 0 1 0 | 0 -1 1 | 1 0 0 | 0 1 0    A^T = 0 0 0 1 0 | 1 1 0 0 0 | 0 0 0 0 1 | 0 1 1 0 0
/// </code>
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct StridedGradientTile : IWinogradTile
{
    public static WinogradPlaces Places => StridedTile.Places;

    public static int InputPitch => StridedTile.OutputPitch;

    public static int OutputPitch => StridedTile.InputPitch;

    public static int Before => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int c1 = source + column, c2 = c1 + column;
        TLane a0 = Real.Load(x, source), a1 = Real.Load(x, c1), a2 = Real.Load(x, c2);
        TLane b0 = Real.Load(x, source + row), b1 = Real.Load(x, c1 + row), b2 = Real.Load(x, c2 + row);
        Combine<T, TLane>(v, target, target + (9 * step), step, step, a0 - b0, a1 - b1, a2 - b2);
        Combine<T, TLane>(v, target + (15 * step), target + (21 * step), 2 * step, step, a0, a1, a2);
        Combine<T, TLane>(v, target + (3 * step), target + (11 * step), step, step, b0, b1, b2);
        Combine<T, TLane>(v, target + (16 * step), target + (23 * step), 2 * step, step, b0, b1, b2);
        Combine<T, TLane>(
            v, target + (6 * step), target + (13 * step), step, step, Real.Load(x, source + (2 * row)) - b0,
            Real.Load(x, c1 + (2 * row)) - b1, Real.Load(x, c2 + (2 * row)) - b2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        GatherRow<T, TLane>(m, source + (15 * step), source + (21 * step), step, y, target, column);
        GatherSums<T, TLane>(m, source, source + (9 * step), step, y, target + row, column);
        GatherRow<T, TLane>(m, source + (16 * step), source + (23 * step), step, y, target + (2 * row), column);
        GatherSums<T, TLane>(m, source + (3 * step), source + (11 * step), step, y, target + (3 * row), column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        StridedTile.Weights<T, TLane>(u, target, step, a0, a1, a2, b0, b1, b2, c0, c1, c2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(
        ArrayView<TLane> v, int first, int last, int between, int step, TLane t0, TLane t1, TLane t2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(v, first, t0 - t1);
        Real.Store(v, first + between, t1);
        Real.Store(v, first + (2 * between), t2 - t1);
        Real.Store(v, last, t0);
        Real.Store(v, last + step, t1);
    }

    // A row of A^T m A: of one of the last two rows of m, or of the sum of two neighbouring rows of the first three.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatherRow<T, TLane>(ArrayView<TLane> m, int first, int last, int step, ArrayView<TLane> y, int target, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane middle = Real.Load(m, first + (2 * step));
        Real.Store(y, target, Real.Load(m, last));
        Real.Store(y, target + column, Real.Load(m, first) + middle);
        Real.Store(y, target + (2 * column), Real.Load(m, last + step));
        Real.Store(y, target + (3 * column), middle + Real.Load(m, first + (4 * step)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatherSums<T, TLane>(ArrayView<TLane> m, int first, int last, int step, ArrayView<TLane> y, int target, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane middle = Sum<T, TLane>(m, first + step, 3 * step);
        Real.Store(y, target, Sum<T, TLane>(m, last, 2 * step));
        Real.Store(y, target + column, Sum<T, TLane>(m, first, 3 * step) + middle);
        Real.Store(y, target + (2 * column), Sum<T, TLane>(m, last + step, 2 * step));
        Real.Store(y, target + (3 * column), middle + Sum<T, TLane>(m, first + (2 * step), 3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Sum<T, TLane>(ArrayView<TLane> m, int place, int toNext)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(m, place) + Real.Load(m, place + toNext);
}
