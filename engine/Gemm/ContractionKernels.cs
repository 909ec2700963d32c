using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;
using ILGPU.IR.Intrinsics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>The kernel of all contractions: one register tile of 6 rows by 16 columns, fed straight from memory.</summary>
/// <remarks>
/// Twelve accumulators of eight, two loads of y and six broadcasts of x per step: the shape that fills the sixteen vector
/// registers of AVX2; with the 32 of AVX-512 it is 12 by 32. The tile has three bodies: <see cref="VectorTile"/> on the CPU accelerator,
/// <see cref="OpenCLTile"/>, and <see cref="Lane8{T}"/> for PTX and for binary64 in .NET.
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class ContractionKernels
{
    public static void Contract<T>(ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, Contraction g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        int inPanel = item % g.ItemsPerPanel;
        int rest = item / g.ItemsPerPanel;
        int tile = (rest % g.ColumnSteps) << g.Wide;
        rest /= g.ColumnSteps;
        int panel = rest % g.Panels;
        int split = rest / g.Panels;

        int row = ((panel * g.ItemsPerPanel) + inPanel) * g.RowsPerItem;
        int end = row + g.RowsPerItem;
        if (end > g.Rows)
            end = g.Rows;
        if (row >= end)
            return;
        int k0 = split * g.K0PerSplit;
        int k0End = k0 + g.K0PerSplit;
        if (k0End > g.K0)
            k0End = g.K0;

        RowCursor cursor = RowCursor.At(in g, row);
        while (row < end)
        {
            TileRows rows = Take(ref cursor, in g, end - row);
            row += ContractionTile.Rows;
            if (g.Wide == 0)
            {
                Tile(x, y, output, in g, in rows, tile, split, k0, k0End);
            }
            else
            {
                TileRows more = Take(ref cursor, in g, end - row);
                row += ContractionTile.Rows;
                WideTile(x, y, output, in g, in rows, in more, tile, split, k0, k0End);
            }
        }
    }

    private static TileRows Take(ref RowCursor cursor, in Contraction g, int remaining)
    {
        TileRows rows = default;
        rows.Count = remaining < ContractionTile.Rows ? remaining : ContractionTile.Rows;
        (rows.X0, rows.O0) = (cursor.X, cursor.O);
        if (cursor.IsRun(in g, ContractionTile.Rows))
        {
            int x = g.XRow3, o = g.ORow3;
            (rows.X1, rows.O1) = (rows.X0 + x, rows.O0 + o);
            (rows.X2, rows.O2) = (rows.X1 + x, rows.O1 + o);
            (rows.X3, rows.O3) = (rows.X2 + x, rows.O2 + o);
            (rows.X4, rows.O4) = (rows.X3 + x, rows.O3 + o);
            (rows.X5, rows.O5) = (rows.X4 + x, rows.O4 + o);
            cursor.Skip(in g, ContractionTile.Rows);
            return rows;
        }

        cursor = cursor.Next(in g);
        (rows.X1, rows.O1) = (cursor.X, cursor.O);
        cursor = cursor.Next(in g);
        (rows.X2, rows.O2) = (cursor.X, cursor.O);
        cursor = cursor.Next(in g);
        (rows.X3, rows.O3) = (cursor.X, cursor.O);
        cursor = cursor.Next(in g);
        (rows.X4, rows.O4) = (cursor.X, cursor.O);
        cursor = cursor.Next(in g);
        (rows.X5, rows.O5) = (cursor.X, cursor.O);
        cursor = cursor.Next(in g);
        return rows;
    }

    /// <summary>Two tiles of rows by two of columns. GPUs take none.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(NoTile), OpenCLReplacement = nameof(WideTileInOpenCL))]
    private static unsafe void WideTile<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, in TileRows more, int tile,
        int split, int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) != typeof(float) || Real.ChecksBounds)
        {
            FourTiles(x, y, output, in g, in rows, in more, tile, split, k0, k0End);
            return;
        }

        VectorTile.Wide(
            (float*)x.LoadEffectiveAddressAsPtr(),
            (float*)y.LoadEffectiveAddressAsPtr() + g.YOrigin + (tile * g.YTile),
            (float*)output.LoadEffectiveAddressAsPtr() + (tile * g.OTile) + (split * g.OSplit),
            in g, in rows, in more, k0, k0End);
    }

    private static void WideTileInOpenCL<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, in TileRows more, int tile,
        int split, int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        OpenCLTile.Wide(x[0], y[0].A, output[0].A, in g, in rows, in more, tile, split, k0, k0End);

    private static void NoTile<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, in TileRows more, int tile,
        int split, int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
    }

    private static void FourTiles<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, in TileRows more, int tile,
        int split, int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < 2; i++)
        {
            TileBody(x, y, output, in g, in rows, tile + i, split, k0, k0End);
            if (more.Count > 0)
                TileBody(x, y, output, in g, in more, tile + i, split, k0, k0End);
        }
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(TileBody), OpenCLReplacement = nameof(TileInOpenCL))]
    private static unsafe void Tile<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, int tile, int split,
        int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) != typeof(float) || Real.ChecksBounds)
        {
            TileBody(x, y, output, in g, in rows, tile, split, k0, k0End);
            return;
        }

        VectorTile.Narrow(
            (float*)x.LoadEffectiveAddressAsPtr(),
            (float*)y.LoadEffectiveAddressAsPtr() + g.YOrigin + (tile * g.YTile),
            (float*)output.LoadEffectiveAddressAsPtr() + (tile * g.OTile) + (split * g.OSplit),
            in g, in rows, k0, k0End);
    }

    private static void TileInOpenCL<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, int tile, int split,
        int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        OpenCLTile.Narrow(x[0], y[0].A, output[0].A, in g, in rows, tile, split, k0, k0End);

    private static void TileBody<T>(
        ArrayView<T> x, ArrayView<Lane8<T>> y, ArrayView<Lane8<T>> output, in Contraction g, in TileRows rows, int tile, int split,
        int k0, int k0End)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Lane8<T> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Lane8<T> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        int yTile = (g.YOrigin + (tile * g.YTile)) >> 3;
        int yStep = g.YK3 >> 3;
        for (int i0 = k0; i0 < k0End; i0++)
        {
            for (int i1 = 0; i1 < g.K1; i1++)
            {
                for (int i2 = 0; i2 < g.K2; i2++)
                {
                    int px = (i0 * g.XK0) + (i1 * g.XK1) + (i2 * g.XK2);
                    int py = yTile + (((i0 * g.YK0) + (i1 * g.YK1) + (i2 * g.YK2)) >> 3);
                    for (int i3 = 0; i3 < g.K3; i3++)
                    {
                        Lane8<T> ya = Real.Load(y, py), yb = Real.Load(y, py + 1);
                        Lane8<T> v = Lane8<T>.Splat(Real.Load(x, px + rows.X0));
                        a0 = Lane8<T>.Fma(v, ya, a0);
                        b0 = Lane8<T>.Fma(v, yb, b0);
                        v = Lane8<T>.Splat(Real.Load(x, px + rows.X1));
                        a1 = Lane8<T>.Fma(v, ya, a1);
                        b1 = Lane8<T>.Fma(v, yb, b1);
                        v = Lane8<T>.Splat(Real.Load(x, px + rows.X2));
                        a2 = Lane8<T>.Fma(v, ya, a2);
                        b2 = Lane8<T>.Fma(v, yb, b2);
                        v = Lane8<T>.Splat(Real.Load(x, px + rows.X3));
                        a3 = Lane8<T>.Fma(v, ya, a3);
                        b3 = Lane8<T>.Fma(v, yb, b3);
                        v = Lane8<T>.Splat(Real.Load(x, px + rows.X4));
                        a4 = Lane8<T>.Fma(v, ya, a4);
                        b4 = Lane8<T>.Fma(v, yb, b4);
                        v = Lane8<T>.Splat(Real.Load(x, px + rows.X5));
                        a5 = Lane8<T>.Fma(v, ya, a5);
                        b5 = Lane8<T>.Fma(v, yb, b5);
                        px += g.XK3;
                        py += yStep;
                    }
                }
            }
        }

        int start = (tile * g.OTile) + (split * g.OSplit);
        Put(output, start + rows.O0, a0, b0);
        if (rows.Count > 1)
            Put(output, start + rows.O1, a1, b1);
        if (rows.Count > 2)
            Put(output, start + rows.O2, a2, b2);
        if (rows.Count > 3)
            Put(output, start + rows.O3, a3, b3);
        if (rows.Count > 4)
            Put(output, start + rows.O4, a4, b4);
        if (rows.Count > 5)
            Put(output, start + rows.O5, a5, b5);
    }

    // Two whole vectors and nothing conditional: what OpenCL's compilers need to see to keep the accumulators in vectors.
    private static void Put<T>(ArrayView<Lane8<T>> output, int place, Lane8<T> a, Lane8<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Real.Store(output, place >> 3, a);
        Real.Store(output, (place >> 3) + 1, b);
    }
}
