using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>The transforms of <see cref="Winograd"/>: what one work-item does, a lane of channels at a time.</summary>
[ExcludeFromCodeCoverage]
internal static class WinogradTransforms
{
    /// <summary>v = B^T x B for a row of tiles.</summary>
    public static void Input<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> v, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        int column = g.Column;
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int r0 = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (((2 * tile) - 1) * column) - g.Row;
                int r1 = r0 + g.Row, r2 = r1 + g.Row, r3 = r2 + g.Row;
                int target = row.Transformed + (2 * tile) + lane;
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
        }
    }

    /// <summary>d = A dy A^T for a row of tiles.</summary>
    public static void OutputGradient<T, TLane>(ArrayView<TLane> dy, ArrayView<TLane> d, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        TLane zero = TLane.Splat(T.Zero);
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int source = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (2 * tile * g.Column);
                int target = row.Transformed + (2 * tile) + lane;
                TLane a = Real.Load(dy, source), b = Real.Load(dy, source + g.Column);
                TLane c = Real.Load(dy, source + g.Row), e = Real.Load(dy, source + g.Row + g.Column);
                Extend<T, TLane>(d, target, step, a, b);
                Extend<T, TLane>(d, target + (4 * step), step, a + c, b + e);
                Extend<T, TLane>(d, target + (8 * step), step, a - c, b - e);
                Extend<T, TLane>(d, target + (12 * step), step, zero - c, zero - e);
            }
        }
    }

    /// <summary>y = A^T m A for a row of tiles.</summary>
    public static void Output<T, TLane>(ArrayView<TLane> m, ArrayView<TLane> y, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int target = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (2 * tile * g.Column);
                int source = row.Transformed + (2 * tile) + lane;
                TLane u0 = Upper<T, TLane>(m, source, step), l0 = Lower<T, TLane>(m, source, step);
                TLane u1 = Upper<T, TLane>(m, source + step, step), l1 = Lower<T, TLane>(m, source + step, step);
                TLane u2 = Upper<T, TLane>(m, source + (2 * step), step), l2 = Lower<T, TLane>(m, source + (2 * step), step);
                TLane u3 = Upper<T, TLane>(m, source + (3 * step), step), l3 = Lower<T, TLane>(m, source + (3 * step), step);
                Real.Store(y, target, u0 + u1 + u2);
                Real.Store(y, target + g.Column, u1 - u2 - u3);
                Real.Store(y, target + g.Row, l0 + l1 + l2);
                Real.Store(y, target + g.Row + g.Column, l1 - l2 - l3);
            }
        }
    }

    /// <summary>u = G w G^T for one input and a tile of outputs.</summary>
    public static void Weights<T, TLane>(ArrayView<T> w, ArrayView<TLane> u, in WinogradWeights order, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        (int tile, int input) = order.Of(item);
        int step = order.PlaceStride / TLane.Width;
        int between = order.OutputStride, tap = order.TapStep;
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        for (int lane = 0; lane < 2; lane++)
        {
            int source = order.Place((tile * ContractionTile.Columns) + (lane * TLane.Width), input) + order.FirstTap;
            int target = (tile * Winograd.Places * step) + (2 * input) + lane;
            TLane a0 = TLane.Gather(w, source, between), a1 = TLane.Gather(w, source + tap, between);
            TLane a2 = TLane.Gather(w, source + (2 * tap), between);
            TLane b0 = TLane.Gather(w, source + (3 * tap), between), b1 = TLane.Gather(w, source + (4 * tap), between);
            TLane b2 = TLane.Gather(w, source + (5 * tap), between);
            TLane c0 = TLane.Gather(w, source + (6 * tap), between), c1 = TLane.Gather(w, source + (7 * tap), between);
            TLane c2 = TLane.Gather(w, source + (8 * tap), between);
            Weigh<T, TLane>(u, target, step, a0, a1, a2);
            Weigh<T, TLane>(u, target + (4 * step), step, (a0 + b0 + c0) * half, (a1 + b1 + c1) * half, (a2 + b2 + c2) * half);
            Weigh<T, TLane>(u, target + (8 * step), step, (a0 - b0 + c0) * half, (a1 - b1 + c1) * half, (a2 - b2 + c2) * half);
            Weigh<T, TLane>(u, target + (12 * step), step, c0, c1, c2);
        }
    }

    /// <summary>dw = G^T s G for one channel and a tile of filters.</summary>
    public static void WeightGradient<T, TLane>(
        ArrayView<TLane> s, ArrayView<T> dw, in WinogradWeights order, in WinogradSums sums, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        (int tile, int input) = order.Of(item);
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        for (int lane = 0; lane < 2; lane++)
        {
            int source = (tile * order.Inputs * 2) + (2 * input) + lane;
            int target = order.Place((tile * ContractionTile.Columns) + (lane * TLane.Width), input);
            for (int column = 0; column < 3; column++)
            {
                // One column of s G.
                TLane q0 = Column<T, TLane>(s, source, 0, column, in sums), q1 = Column<T, TLane>(s, source, 4, column, in sums);
                TLane q2 = Column<T, TLane>(s, source, 8, column, in sums), q3 = Column<T, TLane>(s, source, 12, column, in sums);
                TLane middle = (q1 + q2) * half;
                TLane.Scatter(dw, target + column, order.OutputStride, q0 + middle);
                TLane.Scatter(dw, target + column + 3, order.OutputStride, (q1 - q2) * half);
                TLane.Scatter(dw, target + column + 6, order.OutputStride, middle + q3);
            }
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

    // Element `column` of the row of s G whose places begin at `first`.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Column<T, TLane>(ArrayView<TLane> s, int source, int first, int column, in WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        TLane s1 = Total<T, TLane>(s, source, first + 1, in sums), s2 = Total<T, TLane>(s, source, first + 2, in sums);
        if (column == 1)
            return (s1 - s2) * half;
        return Total<T, TLane>(s, source, column == 0 ? first : first + 3, in sums) + ((s1 + s2) * half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Total<T, TLane>(ArrayView<TLane> s, int source, int place, in WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int step = sums.Stride / TLane.Width;
        TLane sum = TLane.Splat(T.Zero);
        for (int pass = 0; pass < sums.Passes; pass++)
        {
            int index = source + (((pass * Winograd.Places) + place) * sums.Chunks * step);
            for (int chunk = 0; chunk < sums.Chunks; chunk++, index += step)
                sum += Real.Load(s, index);
        }

        return sum;
    }
}
