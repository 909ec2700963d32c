using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// A <see cref="Contraction"/> cut for groups with tensor cores: tiles of rows and columns, and the contracted indices in slabs of
/// 32 words. Places in x and y are counted in chunks of four words, those in the output in elements. Shared by host and kernels.
/// </summary>
/// <remarks>
/// The contracted index is a box in each slab, so a place is the sum of one for the slab and one for the position within
/// it. Forwards a slab is a
/// piece of the channels at one tap, and taps run before channels: the same pixels are met again while they are in the cache. For the
/// weight gradient it is a box of images, rows and columns of pixels whose sides are powers of two.
/// </remarks>
internal readonly record struct TensorContraction
{
    // Enough groups to fill a large GPU several times; a fixed number, so that the order of sums follows from shapes alone.
    private const int WantedGroups = 512;

    private const int LeastSlabsPerSplit = 8;

    /// <summary>Number of rows and of columns.</summary>
    public required int Rows { get; init; }

    /// <summary>See <see cref="Rows"/>; a multiple of 16.</summary>
    public required int Columns { get; init; }

    /// <summary>Counts of the three inner digits of a row.</summary>
    public required Divisor RowCount1 { get; init; }

    public required Divisor RowCount2 { get; init; }

    public required Divisor RowCount3 { get; init; }

    /// <summary>Chunks of x from one value of a row digit to the next; the innermost digit counts elements.</summary>
    public required int XRow0 { get; init; }

    public required int XRow1 { get; init; }

    public required int XRow2 { get; init; }

    public required int XRow3 { get; init; }

    public required int XOrigin { get; init; }

    /// <summary>Elements of the output from one value of a row digit to the next.</summary>
    public required int ORow0 { get; init; }

    public required int ORow1 { get; init; }

    public required int ORow2 { get; init; }

    public required int ORow3 { get; init; }

    public required int OOrigin { get; init; }

    /// <summary>Elements of the output from one tile of 16 columns to the next, and from split to split.</summary>
    public required int OTile { get; init; }

    public required int OSplit { get; init; }

    /// <summary>Chunks of y from one tile of 16 columns to the next; of packed weights, from one panel of 32.</summary>
    public required int YTile { get; init; }

    public required int YOrigin { get; init; }

    /// <summary>Counts of slabs along three nested indices, and the chunks from one to the next.</summary>
    public required int Slabs0 { get; init; }

    public required int Slabs1 { get; init; }

    public required int Slabs2 { get; init; }

    public required int XSlab0 { get; init; }

    public required int XSlab1 { get; init; }

    public required int XSlab2 { get; init; }

    public required int YSlab0 { get; init; }

    public required int YSlab1 { get; init; }

    public required int YSlab2 { get; init; }

    /// <summary>Numbers that all slabs along the outermost index hold together; the last one may be partly empty.</summary>
    public required int Numbers { get; init; }

    /// <summary>Numbers in a full slab.</summary>
    public required int NumbersPerSlab { get; init; }

    public required int SlabsPerSplit { get; init; }

    /// <summary>Weight gradient: log2 of the box's columns and rows.</summary>
    public int QBits { get; init; }

    public int PBits { get; init; }

    /// <summary>Weight gradient: chunks from one column, row and image of pixels to the next.</summary>
    public int XQ { get; init; }

    public int XP { get; init; }

    public int XN { get; init; }

    public int YQ { get; init; }

    public int YP { get; init; }

    public int YN { get; init; }

    /// <summary>Weight gradient: chunks from a number of a pair to the other one.</summary>
    public int XNext { get; init; }

    public int YNext { get; init; }

    /// <summary>Tiles of rows and of columns; splits; groups of a launch.</summary>
    public int RowTiles => (Rows + TensorTile.Rows - 1) / TensorTile.Rows;

    public int ColumnTiles => (Columns + TensorTile.Columns - 1) / TensorTile.Columns;

    public int Slabs => Slabs0 * Slabs1 * Slabs2;

    public int Splits => (Slabs + SlabsPerSplit - 1) / SlabsPerSplit;

    public int Groups => Splits * RowTiles * ColumnTiles;

    /// <summary>Chunks of x from the first number of the box to number <paramref name="k"/>.</summary>
    public int XBox(int k) =>
        ((k & ((1 << QBits) - 1)) * XQ) + (((k >> QBits) & ((1 << PBits) - 1)) * XP) + ((k >> (QBits + PBits)) * XN);

    /// <summary>The same in y.</summary>
    public int YBox(int k) =>
        ((k & ((1 << QBits) - 1)) * YQ) + (((k >> QBits) & ((1 << PBits) - 1)) * YP) + ((k >> (QBits + PBits)) * YN);

    /// <summary>A convolution or an input gradient: contracted over taps and the channels of a pixel.</summary>
    /// <param name="g">The contraction with its weights as <see cref="PackedWeights"/>.</param>
    /// <param name="weights">How they are packed instead.</param>
    public static TensorContraction OverChannels(in Contraction g, in TensorWeights weights)
    {
        int numbers = weights.PerWord * TensorTile.SlabWords;
        int tap = weights.Weights.InputBlock * ContractionTile.Columns;
        TensorContraction result = Common(in g) with
        {
            YTile = weights.PanelStride,
            YOrigin = g.YOrigin / tap * weights.TapChunks,
            Slabs0 = weights.Slabs,
            // With a stride some pixels of the input meet no tap: their one slab is empty.
            Slabs1 = Math.Max(1, g.K1),
            Slabs2 = Math.Max(1, g.K2),
            XSlab0 = numbers / 4,
            XSlab1 = g.XK1 / 4,
            XSlab2 = g.XK2 / 4,
            YSlab0 = TensorTile.PanelChunks,
            YSlab1 = g.YK1 / tap * weights.TapChunks,
            YSlab2 = g.YK2 / tap * weights.TapChunks,
            Numbers = g.K1 * g.K2 == 0 ? 0 : g.K3,
            NumbersPerSlab = numbers,
        };
        return result with { SlabsPerSplit = result.Slabs };
    }

    /// <summary>A weight gradient: contracted over images and pixels.</summary>
    /// <param name="g">The contraction with y as activations.</param>
    /// <param name="perWord">Numbers in a word.</param>
    public static TensorContraction OverPixels(in Contraction g, int perWord)
    {
        int numbers = perWord * TensorTile.SlabWords;
        int q = Side(g.K3, numbers);
        int p = Side(g.K2, numbers / q);
        int n = numbers / q / p;
        TensorContraction result = Common(in g) with
        {
            YTile = g.YTile / 4,
            YOrigin = g.YOrigin / 4,
            Slabs0 = (g.K0 + n - 1) / n,
            Slabs1 = g.K2 / p,
            Slabs2 = g.K3 / q,
            XSlab0 = n * g.XK0 / 4,
            XSlab1 = p * g.XK2 / 4,
            XSlab2 = q * g.XK3 / 4,
            YSlab0 = n * g.YK0 / 4,
            YSlab1 = p * g.YK2 / 4,
            YSlab2 = q * g.YK3 / 4,
            Numbers = g.K0 * p * q,
            NumbersPerSlab = numbers,
            QBits = BitOperations.Log2((uint)q),
            PBits = BitOperations.Log2((uint)p),
            XQ = g.XK3 / 4,
            XP = g.XK2 / 4,
            XN = g.XK0 / 4,
            YQ = g.YK3 / 4,
            YP = g.YK2 / 4,
            YN = g.YK0 / 4,
        };
        result = result with { XNext = result.XBox(1), YNext = result.YBox(1) };
        int splits = Math.Max(1, WantedGroups / (result.RowTiles * result.ColumnTiles));
        return result with { SlabsPerSplit = Math.Max(LeastSlabsPerSplit, (result.Slabs + splits - 1) / splits) };
    }

    private static TensorContraction Common(in Contraction g) => new()
    {
        Rows = g.Rows,
        Columns = g.Columns,
        RowCount1 = new Divisor(g.RowCount1),
        RowCount2 = new Divisor(g.RowCount2),
        RowCount3 = new Divisor(g.RowCount3),
        XRow0 = g.XRow0 / 4,
        XRow1 = g.XRow1 / 4,
        XRow2 = g.XRow2 / 4,
        XRow3 = g.XRow3,
        XOrigin = g.XOrigin / 4,
        ORow0 = g.ORow0,
        ORow1 = g.ORow1,
        ORow2 = g.ORow2,
        ORow3 = g.ORow3,
        OOrigin = g.OOrigin,
        OTile = g.OTile,
        OSplit = g.OSplit,
        YTile = 0,
        YOrigin = 0,
        Slabs0 = 1,
        Slabs1 = 1,
        Slabs2 = 1,
        XSlab0 = 0,
        XSlab1 = 0,
        XSlab2 = 0,
        YSlab0 = 0,
        YSlab1 = 0,
        YSlab2 = 0,
        Numbers = 0,
        NumbersPerSlab = 0,
        SlabsPerSplit = 1,
    };

    // The largest power of two that divides the extent and fits.
    private static int Side(int extent, int most) => Math.Min(most, extent & -extent);
}
