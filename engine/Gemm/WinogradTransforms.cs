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
                int source = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (((g.Pitch * tile) - TTile.Before) * g.Column)
                    - (TTile.Before * g.Row);
                TTile.Input<T, TLane>(x, source, g.Row, g.Column, v, row.Transformed + (2 * tile) + lane, step);
            }
        }
    }

    /// <summary>d = A dy A^T for a row of tiles.</summary>
    public static void OutputGradient<T, TLane, TTile>(ArrayView<TLane> dy, ArrayView<TLane> d, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int tile = 0; tile < g.TileColumns; tile++)
        {
            for (int lane = 0; lane < 2; lane++)
            {
                int source = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (g.Pitch * tile * g.Column);
                TTile.OutputGradient<T, TLane>(dy, source, g.Row, g.Column, d, row.Transformed + (2 * tile) + lane, step);
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
                int target = row.Tensor + g.LaneOffset(row.FirstLane + lane) + (g.Pitch * tile * g.Column);
                TTile.Output<T, TLane>(m, row.Transformed + (2 * tile) + lane, step, y, target, g.Row, g.Column);
            }
        }
    }

    /// <summary>
    /// u = G w G^T for a run of inputs and a tile of outputs. One half of the outputs first: filters forwards lie a power of two apart, and
    /// sixteen of them would meet in the same lines of the cache.
    /// </summary>
    public static void Weights<T, TLane, TTile>(ArrayView<T> w, ArrayView<TLane> u, in WinogradWeights order, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradTile
    {
        (int tile, int first) = order.Of(item);
        int step = order.PlaceStride / TLane.Width;
        int between = order.OutputStride, tap = order.TapStep;
        for (int i = 0; i < 2 * WinogradWeights.Run; i++)
        {
            int lane = i / WinogradWeights.Run, input = first + (i % WinogradWeights.Run);
            int source = order.Place((tile * ContractionTile.Columns) + (lane * TLane.Width), input) + order.FirstTap;
            int target = (tile * TTile.Places.Weights * step) + (2 * input) + lane;
            TLane a0 = TLane.Gather(w, source, between), a1 = TLane.Gather(w, source + tap, between);
            TLane a2 = TLane.Gather(w, source + (2 * tap), between);
            TLane b0 = TLane.Gather(w, source + (3 * tap), between), b1 = TLane.Gather(w, source + (4 * tap), between);
            TLane b2 = TLane.Gather(w, source + (5 * tap), between);
            TLane c0 = TLane.Gather(w, source + (6 * tap), between), c1 = TLane.Gather(w, source + (7 * tap), between);
            TLane c2 = TLane.Gather(w, source + (8 * tap), between);
            TTile.Weights<T, TLane>(u, target, step, a0, a1, a2, b0, b1, b2, c0, c1, c2);
        }
    }

    /// <summary>dw = G^T s G for a run of filters and a tile of channels.</summary>
    public static void WeightGradient<T, TLane, TTile>(
        ArrayView<TLane> s, ArrayView<T> dw, in WinogradWeights order, in WinogradSums sums, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        (int tile, int first) = order.Of(item);
        for (int i = 0; i < 2 * WinogradWeights.Run; i++)
        {
            int lane = i % 2, input = first + (i / 2);
            int source = (tile * order.Inputs * 2) + (2 * input) + lane;
            int target = order.Place((tile * ContractionTile.Columns) + (lane * TLane.Width), input);
            TTile.WeightGradient(s, source, in sums, dw, target, order.OutputStride);
        }
    }

    /// <summary>The sum at a place, of all passes and chunks in their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLane Total<T, TLane>(ArrayView<TLane> s, int source, int place, in WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int step = sums.Stride / TLane.Width;
        if (sums.Passes * sums.Chunks == 1)
            return Real.Load(s, source + (place * step));
        TLane sum = TLane.Splat(T.Zero);
        for (int pass = 0; pass < sums.Passes; pass++)
        {
            int index = source + (((pass * sums.Places) + place) * sums.Chunks * step);
            for (int chunk = 0; chunk < sums.Chunks; chunk++, index += step)
                sum += Real.Load(s, index);
        }

        return sum;
    }
}
