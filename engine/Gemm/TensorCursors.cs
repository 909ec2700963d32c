using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>What one group computes.</summary>
[ExcludeFromCodeCoverage]
internal struct TensorTask
{
    public int FirstRow, FirstColumn, Split, FirstSlab, EndSlab;

    /// <summary>Groups that lie side by side share the rows of x.</summary>
    public static TensorTask At(in TensorContraction g, int group)
    {
        int rest = group / g.ColumnTiles;
        int column = group - (rest * g.ColumnTiles);
        int split = rest / g.RowTiles;
        int row = rest - (split * g.RowTiles);
        int first = split * g.SlabsPerSplit;
        int end = first + g.SlabsPerSplit;
        return new TensorTask
        {
            FirstRow = row * TensorTile.Rows,
            FirstColumn = column * TensorTile.Columns,
            Split = split,
            FirstSlab = first,
            EndSlab = end < g.Slabs ? end : g.Slabs,
        };
    }
}

/// <summary>Where a row begins in x (chunks) and in the output (elements).</summary>
[ExcludeFromCodeCoverage]
internal struct TensorRow
{
    public int X, O;

    /// <summary>A row that does not exist is the last one: valid memory, of which nothing is stored.</summary>
    public static TensorRow At(in TensorContraction g, int row)
    {
        int last = g.Rows - 1;
        row = row < last ? row : last;
        int rest3 = g.RowCount3.Quotient(row);
        int digit3 = g.RowCount3.Rest(row, rest3);
        int rest2 = g.RowCount2.Quotient(rest3);
        int digit2 = g.RowCount2.Rest(rest3, rest2);
        int digit0 = g.RowCount1.Quotient(rest2);
        int digit1 = g.RowCount1.Rest(rest2, digit0);
        return new TensorRow
        {
            X = g.XOrigin + (digit0 * g.XRow0) + (digit1 * g.XRow1) + (digit2 * g.XRow2) + ((digit3 * g.XRow3) >> 2),
            O = g.OOrigin + (digit0 * g.ORow0) + (digit1 * g.ORow1) + (digit2 * g.ORow2) + (digit3 * g.ORow3),
        };
    }
}

/// <summary>Where a slab begins in x and y (chunks), and how many numbers from there on exist.</summary>
[ExcludeFromCodeCoverage]
internal struct TensorSlab
{
    public int X, Y, Limit;

    private int _digit1, _digit2;

    public static TensorSlab At(in TensorContraction g, int slab)
    {
        int rest = slab / g.Slabs2;
        int digit2 = slab - (rest * g.Slabs2);
        int digit0 = rest / g.Slabs1;
        int digit1 = rest - (digit0 * g.Slabs1);
        return new TensorSlab
        {
            X = (digit0 * g.XSlab0) + (digit1 * g.XSlab1) + (digit2 * g.XSlab2),
            Y = (digit0 * g.YSlab0) + (digit1 * g.YSlab1) + (digit2 * g.YSlab2),
            Limit = g.Numbers - (digit0 * g.NumbersPerSlab),
            _digit1 = digit1,
            _digit2 = digit2,
        };
    }

    public readonly TensorSlab Next(in TensorContraction g)
    {
        TensorSlab next = this;
        next.X += g.XSlab2;
        next.Y += g.YSlab2;
        if (++next._digit2 == g.Slabs2)
        {
            next._digit2 = 0;
            next.X += g.XSlab1 - (g.Slabs2 * g.XSlab2);
            next.Y += g.YSlab1 - (g.Slabs2 * g.YSlab2);
            if (++next._digit1 == g.Slabs1)
            {
                next._digit1 = 0;
                next.X += g.XSlab0 - (g.Slabs1 * g.XSlab1);
                next.Y += g.YSlab0 - (g.Slabs1 * g.YSlab1);
                next.Limit -= g.NumbersPerSlab;
            }
        }

        return next;
    }
}
