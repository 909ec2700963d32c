using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>What distinguishes the contraction of one parity from the others of the same input gradient.</summary>
[ExcludeFromCodeCoverage]
internal struct Parity
{
    /// <summary>See <see cref="Contraction"/>.</summary>
    public int XOrigin, OOrigin, YOrigin, K2;

    /// <summary>Contracted places: none where no tap meets the parity.</summary>
    public int Places;
}

/// <summary>
/// The input gradient of a convolution with stride 2 as one launch: pixels of the four parities (h mod 2, w mod 2) meet 4, 2, 2 and 1
/// of 3 x 3 taps, or 1, 0, 0 and 0 of a single one, and otherwise are alike. Each parity has a quarter of the groups, those with most
/// taps come first, and all are cut into the same number of splits. Shared by host and kernels.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct Parities
{
    /// <summary>How many there are.</summary>
    public const int Count = 4;

    /// <summary>The parities, most taps first.</summary>
    public Parity First, Second, Third, Fourth;

    /// <summary>Groups of each parity.</summary>
    public Divisor Groups;

    /// <summary>Splits of the contracted places of each.</summary>
    public int Splits;

    /// <summary>Makes what all have in common that of a group's parity; the group's index among those of the parity.</summary>
    public readonly int Select(int group, ref Contraction g, ref GroupSchedule schedule)
    {
        int index = Groups.Quotient(group);
        Parity parity = index < 2 ? (index < 1 ? First : Second) : (index < 3 ? Third : Fourth);
        Apply(parity, Splits, ref g, ref schedule);
        return Groups.Rest(group, index);
    }

    /// <summary>The contraction and the schedule of a parity.</summary>
    public static void Apply(Parity parity, int splits, ref Contraction g, ref GroupSchedule schedule)
    {
        (g.XOrigin, g.OOrigin, g.YOrigin) = (parity.XOrigin, parity.OOrigin, parity.YOrigin);
        g.K2 = parity.K2;
        g.YK1 = parity.K2 * g.YK2;
        schedule.K = parity.Places;
        schedule.KPerSplit = PlacesPerSplit(schedule.K, splits);
        schedule.XCarry2 = g.XK1 - (parity.K2 * g.XK2);
    }

    /// <summary>Whole slabs for so many splits, the last of which may be empty.</summary>
    public static int PlacesPerSplit(int places, int splits)
    {
        int slabs = places / GroupTile.Slab;
        return (slabs + splits - 1) / splits * GroupTile.Slab;
    }
}
