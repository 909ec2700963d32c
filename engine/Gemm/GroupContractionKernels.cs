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
    /// <summary>Where x can be read by quads.</summary>
    public static void ContractQuads<T, TWidth, TSource, TEpilogue>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<T> beside, ArrayView<T> output, ArrayView<T> channels, ArrayView<T> partials,
        Contraction g, GroupSchedule schedule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource>, IQuadSource
        where TEpilogue : struct, IEpilogue =>
        Contract<T, TWidth, TSource, TEpilogue>(x, y, beside, output, channels, partials, in g, in schedule);

    /// <summary>Where it cannot: few channels, or slabs that are cut.</summary>
    [GroupSize(128, Resident = 3)]
    public static void ContractSingly<T, TEpilogue>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<T> beside, ArrayView<T> output, ArrayView<T> channels, ArrayView<T> partials,
        Contraction g, GroupSchedule schedule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TEpilogue : struct, IEpilogue =>
        Contract<T, Narrow, Singly, TEpilogue>(x, y, beside, output, channels, partials, in g, in schedule);

    /// <summary>All parities of an input gradient; activations and packed weights can be read by quads.</summary>
    public static void ContractParities<T, TWidth, TEpilogue>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<T> beside, ArrayView<T> output, ArrayView<T> channels, ArrayView<T> partials,
        Contraction g, GroupSchedule schedule, Parities parities)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TEpilogue : struct, IBackwardEpilogue
    {
        ArrayView<Quad<T>> xSlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.SlabQuads);
        ArrayView<Quad<T>> ySlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.Slab * TWidth.Columns / 4);
        Contraction own = g;
        GroupSchedule ownSchedule = schedule;
        int group = parities.Select(Grid.IdxX, ref own, ref ownSchedule);
        ItemTile<T> tile = Sum<T, TWidth, AlongPlaces>(x, y, xSlabs, ySlabs, in own, in ownSchedule, group);

        group = parities.Select(Grid.IdxX, ref g, ref schedule);
        GroupOutputs<T> outputs = new()
        {
            Beside = beside,
            Output = output,
            Channels = channels,
            Partials = partials,
            First = xSlabs,
            Second = ySlabs,
            StoresQuads = schedule.StoresQuads != 0,
        };
        Put<T, TWidth, TEpilogue>(in outputs, in g, in schedule, group, in tile);
    }

    private static void Contract<T, TWidth, TSource, TEpilogue>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<T> beside, ArrayView<T> output, ArrayView<T> channels, ArrayView<T> partials,
        in Contraction g, in GroupSchedule schedule)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource>
        where TEpilogue : struct, IEpilogue
    {
        ArrayView<Quad<T>> xSlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.SlabQuads);
        ArrayView<Quad<T>> ySlabs = SharedMemory.Allocate<Quad<T>>(2 * GroupTile.Slab * TWidth.Columns / 4);
        ItemTile<T> tile = Sum<T, TWidth, TSource>(x, y, xSlabs, ySlabs, in g, in schedule, Grid.IdxX);
        GroupOutputs<T> outputs = new()
        {
            Beside = beside,
            Output = output,
            Channels = channels,
            Partials = partials,
            First = xSlabs,
            Second = ySlabs,
            Adds = schedule.Adds != 0,
            StoresQuads = schedule.StoresQuads != 0,
        };
        Put<T, TWidth, TEpilogue>(in outputs, in g, in schedule, Grid.IdxX, in tile);
    }

    private static ItemTile<T> Sum<T, TWidth, TSource>(
        ArrayView<T> x, ArrayView<T> y, ArrayView<Quad<T>> xSlabs, ArrayView<Quad<T>> ySlabs, in Contraction g, in GroupSchedule schedule,
        int group)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource>
    {
        int items = GroupTile.Items<TWidth>();
        int item = Group.IdxX;
        GroupOrigin origin = GroupOrigin.Of(in schedule, group, TWidth.Columns);
        int k = origin.Split * schedule.KPerSplit;
        int left = schedule.K - k;
        if (left > schedule.KPerSplit)
            left = schedule.KPerSplit;

        TSource source = TSource.At(in g, origin.Row, k, YPlace(in g, origin.Column, item % (TWidth.Columns / 4)), item, items);
        Lane8<T> xNext = default;
        Quad<T> yNext = default;
        Load(x, y, in source, left, items, ref xNext, ref yNext);
        source.Store(xSlabs, xNext, items);
        ySlabs[item] = yNext;
        Sync.Barrier();

        int myRow = MyRow(item);
        int myColumn = MyColumn(item);
        ItemTile<T> tile = default;
        int slab = 0;
        for (; left > 0; left -= GroupTile.Slab)
        {
            source = source.Next(in g, in schedule);
            Load(x, y, in source, left - GroupTile.Slab, items, ref xNext, ref yNext);
            Multiply(
                xSlabs.SubView((slab * GroupTile.SlabQuads) + (myRow / 4)),
                ySlabs.SubView((slab * GroupTile.Slab * TWidth.Columns / 4) + (myColumn / 4)), TWidth.Columns / 4, ref tile);
            slab ^= 1;
            source.Store(xSlabs.SubView(slab * GroupTile.SlabQuads), xNext, items);
            ySlabs[(slab * GroupTile.Slab * TWidth.Columns / 4) + item] = yNext;
            Sync.Barrier();
        }

        return tile;
    }

    private static int MyStrip(int item) => (item >> 3) & 15;

    private static int MyRow(int item) => GroupOutputs<float>.FirstRow(MyStrip(item));

    private static int MyColumn(int item) => ((item >> 7) * 64) + ((item & 7) * 4);

    // Leaves what was there where there is nothing to load, unless it is part of a slab that is used.
    private static void Load<T, TSource>(
        ArrayView<T> x, ArrayView<T> y, in TSource source, int left, int items, ref Lane8<T> xNext, ref Quad<T> yNext)
        where T : unmanaged, INumber<T>
        where TSource : unmanaged, ISlabSource<TSource>
    {
        if (TSource.TakesPartialSlabs)
            (xNext, yNext) = (default, default);
        if (source.Exists(left))
        {
            xNext = source.Load(x, items);
            yNext = Real.Load(y.Cast<Quad<T>>(), source.Y >> 2);
        }
    }

    // The quad of y that an item brings, at place 0; the last tile for columns that do not exist.
    private static int YPlace(in Contraction g, int column, int quad)
    {
        int tile = (column / ContractionTile.Columns) + (quad / 4);
        if (tile >= g.ColumnTiles)
            tile = g.ColumnTiles - 1;
        return g.YOrigin + (tile * g.YTile) + (quad % 4 * 4);
    }

    // A slab, without a loop: ILGPU would not unroll it.
    private static void Multiply<T>(ArrayView<Quad<T>> a, ArrayView<Quad<T>> b, int columnQuads, ref ItemTile<T> tile)
        where T : unmanaged, INumber<T>
    {
        Step(a, b, 0, columnQuads, ref tile);
        Step(a, b, 1, columnQuads, ref tile);
        Step(a, b, 2, columnQuads, ref tile);
        Step(a, b, 3, columnQuads, ref tile);
        Step(a, b, 4, columnQuads, ref tile);
        Step(a, b, 5, columnQuads, ref tile);
        Step(a, b, 6, columnQuads, ref tile);
        Step(a, b, 7, columnQuads, ref tile);
    }

    // One contracted place: eight rows times eight columns.
    private static void Step<T>(ArrayView<Quad<T>> a, ArrayView<Quad<T>> b, int place, int columnQuads, ref ItemTile<T> tile)
        where T : unmanaged, INumber<T>
    {
        Quad<T> low = b[place * columnQuads], high = b[(place * columnQuads) + 8];
        Lane8<T> columns = new() { A = low.A, B = low.B, C = low.C, D = low.D, E = high.A, F = high.B, G = high.C, H = high.D };
        int first = GroupTile.Swizzled(0, place) / 4;
        Quad<T> rows = a[(place * GroupTile.RowQuads) + first];
        tile.Row0 = Lane8<T>.Fma(Lane8<T>.Splat(rows.A), columns, tile.Row0);
        tile.Row1 = Lane8<T>.Fma(Lane8<T>.Splat(rows.B), columns, tile.Row1);
        tile.Row2 = Lane8<T>.Fma(Lane8<T>.Splat(rows.C), columns, tile.Row2);
        tile.Row3 = Lane8<T>.Fma(Lane8<T>.Splat(rows.D), columns, tile.Row3);
        rows = a[(place * GroupTile.RowQuads) + 4 - first];
        tile.Row16 = Lane8<T>.Fma(Lane8<T>.Splat(rows.A), columns, tile.Row16);
        tile.Row17 = Lane8<T>.Fma(Lane8<T>.Splat(rows.B), columns, tile.Row17);
        tile.Row18 = Lane8<T>.Fma(Lane8<T>.Splat(rows.C), columns, tile.Row18);
        tile.Row19 = Lane8<T>.Fma(Lane8<T>.Splat(rows.D), columns, tile.Row19);
    }

    // The place of the group is found again, not kept: registers are scarce in the loop.
    private static void Put<T, TWidth, TEpilogue>(
        in GroupOutputs<T> outputs, in Contraction g, in GroupSchedule schedule, int group, in ItemTile<T> tile)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TEpilogue : struct, IEpilogue
    {
        GroupOrigin origin = GroupOrigin.Of(in schedule, group, TWidth.Columns);
        int item = Group.IdxX;
        int row = origin.Row + MyRow(item);
        int column = MyColumn(item);
        int slot = (MyStrip(item) * TWidth.Columns / 4) + (column >> 2);
        int place = origin.Split * g.OSplit;
        outputs.Put<TEpilogue>(in g, row, place, origin.Column + column, slot, tile.Low());
        outputs.Put<TEpilogue>(in g, row, place, origin.Column + column + 32, slot + 8, tile.High());
        outputs.Combine<TEpilogue>(in g, schedule.ColumnTiles.Quotient(Grid.IdxX), origin.Column, TWidth.Columns);
    }
}
