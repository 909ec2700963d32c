using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>How groups of <see cref="SumTilesKernels"/> share the rows and columns of an output. Shared by host and kernel.</summary>
/// <param name="ColumnTiles">Tiles of columns.</param>
/// <param name="Groups">Groups of a launch.</param>
/// <param name="Splits">Partial sums of each output.</param>
/// <param name="Adds">1 where outputs are added to another tensor's elements.</param>
internal readonly record struct SumTiles(Divisor ColumnTiles, int Groups, int Splits, int Adds)
{
    /// <summary>Items of a group: sixteen strips of eight quads of columns.</summary>
    public const int Items = IEpilogue.Strips * Columns / 4;

    /// <summary>Columns of a group's tile, 128 bytes of binary32.</summary>
    public const int Columns = 32;

    public SumTiles(in Contraction g, int splits, bool adds)
        : this(default, 0, splits, adds ? 1 : 0)
    {
        ColumnTiles = new Divisor((g.Columns + Columns - 1) / Columns);
        Groups = ColumnTiles.Value * ((g.Rows + IEpilogue.SliceRows - 1) / IEpilogue.SliceRows);
    }

    /// <summary>Shared memory of a group, bytes.</summary>
    public static int SharedBytes(int elementBytes) => 2 * Items * 4 * elementBytes;
}

/// <summary>Sums of splits where groups of work-items share tiles, and outputs can be stored by quads.</summary>
[ExcludeFromCodeCoverage]
internal static class SumTilesKernels
{
    /// <summary>
    /// Sums the splits of plain rows of whole tiles in a fixed order, and does with the sums what the contraction does with its outputs
    /// where it is not split.
    /// </summary>
    [GroupSize(SumTiles.Items)]
    public static void SumRows<T, TEpilogue>(
        ArrayView<T> whole, ArrayView<T> beside, ArrayView<T> output, ArrayView<T> channels, ArrayView<T> partials, Contraction g,
        SumTiles tiles)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TEpilogue : struct, IEpilogue
    {
        GroupOutputs<T> outputs = new()
        {
            Beside = beside,
            Output = output,
            Channels = channels,
            Partials = partials,
            First = SharedMemory.Allocate<Quad<T>>(SumTiles.Items),
            Second = SharedMemory.Allocate<Quad<T>>(SumTiles.Items),
            Adds = tiles.Adds != 0,
            StoresQuads = true,
        };
        int slice = tiles.ColumnTiles.Quotient(Grid.IdxX);
        int firstColumn = tiles.ColumnTiles.Rest(Grid.IdxX, slice) * SumTiles.Columns;
        int item = Group.IdxX;
        int row = (slice * IEpilogue.SliceRows) + GroupOutputs<T>.FirstRow(item >> 3);
        int column = firstColumn + ((item & 7) * 4);
        Strip<T> strip = default;
        if (column < g.Columns)
        {
            strip.A = Sum(whole, in g, in tiles, row, column);
            strip.B = Sum(whole, in g, in tiles, row + 1, column);
            strip.C = Sum(whole, in g, in tiles, row + 2, column);
            strip.D = Sum(whole, in g, in tiles, row + 3, column);
            strip.E = Sum(whole, in g, in tiles, row + 16, column);
            strip.F = Sum(whole, in g, in tiles, row + 17, column);
            strip.G = Sum(whole, in g, in tiles, row + 18, column);
            strip.H = Sum(whole, in g, in tiles, row + 19, column);
        }

        outputs.Put<TEpilogue>(in g, row, 0, column, item, strip);
        outputs.Combine<TEpilogue>(in g, slice, firstColumn, SumTiles.Columns);
    }

    private static Quad<T> Sum<T>(ArrayView<T> whole, in Contraction g, in SumTiles tiles, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = g.ColumnTiles * (ContractionTile.Columns / 4);
        return row < g.Rows
            ? PackingKernels.Sum<T, Quad<T>>(whole.Cast<Quad<T>>(), (row * width) + (column >> 2), tiles.Splits, g.Rows * width)
            : default;
    }
}
