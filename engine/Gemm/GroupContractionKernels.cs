using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The kernel of all contractions on GPU-like devices: a group computes 128 rows by 64 or 128 columns from slabs of x and y in
/// shared memory, each item 8 x 8 outputs in registers.
/// </summary>
/// <remarks>
/// Two slabs take turns: while one is multiplied, each item holds its part of the next in registers and stores it into the other, so
/// that one barrier a slab is enough. Eight warps' worth of items form 32 x 64 outputs each: in one load of shared memory,
/// eight items read eight neighbouring quads of y or the same quad of x.
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class GroupContractionKernels
{
    public static void ContractInGroups<T, TWidth, TSource>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<T> output, Contraction g, GroupSchedule schedule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource>
    {
        ArrayView<Quad<T>> xSlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.SlabQuads);
        ArrayView<Quad<T>> ySlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.Slab * TWidth.Columns / 4);
        int items = GroupTile.Items<TWidth>();
        int item = Group.IdxX;
        int rest = Grid.IdxX;
        int column = rest % schedule.ColumnTiles * TWidth.Columns;
        rest /= schedule.ColumnTiles;
        int row = rest % schedule.RowTiles * GroupTile.Rows;
        int split = rest / schedule.RowTiles;
        int k = split * schedule.KPerSplit;
        int end = k + schedule.KPerSplit;
        if (end > schedule.K)
            end = schedule.K;

        TSource source = TSource.At(in g, row, k, YPlace(in g, column, item % (TWidth.Columns / 4)), item, items);
        Lane8<T> xNext = default;
        Quad<T> yNext = default;
        if (source.Exists(k, end))
        {
            xNext = source.Load(x, items);
            yNext = Real.Load(y.Cast<Quad<T>>(), source.Y >> 2);
        }

        source.Store(xSlabs, xNext, items);
        ySlabs[item] = yNext;
        Sync.Barrier();

        int lane = item & 31, warp = item >> 5;
        int myRow = ((warp & 3) * 32) + ((lane >> 3) * 4);
        int myColumn = ((warp >> 2) * 64) + ((lane & 7) * 4);
        Lane8<T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        int slab = 0;
        for (; k < end; k += GroupTile.Slab)
        {
            source = source.Next(in g, in schedule);
            if (TSource.TakesPartialSlabs)
                (xNext, yNext) = (default, default);
            if (source.Exists(k + GroupTile.Slab, end))
            {
                xNext = source.Load(x, items);
                yNext = Real.Load(y.Cast<Quad<T>>(), source.Y >> 2);
            }

            ArrayView<Quad<T>> a = xSlabs.SubView((slab * GroupTile.SlabQuads) + (myRow / 4));
            ArrayView<Quad<T>> b = ySlabs.SubView((slab * GroupTile.Slab * TWidth.Columns / 4) + (myColumn / 4));
            Step(a, b, 0 * GroupTile.RowQuads, 0 * TWidth.Columns / 4, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 1 * GroupTile.RowQuads, 1 * TWidth.Columns / 4, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 2 * GroupTile.RowQuads, 2 * TWidth.Columns / 4, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 3 * GroupTile.RowQuads, 3 * TWidth.Columns / 4, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 4 * GroupTile.RowQuads, 4 * TWidth.Columns / 4, 4, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 5 * GroupTile.RowQuads, 5 * TWidth.Columns / 4, 4, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 6 * GroupTile.RowQuads, 6 * TWidth.Columns / 4, 4, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            Step(a, b, 7 * GroupTile.RowQuads, 7 * TWidth.Columns / 4, 4, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            slab ^= 1;
            source.Store(xSlabs.SubView(slab * GroupTile.SlabQuads), xNext, items);
            ySlabs[(slab * GroupTile.Slab * TWidth.Columns / 4) + item] = yNext;
            Sync.Barrier();
        }

        row += myRow;
        column += myColumn;
        int place = split * g.OSplit;
        RowCursor cursor = RowCursor.At(in g, row);
        Put(output, in g, in schedule, row, place + cursor.O, column, c0);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 1, place + cursor.O, column, c1);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 2, place + cursor.O, column, c2);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 3, place + cursor.O, column, c3);
        row += 16;
        cursor = RowCursor.At(in g, row);
        Put(output, in g, in schedule, row, place + cursor.O, column, c4);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 1, place + cursor.O, column, c5);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 2, place + cursor.O, column, c6);
        cursor = cursor.Next(in g);
        Put(output, in g, in schedule, row + 3, place + cursor.O, column, c7);
    }

    // The quad of y that an item brings, at place 0; the last tile for columns that do not exist.
    private static int YPlace(in Contraction g, int column, int quad)
    {
        int tile = (column / ContractionTile.Columns) + (quad / 4);
        if (tile >= g.ColumnTiles)
            tile = g.ColumnTiles - 1;
        return g.YOrigin + (tile * g.YTile) + (quad % 4 * 4);
    }

    // One contracted place: eight rows times eight columns. Half is where rows 0 to 3 lie.
    private static void Step<T>(
        ArrayView<Quad<T>> a, ArrayView<Quad<T>> b, int aPlace, int bPlace, int half,
        ref Lane8<T> c0, ref Lane8<T> c1, ref Lane8<T> c2, ref Lane8<T> c3,
        ref Lane8<T> c4, ref Lane8<T> c5, ref Lane8<T> c6, ref Lane8<T> c7)
        where T : unmanaged, INumber<T>
    {
        Quad<T> low = b[bPlace], high = b[bPlace + 8];
        Lane8<T> columns = new() { A = low.A, B = low.B, C = low.C, D = low.D, E = high.A, F = high.B, G = high.C, H = high.D };
        Quad<T> rows = a[aPlace + half];
        c0 = Lane8<T>.Fma(Lane8<T>.Splat(rows.A), columns, c0);
        c1 = Lane8<T>.Fma(Lane8<T>.Splat(rows.B), columns, c1);
        c2 = Lane8<T>.Fma(Lane8<T>.Splat(rows.C), columns, c2);
        c3 = Lane8<T>.Fma(Lane8<T>.Splat(rows.D), columns, c3);
        rows = a[aPlace + 4 - half];
        c4 = Lane8<T>.Fma(Lane8<T>.Splat(rows.A), columns, c4);
        c5 = Lane8<T>.Fma(Lane8<T>.Splat(rows.B), columns, c5);
        c6 = Lane8<T>.Fma(Lane8<T>.Splat(rows.C), columns, c6);
        c7 = Lane8<T>.Fma(Lane8<T>.Splat(rows.D), columns, c7);
    }

    private static void Put<T>(
        ArrayView<T> output, in Contraction g, in GroupSchedule schedule, int row, int place, int column, Lane8<T> c)
        where T : unmanaged, INumber<T>
    {
        if (row >= g.Rows)
            return;
        PutQuad(output, in g, in schedule, place, column, new Quad<T> { A = c.A, B = c.B, C = c.C, D = c.D });
        PutQuad(output, in g, in schedule, place, column + 32, new Quad<T> { A = c.E, B = c.F, C = c.G, D = c.H });
    }

    private static void PutQuad<T>(ArrayView<T> output, in Contraction g, in GroupSchedule schedule, int place, int column, Quad<T> c)
        where T : unmanaged, INumber<T>
    {
        place += (column / ContractionTile.Columns * g.OTile) + (column % ContractionTile.Columns);
        if (schedule.StoresQuads != 0)
        {
            if (column < g.Columns)
                Real.Store(output.Cast<Quad<T>>(), place >> 2, c);
            return;
        }

        if (column < g.Columns)
            Real.Store(output, place, c.A);
        if (column + 1 < g.Columns)
            Real.Store(output, place + 1, c.B);
        if (column + 2 < g.Columns)
            Real.Store(output, place + 2, c.C);
        if (column + 3 < g.Columns)
            Real.Store(output, place + 3, c.D);
    }
}
