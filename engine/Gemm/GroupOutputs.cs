using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// Where the outputs of a group go, and what is added and summed on the way: views of the kernel, and shared memory that holds two numbers
/// of each column and strip.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct GroupOutputs<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What is added, or what an epilogue reads; it lies as the outputs do.</summary>
    public ArrayView<T> Beside;

    public ArrayView<T> Output;

    /// <summary>What an epilogue knows of channels, and its two numbers of each slice and channel.</summary>
    public ArrayView<T> Channels, Partials;

    /// <summary>The two numbers of strips, a quad of columns after the other.</summary>
    public ArrayView<Quad<T>> First, Second;

    /// <summary>Whether outputs are added to <see cref="Beside"/>.</summary>
    public bool Adds;

    /// <summary>Whether outputs can be stored by quads.</summary>
    public bool StoresQuads;

    /// <summary>The first row of a strip in a tile: four rows from there on are followed by four that lie 16 further.</summary>
    public static int FirstRow(int strip) => ((strip >> 2) * 32) + ((strip & 3) * 4);

    /// <summary>Stores a strip that begins at a row and a column, and leaves its sums in shared memory.</summary>
    /// <param name="g">Where rows and columns lie.</param>
    /// <param name="row">The first row.</param>
    /// <param name="place">The place of row and column 0.</param>
    /// <param name="column">The first column; none of the quad need exist.</param>
    /// <param name="slot">The strip's place in shared memory.</param>
    /// <param name="strip">The outputs.</param>
    public readonly void Put<TEpilogue>(in Contraction g, int row, int place, int column, int slot, Strip<T> strip)
        where TEpilogue : struct, IEpilogue
    {
        if (column >= g.Columns)
            return;
        place += (column / ContractionTile.Columns * g.OTile) + (column % ContractionTile.Columns);
        StripSums<T> sums = TEpilogue.Begin(Channels, column, g.Columns);
        RowCursor cursor = RowCursor.At(in g, row);
        PutRows<TEpilogue>(in g, row, cursor, place, column, ref strip.A, ref strip.B, ref sums);
        PutRows<TEpilogue>(in g, row + 2, cursor.Next(in g).Next(in g), place, column, ref strip.C, ref strip.D, ref sums);
        cursor = RowCursor.At(in g, row + 16);
        PutRows<TEpilogue>(in g, row + 16, cursor, place, column, ref strip.E, ref strip.F, ref sums);
        PutRows<TEpilogue>(in g, row + 18, cursor.Next(in g).Next(in g), place, column, ref strip.G, ref strip.H, ref sums);
        if (TEpilogue.HasSums)
        {
            sums = TEpilogue.End(sums, in strip);
            First[slot] = sums.First;
            Second[slot] = sums.Second;
        }
    }

    /// <summary>Combines the sums of all strips, after all items have put theirs.</summary>
    /// <param name="g">How many columns there are.</param>
    /// <param name="slice">The slice that the group's rows are.</param>
    /// <param name="firstColumn">The group's first column.</param>
    /// <param name="columns">Columns of the group's tile, whether they exist or not.</param>
    public readonly void Combine<TEpilogue>(in Contraction g, int slice, int firstColumn, int columns)
        where TEpilogue : struct, IEpilogue
    {
        if (!TEpilogue.HasSums)
            return;
        Sync.Barrier();
        int item = Group.IdxX;
        if (item >= columns || firstColumn + item >= g.Columns)
            return;
        (T first, T second) = TEpilogue.Combine(First.Cast<T>(), Second.Cast<T>(), item, columns);
        int partial = (slice * g.Columns) + firstColumn + item;
        Real.Store(Partials, partial, first);
        Real.Store(Partials, (Partials.IntLength >> 1) + partial, second);
    }

    // Two rows, which become what was stored. Both loads come before the first store, which might be to the same memory for all that a
    // compiler knows; for more of them there are no registers. Where there are sums, all rows exist and can be stored by quads.
    private readonly void PutRows<TEpilogue>(
        in Contraction g, int row, RowCursor cursor, int place, int column, ref Quad<T> a, ref Quad<T> b, ref StripSums<T> sums)
        where TEpilogue : struct, IEpilogue
    {
        if (!TEpilogue.HasSums && row >= g.Rows)
            return;
        int first = place + cursor.O, second = place + cursor.Next(in g).O;
        bool adds = !TEpilogue.ReadsBeside && Adds;
        if (!TEpilogue.HasSums && !StoresQuads)
        {
            PutSingles(in g, first, column, a, adds);
            if (row + 1 < g.Rows)
                PutSingles(in g, second, column, b, adds);
            return;
        }

        Quad<T> c = default, d = default;
        if (TEpilogue.ReadsBeside || adds)
        {
            c = Real.Load(Beside.Cast<Quad<T>>(), first >> 2);
            d = Real.Load(Beside.Cast<Quad<T>>(), second >> 2);
        }

        if (adds)
            (a, b) = (a + c, b + d);
        Real.Store(Output.Cast<Quad<T>>(), first >> 2, a);
        if (TEpilogue.HasSums || row + 1 < g.Rows)
            Real.Store(Output.Cast<Quad<T>>(), second >> 2, b);
        sums = TEpilogue.With(TEpilogue.With(sums, a, c), b, d);
    }

    private readonly void PutSingles(in Contraction g, int place, int column, Quad<T> c, bool adds)
    {
        PutSingle(in g, place, column, c.A, adds);
        PutSingle(in g, place + 1, column + 1, c.B, adds);
        PutSingle(in g, place + 2, column + 2, c.C, adds);
        PutSingle(in g, place + 3, column + 3, c.D, adds);
    }

    private readonly void PutSingle(in Contraction g, int place, int column, T c, bool adds)
    {
        if (column < g.Columns)
            Real.Store(Output, place, adds ? c + Real.Load(Beside, place) : c);
    }
}
