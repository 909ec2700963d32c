namespace Deat.Engine;

/// <summary>
/// The input gradient of a convolution with stride 2, all <see cref="Parities"/> together: what they have in common, and how their groups
/// share the work on a GPU-like device.
/// </summary>
internal sealed class StridedGradient
{
    private readonly Layout _dx;
    private readonly Contraction[] _parities;

    private StridedGradient(Layout dx, Contraction[] parities) => (_dx, _parities) = (dx, parities);

    /// <summary>All pixels of dx in order, as the rows of a contraction's output.</summary>
    public Contraction Output => _parities[0] with
    {
        Rows = _dx.Shape.N * _dx.Shape.Pixels,
        RowCount1 = _dx.Shape.H,
        RowCount2 = _dx.Shape.W,
        RowCount3 = 1,
        ORow0 = _dx.ImageStride,
        ORow1 = _dx.RowStride,
        ORow2 = _dx.ColumnStride,
        OOrigin = _dx.Origin,
    };

    /// <summary>Contracted places of each parity.</summary>
    public IEnumerable<int> Places => _parities.Select(Taps).Select(taps => taps * _parities[0].K3);

    /// <summary>The gradient of a convolution, or null where parities are not four alike, or not read by quads.</summary>
    public static StridedGradient? Of(ConvolutionGeometry g)
    {
        Contraction[] parities = [.. g.InputGradient().OrderByDescending(Taps)];
        return g.Stride == 2 && parities.Length == Parities.Count && parities.All(parity =>
                parity.Rows == parities[0].Rows && parity.RowCount1 == parities[0].RowCount1
                && parity.K0 == 1 && parity.K3 > GroupTile.Slab && parity.K3 % GroupTile.Slab == 0
                && TakesQuads(parity))
            ? new(g.X, parities)
            : null;
    }

    // No tap reaches some parities; digits have at least one value.
    private static bool TakesQuads(Contraction parity)
    {
        (parity.K1, parity.K2) = (Math.Max(1, parity.K1), Math.Max(1, parity.K2));
        return new GroupSchedule(in parity, Taps(parity) * parity.K3, Narrow.Columns, GroupTile.Slab).TakesQuadsAlongPlaces(in parity);
    }

    /// <summary>Groups of each parity and split.</summary>
    public int Groups(int columns) => new GroupSchedule(_parities[0], 1, columns, 1).Groups;

    /// <summary>For groups of so many columns and so many splits; with an output of its own, plain rows, or where it belongs.</summary>
    public (Contraction Common, GroupSchedule Schedule, Parities Parities) Scheduled(int columns, int splits, bool wholeRows)
    {
        Contraction common = _parities[0];
        int width = common.ColumnTiles * ContractionTile.Columns;
        if (wholeRows)
        {
            (common.ORow2, common.ORow1) = (2 * width, 2 * _dx.Shape.W * width);
            common.ORow0 = (int)_dx.Shape.Pixels * width;
            (common.OTile, common.OSplit) = (ContractionTile.Columns, _dx.Shape.N * common.ORow0);
        }

        GroupSchedule schedule = new(in common, Taps(common) * common.K3, columns, GroupTile.Slab);
        // No index lies beyond this one, and its count does not matter to the loop.
        common.K1 = int.MaxValue;
        return (common, schedule, new Parities
        {
            First = Of(0),
            Second = Of(1),
            Third = Of(2),
            Fourth = Of(3),
            Groups = new Divisor(Groups(columns) * splits),
            Splits = splits,
        });

        Parity Of(int index)
        {
            Contraction parity = _parities[index];
            int pixel = (parity.OOrigin - _dx.Origin) / _dx.RowStride * _dx.Shape.W
                + ((parity.OOrigin - _dx.Origin) % _dx.RowStride / _dx.ColumnStride);
            return new Parity
            {
                XOrigin = parity.XOrigin,
                OOrigin = wholeRows ? pixel * width : parity.OOrigin,
                YOrigin = parity.YOrigin,
                K2 = Math.Max(1, parity.K2),
                Places = Taps(parity) * parity.K3,
            };
        }
    }

    private static int Taps(Contraction parity) => parity.K1 * parity.K2;
}
