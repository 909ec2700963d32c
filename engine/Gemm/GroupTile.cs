using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>The tile of outputs that a group of work-items computes together on GPU-like devices.</summary>
[ExcludeFromCodeCoverage]
internal static class GroupTile
{
    /// <summary>Rows of outputs.</summary>
    public const int Rows = 128;

    /// <summary>Contracted places that are in shared memory at once.</summary>
    public const int Slab = 8;

    /// <summary>Quads of a row of a slab of x, and of the slab.</summary>
    public const int RowQuads = Rows / 4, SlabQuads = Slab * RowQuads;

    /// <summary>Work-items of a group.</summary>
    public static int Items<TWidth>()
        where TWidth : unmanaged, IGroupWidth => Rows * TWidth.Columns / 64;

    /// <summary>Bytes of two slabs of x and of y.</summary>
    public static int SharedBytes<TWidth>(int elementBytes)
        where TWidth : unmanaged, IGroupWidth => 2 * Slab * (Rows + TWidth.Columns) * elementBytes;

    /// <summary>Whether a device can run the group, in binary64 as well.</summary>
    public static bool Fits<TWidth>(DeviceTraits traits)
        where TWidth : unmanaged, IGroupWidth => !traits.IsCpuLike
            && traits.MaxGroupSize >= Items<TWidth>() && traits.SharedBytes >= SharedBytes<TWidth>(sizeof(double));

    /// <summary>
    /// Where in its row of the slab a row of the tile lies: from the fifth place on, halves of 32 rows are exchanged, so that
    /// neighbouring items, which store rows of places four apart, meet 32 different banks.
    /// </summary>
    public static int Swizzled(int row, int place) => row ^ ((place & 4) << 2);

    /// <summary>Where a row begins in x; the last one for rows that do not exist.</summary>
    public static int RowPlace(in Contraction g, int row) => RowCursor.At(in g, row < g.Rows ? row : g.Rows - 1).X;

    /// <summary>Where four rows begin in x; the last four for rows that do not exist.</summary>
    public static int QuadPlace(in Contraction g, int row) => RowCursor.At(in g, row < g.Rows ? row : g.Rows - Quad<float>.Width).X;

    /// <summary>The one or two quads of x that an item brings.</summary>
    public static Lane8<T> LoadQuads<T>(ArrayView<Quad<T>> x, int place, int toSecond, int items)
        where T : unmanaged, INumber<T>
    {
        Quad<T> a = Real.Load(x, place >> 2);
        Lane8<T> values = new() { A = a.A, B = a.B, C = a.C, D = a.D };
        if (items < SlabQuads)
        {
            Quad<T> b = Real.Load(x, (place + toSecond) >> 2);
            (values.E, values.F, values.G, values.H) = (b.A, b.B, b.C, b.D);
        }

        return values;
    }
}

/// <summary>
/// The 8 x 8 outputs of one item: rows 0 to 3 and 16 to 19 of its warp's 32, in each four columns and the four that lie 32 further.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct ItemTile<T>
    where T : unmanaged, INumber<T>
{
    public Lane8<T> Row0, Row1, Row2, Row3, Row16, Row17, Row18, Row19;

    /// <summary>All rows of the first four columns.</summary>
    public readonly Strip<T> Low() => new()
    {
        A = Low(Row0),
        B = Low(Row1),
        C = Low(Row2),
        D = Low(Row3),
        E = Low(Row16),
        F = Low(Row17),
        G = Low(Row18),
        H = Low(Row19),
    };

    /// <summary>All rows of the others.</summary>
    public readonly Strip<T> High() => new()
    {
        A = High(Row0),
        B = High(Row1),
        C = High(Row2),
        D = High(Row3),
        E = High(Row16),
        F = High(Row17),
        G = High(Row18),
        H = High(Row19),
    };

    private static Quad<T> Low(Lane8<T> row) => new() { A = row.A, B = row.B, C = row.C, D = row.D };

    private static Quad<T> High(Lane8<T> row) => new() { A = row.E, B = row.F, C = row.G, D = row.H };
}

/// <summary>Columns of a group's tile; each item has 8 x 8 outputs.</summary>
internal interface IGroupWidth
{
    static abstract int Columns { get; }
}

/// <summary>128 items, 128 x 64 outputs.</summary>
[GroupSize(128, Resident = 3)]
internal struct Narrow : IGroupWidth
{
    public static int Columns => 64;
}

/// <summary>256 items, 128 x 128 outputs.</summary>
[GroupSize(256, Resident = 2)]
internal struct Wide : IGroupWidth
{
    public static int Columns => 128;
}

/// <summary>
/// How groups share a <see cref="Contraction"/>: its splits, counted in places k of the four contracted indices together, and what changes
/// when k grows by a slab. Shared by host and kernels.
/// </summary>
internal struct GroupSchedule
{
    /// <summary>Contracted places, and those of a split, a multiple of the slab.</summary>
    public int K, KPerSplit;

    /// <summary>Tiles of rows and of columns.</summary>
    public Divisor RowTiles, ColumnTiles;

    /// <summary>Digits of a slab in the mixed radix (K1, K2, K3), and elements of x and y for them.</summary>
    public int Step1, Step2, Step3, XStep, YStep;

    /// <summary>Elements of x and y for a carry out of a digit.</summary>
    public int XCarry1, XCarry2, XCarry3, YCarry1, YCarry2, YCarry3;

    /// <summary>1 where outputs can be stored by quads.</summary>
    public int StoresQuads;

    /// <summary>1 where outputs are added to another tensor's elements, which lie as they do.</summary>
    public int Adds;

    public GroupSchedule(in Contraction g, int places, int columns, int kPerSplit)
    {
        // PoCL 3.1 takes SIGFPE for itself: where its driver is loaded, .NET does not see a division by zero.
        Require.That(g is { K1: > 0, K2: > 0, K3: > 0 }, nameof(GroupSchedule), "a value for each digit", (g.K1, g.K2, g.K3));
        K = places;
        KPerSplit = kPerSplit;
        RowTiles = new Divisor((g.Rows + GroupTile.Rows - 1) / GroupTile.Rows);
        ColumnTiles = new Divisor((g.Columns + columns - 1) / columns);
        (Step3, int rest) = (GroupTile.Slab % g.K3, GroupTile.Slab / g.K3);
        (Step2, rest) = (rest % g.K2, rest / g.K2);
        (Step1, int step0) = (rest % g.K1, rest / g.K1);
        XStep = (step0 * g.XK0) + (Step1 * g.XK1) + (Step2 * g.XK2) + (Step3 * g.XK3);
        YStep = (step0 * g.YK0) + (Step1 * g.YK1) + (Step2 * g.YK2) + (Step3 * g.YK3);
        (XCarry1, XCarry2, XCarry3) = (g.XK0 - (g.K1 * g.XK1), g.XK1 - (g.K2 * g.XK2), g.XK2 - (g.K3 * g.XK3));
        (YCarry1, YCarry2, YCarry3) = (g.YK0 - (g.K1 * g.YK1), g.YK1 - (g.K2 * g.YK2), g.YK2 - (g.K3 * g.YK3));
        StoresQuads = g.StoresQuads ? 1 : 0;
    }

    /// <summary>Whether <see cref="AlongPlaces"/> can bring x, and y beside it.</summary>
    public readonly bool TakesQuadsAlongPlaces(in Contraction g) =>
        HasWholeSlabs && g.XK3 == 1 && IsQuads(g.K3)
        && IsQuads(g.XOrigin | g.XRow0 | g.XRow1 | g.XRow2 | g.XRow3 | g.XK0 | g.XK1 | g.XK2)
        && (g.K2 == 1 || g.YK2 == g.K3 * g.YK3)
        && (g.K1 == 1 || g.YK1 == g.K2 * g.K3 * g.YK3)
        && (g.K1 * g.K2 * g.K3 % KPerSplit == 0 || g.K0 == 1 || g.YK0 == g.K1 * g.K2 * g.K3 * g.YK3);

    /// <summary>Whether <see cref="AlongRows"/> can bring x.</summary>
    public readonly bool TakesQuadsAlongRows(in Contraction g) =>
        HasWholeSlabs && g.XRow3 == 1 && IsQuads(g.RowCount3)
        && IsQuads(g.XOrigin | g.XRow0 | g.XRow1 | g.XRow2 | g.XK0 | g.XK1 | g.XK2 | g.XK3);

    private readonly bool HasWholeSlabs => K % GroupTile.Slab == 0 && KPerSplit % GroupTile.Slab == 0;

    private static bool IsQuads(int numbers) => numbers % Quad<float>.Width == 0;

    /// <summary>Cuts of the contracted places.</summary>
    public readonly int Splits => K == 0 ? 1 : (K + KPerSplit - 1) / KPerSplit;

    public readonly int Groups => Splits * RowTiles.Value * ColumnTiles.Value;
}

/// <summary>The tile and the split of a group. Groups next to each other share rows of x.</summary>
internal struct GroupOrigin
{
    public int Row, Column, Split;

    public static GroupOrigin Of(in GroupSchedule schedule, int group, int columns)
    {
        int rows = schedule.ColumnTiles.Quotient(group);
        int split = schedule.RowTiles.Quotient(rows);
        return new()
        {
            Column = schedule.ColumnTiles.Rest(group, rows) * columns,
            Row = schedule.RowTiles.Rest(rows, split) * GroupTile.Rows,
            Split = split,
        };
    }
}

/// <summary>Walks the contracted places in steps of a slab, without a division per step.</summary>
internal struct SlabCursor
{
    /// <summary>Elements of x and y.</summary>
    public int X, Y;

    private int _digit1, _digit2, _digit3;

    public static SlabCursor At(in Contraction g, int k)
    {
        int digit3 = k % g.K3;
        int rest = k / g.K3;
        int digit2 = rest % g.K2;
        rest /= g.K2;
        int digit1 = rest % g.K1;
        int digit0 = rest / g.K1;
        return new SlabCursor
        {
            X = (digit0 * g.XK0) + (digit1 * g.XK1) + (digit2 * g.XK2) + (digit3 * g.XK3),
            Y = (digit0 * g.YK0) + (digit1 * g.YK1) + (digit2 * g.YK2) + (digit3 * g.YK3),
            _digit1 = digit1,
            _digit2 = digit2,
            _digit3 = digit3,
        };
    }

    public readonly SlabCursor Next(in Contraction g, in GroupSchedule schedule)
    {
        SlabCursor next = this;
        next.X += schedule.XStep;
        next.Y += schedule.YStep;
        next._digit1 += schedule.Step1;
        next._digit2 += schedule.Step2;
        next._digit3 += schedule.Step3;
        if (next._digit3 >= g.K3)
        {
            next._digit3 -= g.K3;
            next._digit2++;
            next.X += schedule.XCarry3;
            next.Y += schedule.YCarry3;
        }

        if (next._digit2 >= g.K2)
        {
            next._digit2 -= g.K2;
            next._digit1++;
            next.X += schedule.XCarry2;
            next.Y += schedule.YCarry2;
        }

        if (next._digit1 >= g.K1)
        {
            next._digit1 -= g.K1;
            next.X += schedule.XCarry1;
            next.Y += schedule.YCarry1;
        }

        return next;
    }
}
