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
    public static void Input<T, TLane, TTile>(ArrayView<TLane> x, ArrayView<TLane> v, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradTile
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int source = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (((TTile.Size * tile) - 1) * g.Column) - g.Row;
                TTile.Input<T, TLane>(x, source, g.Row, g.Column, v, row.Transformed + (2 * tile) + lane, step);
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
    public static void Output<T, TLane, TTile>(ArrayView<TLane> m, ArrayView<TLane> y, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradTile
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int target = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (TTile.Size * tile * g.Column);
                TTile.Output<T, TLane>(m, row.Transformed + (2 * tile) + lane, step, y, target, g.Row, g.Column);
            }
        }
    }

    /// <summary>u = G w G^T for one input and a tile of outputs.</summary>
    public static void Weights<T, TLane, TTile>(ArrayView<T> w, ArrayView<TLane> u, in WinogradWeights order, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradTile
    {
        (int tile, int input) = order.Of(item);
        int step = order.PlaceStride / TLane.Width;
        int between = order.OutputStride, tap = order.TapStep;
        for (int lane = 0; lane < 2; lane++)
        {
            int source = order.Place((tile * ContractionTile.Columns) + (lane * TLane.Width), input) + order.FirstTap;
            int target = (tile * Winograd.Places(TTile.Size) * step) + (2 * input) + lane;
            TLane a0 = TLane.Gather(w, source, between), a1 = TLane.Gather(w, source + tap, between);
            TLane a2 = TLane.Gather(w, source + (2 * tap), between);
            TLane b0 = TLane.Gather(w, source + (3 * tap), between), b1 = TLane.Gather(w, source + (4 * tap), between);
            TLane b2 = TLane.Gather(w, source + (5 * tap), between);
            TLane c0 = TLane.Gather(w, source + (6 * tap), between), c1 = TLane.Gather(w, source + (7 * tap), between);
            TLane c2 = TLane.Gather(w, source + (8 * tap), between);
            TTile.Weights<T, TLane>(u, target, step, a0, a1, a2, b0, b1, b2, c0, c1, c2);
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
            int index = source + (((pass * Winograd.Places(WinogradTile2.Size)) + place) * sums.Chunks * step);
            for (int chunk = 0; chunk < sums.Chunks; chunk++, index += step)
                sum += Real.Load(s, index);
        }

        return sum;
    }
}
