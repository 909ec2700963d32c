namespace Deat.Engine;

/// <summary>The register tile that all contractions share: what one work-item accumulates.</summary>
internal static class ContractionTile
{
    /// <summary>Rows: output pixels of a convolution, or (channel, tap) pairs of its weight gradient.</summary>
    public const int Rows = 6;

    /// <summary>Columns: output channels, two lanes of eight.</summary>
    public const int Columns = 16;

    /// <summary>Rows of a wide tile, where vectors of sixteen and 32 registers of them are.</summary>
    public const int WideRows = 2 * Rows;

    /// <summary>Columns of a wide tile.</summary>
    public const int WideColumns = 2 * Columns;
}

/// <summary>
/// A contraction of x with y over up to four nested indices, for rows m and columns j:
/// <code>out[row(m) + tile(j) + j % 16] = sum over i0 i1 i2 i3 of x[xRow(m) + i . XK] * y[tile(j) + i . YK + j % 16]</code>
/// where all places are linear in the indices. Row m has four digits in the mixed radix (RowCount1, RowCount2, RowCount3).
/// A convolution, its input gradient and its weight gradient are all of this form; they differ in these numbers only
/// (see <see cref="ConvolutionGeometry"/>). Shared by host and kernels.
/// </summary>
internal struct Contraction
{
    /// <summary>Number of rows, and the counts of their three inner digits.</summary>
    public int Rows, RowCount1, RowCount2, RowCount3;

    /// <summary>Elements of x from one value of a row digit to the next, and the place of row 0.</summary>
    public int XRow0, XRow1, XRow2, XRow3, XOrigin;

    /// <summary>Elements of the output from one value of a row digit to the next, and the place of row 0.</summary>
    public int ORow0, ORow1, ORow2, ORow3, OOrigin;

    /// <summary>Counts of the contracted indices.</summary>
    public int K0, K1, K2, K3;

    /// <summary>Elements of x from one value of a contracted index to the next; may be negative.</summary>
    public int XK0, XK1, XK2, XK3;

    /// <summary>Elements of y from one value of a contracted index to the next.</summary>
    public int YK0, YK1, YK2, YK3;

    /// <summary>Number of columns; elements of y and of the output from one tile of 16 columns to the next.</summary>
    public int Columns, YTile, OTile, YOrigin;

    /// <summary>The outermost contracted index is cut into splits of so many values; elements of the output from split to split.</summary>
    public int K0PerSplit, OSplit;

    /// <summary>1 where a work-item takes wide tiles, 0 where it takes narrow ones.</summary>
    public int Wide;

    /// <summary>Rows that one work-item handles, tile after tile.</summary>
    public int RowsPerItem;

    /// <summary>Work-items per panel: a panel's rows stay in the cache while all column tiles pass over them.</summary>
    public int ItemsPerPanel;

    /// <summary>Panels of rows.</summary>
    public int Panels;

    /// <summary>Tiles of 16 columns.</summary>
    public readonly int ColumnTiles => (Columns + ContractionTile.Columns - 1) / ContractionTile.Columns;

    /// <summary>Whether every tile of columns is full.</summary>
    public readonly bool HasWholeTiles => Columns % ContractionTile.Columns == 0;

    /// <summary>Whether four neighbouring columns lie side by side in the output, at a multiple of four.</summary>
    public readonly bool StoresQuads =>
        (Columns | OOrigin | ORow0 | ORow1 | ORow2 | ORow3 | OTile | OSplit) % Quad<float>.Width == 0;

    /// <summary>Splits of the outermost contracted index.</summary>
    public readonly int Splits => (K0 + K0PerSplit - 1) / K0PerSplit;

    /// <summary>Steps along the columns: tiles, or pairs of them where tiles are wide.</summary>
    public readonly int ColumnSteps => ColumnTiles >> Wide;

    /// <summary>Work-items of a launch.</summary>
    public readonly int Items => Splits * Panels * ColumnSteps * ItemsPerPanel;

    /// <summary>The same contraction with its output as plain rows of whole tiles, [splits, rows, 16 * ColumnTiles].</summary>
    public readonly Contraction ToWholeRows()
    {
        Contraction result = this;
        result.ORow3 = ColumnTiles * ContractionTile.Columns;
        result.ORow2 = RowCount3 * result.ORow3;
        result.ORow1 = RowCount2 * result.ORow2;
        result.ORow0 = RowCount1 * result.ORow1;
        (result.OOrigin, result.OTile, result.OSplit) = (0, ContractionTile.Columns, Rows * result.ORow3);
        return result;
    }

    /// <summary>Cuts the rows into panels and items for a device.</summary>
    /// <param name="traits">The device.</param>
    /// <param name="rowsPerPanel">Rows whose x fits the cache beside a tile of y.</param>
    public Contraction Scheduled(DeviceTraits traits, int rowsPerPanel)
    {
        const long FlopsPerItem = 1_000_000;
        Wide = traits is { IsCpuLike: true, VectorWidth: >= ContractionTile.Columns } && ColumnTiles % 2 == 0 ? 1 : 0;
        int tileRows = ContractionTile.Rows << Wide;
        int tiles = Tiles(Rows, tileRows);
        long flopsPerTile = 2L * tileRows * (ContractionTile.Columns << Wide) * K0PerSplit * K1 * K2 * K3;
        int wanted = traits.IsCpuLike ? (int)Math.Clamp(FlopsPerItem / Math.Max(1, flopsPerTile), 1, 64) : 1;
        int tilesPerPanel = Math.Clamp(Tiles(rowsPerPanel, tileRows), 1, Math.Max(1, tiles));
        int tilesPerItem = Math.Min(wanted, tilesPerPanel);
        RowsPerItem = tilesPerItem * tileRows;
        ItemsPerPanel = Tiles(tilesPerPanel, tilesPerItem);
        Panels = Tiles(tiles, ItemsPerPanel * tilesPerItem);
        return this;
    }

    private static int Tiles(int rows, int tile) => (rows + tile - 1) / tile;
}

/// <summary>Where the six rows of a tile begin in x and in the output, and how many of them exist.</summary>
internal struct TileRows
{
    public int X0, X1, X2, X3, X4, X5;
    public int O0, O1, O2, O3, O4, O5;
    public int Count;
}

/// <summary>Walks the rows of a contraction in order, without a division per row.</summary>
internal struct RowCursor
{
    public int Row, X, O;

    private int _digit1, _digit2, _digit3;

    public static RowCursor At(in Contraction g, int row)
    {
        int rest = row;
        int digit3 = rest % g.RowCount3;
        rest /= g.RowCount3;
        int digit2 = rest % g.RowCount2;
        rest /= g.RowCount2;
        int digit1 = rest % g.RowCount1;
        int digit0 = rest / g.RowCount1;
        return new RowCursor
        {
            Row = row,
            X = g.XOrigin + (digit0 * g.XRow0) + (digit1 * g.XRow1) + (digit2 * g.XRow2) + (digit3 * g.XRow3),
            O = g.OOrigin + (digit0 * g.ORow0) + (digit1 * g.ORow1) + (digit2 * g.ORow2) + (digit3 * g.ORow3),
            _digit1 = digit1,
            _digit2 = digit2,
            _digit3 = digit3,
        };
    }

    /// <summary>Whether this row and the following ones of <paramref name="count"/> differ in the innermost digit only.</summary>
    public readonly bool IsRun(in Contraction g, int count) => _digit3 + count < g.RowCount3;

    /// <summary>Goes on by a run of <paramref name="count"/> rows.</summary>
    public void Skip(in Contraction g, int count)
    {
        Row += count;
        X += count * g.XRow3;
        O += count * g.ORow3;
        _digit3 += count;
    }

    /// <summary>The next row; stays on the last one, so that a tile's surplus rows read valid memory.</summary>
    public readonly RowCursor Next(in Contraction g)
    {
        RowCursor next = this;
        if (Row + 1 >= g.Rows)
            return next;
        next.Row++;
        next.X += g.XRow3;
        next.O += g.ORow3;
        if (++next._digit3 == g.RowCount3)
        {
            next._digit3 = 0;
            next.X += g.XRow2 - (g.RowCount3 * g.XRow3);
            next.O += g.ORow2 - (g.RowCount3 * g.ORow3);
            if (++next._digit2 == g.RowCount2)
            {
                next._digit2 = 0;
                next.X += g.XRow1 - (g.RowCount2 * g.XRow2);
                next.O += g.ORow1 - (g.RowCount2 * g.ORow2);
                if (++next._digit1 == g.RowCount1)
                {
                    next._digit1 = 0;
                    next.X += g.XRow0 - (g.RowCount1 * g.XRow1);
                    next.O += g.ORow0 - (g.RowCount1 * g.ORow1);
                }
            }
        }

        return next;
    }
}
