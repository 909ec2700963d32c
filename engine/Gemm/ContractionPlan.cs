using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// The one place that chooses how a device computes a <see cref="Contraction"/>: with the register tile of CPUs, or in groups that share
/// tiles; how wide these are, how x comes to them, and into how many splits the contracted places are cut.
/// </summary>
internal sealed class ContractionPlan
{
    // What a GPU can calculate while it writes and reads one byte of partial sums, roughly: 10 (A100), 14 (H100), 80 (cards for games).
    private const double FlopsPerByte = 16;

    private const int LeastPlacesPerSplit = 64;

    private readonly Contraction _contraction;
    private readonly GroupSchedule _schedule;
    private readonly bool _inGroups, _wide;

    private ContractionPlan(Contraction contraction, DeviceTraits traits, bool mayCut)
    {
        int places = contraction.K0 * contraction.K1 * contraction.K2 * contraction.K3;
        int perValue = contraction.K1 * contraction.K2 * contraction.K3;
        _inGroups = GroupTile.Fits<Narrow>(traits);
        _wide = contraction.Columns > Narrow.Columns && GroupTile.Fits<Wide>(traits);
        _contraction = contraction;
        if (!_inGroups)
            return;
        // Windows may have no tap for some pixels; digits have at least one value.
        (_contraction.K0, _contraction.K1) = (Math.Max(1, contraction.K0), Math.Max(1, contraction.K1));
        (_contraction.K2, _contraction.K3) = (Math.Max(1, contraction.K2), Math.Max(1, contraction.K3));
        int columns = _wide ? Wide.Columns : Narrow.Columns;
        GroupSchedule whole = new(in _contraction, places, columns, Math.Max(1, places));
        int perSplit = mayCut ? PlacesPerSplit(whole, traits, columns) : contraction.K0PerSplit * perValue;
        _schedule = new GroupSchedule(in _contraction, places, columns, Math.Max(1, perSplit));
    }

    /// <summary>Partial sums that the launch writes, OSplit elements apart.</summary>
    public int Splits => _inGroups ? _schedule.Splits : _contraction.Splits;

    /// <summary>Whether outputs can be written where they belong: one split, and columns that this kernel knows how to leave out.</summary>
    public bool WritesInPlace => Splits == 1 && (_inGroups || _contraction.HasWholeTiles);

    /// <summary>With the contraction's own splits.</summary>
    public static ContractionPlan For(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: false);

    /// <summary>With splits that fill a GPU; on CPU-like devices the contraction's own.</summary>
    public static ContractionPlan Filling(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: true);

    /// <summary>The same with an output of its own: plain rows of whole tiles, split after split.</summary>
    public ContractionPlan ToWholeRows() => new(this);

    private ContractionPlan(ContractionPlan plan)
    {
        (_inGroups, _wide) = (plan._inGroups, plan._wide);
        _contraction = plan._contraction.ToWholeRows();
        if (_inGroups)
        {
            _schedule = new GroupSchedule(
                in _contraction, plan._schedule.K, _wide ? Wide.Columns : Narrow.Columns, plan._schedule.KPerSplit);
        }
    }

    public void Launch<T>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!_inGroups)
        {
            device.Launch(
                ContractionKernels.Contract, device.Grid(_contraction.Items), cost,
                x.View<T>(), y.View<Lane8<T>>(), output.View<Lane8<T>>(), _contraction);
        }
        else if (_wide)
        {
            Launch<T, Wide>(device, cost, x, y, output);
        }
        else
        {
            Launch<T, Narrow>(device, cost, x, y, output);
        }
    }

    private void Launch<T, TWidth>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
    {
        if (_schedule.TakesQuadsAlongPlaces(in _contraction))
            Launch<T, TWidth, AlongPlaces>(device, cost, x, y, output);
        else if (_schedule.TakesQuadsAlongRows(in _contraction))
            Launch<T, TWidth, AlongRows>(device, cost, x, y, output);
        else
            Launch<T, TWidth, Singly>(device, cost, x, y, output);
    }

    private void Launch<T, TWidth, TSource>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource> => device.Launch(
            GroupContractionKernels.ContractInGroups<T, TWidth, TSource>,
            new LaunchGrid(_schedule.Groups, GroupTile.Items<TWidth>(), GroupTile.SharedBytes<TWidth>(x.Type.Bytes())), cost,
            x.View<T>(), y.View<T>(), output.View<T>(), _contraction, _schedule);

    // The cut with the least time for sums and partial sums, if groups take turns on the processors, two small ones or one large one at
    // a time. It follows from shape and device alone.
    private static int PlacesPerSplit(in GroupSchedule whole, DeviceTraits traits, int columns)
    {
        int slabs = (whole.K + GroupTile.Slab - 1) / GroupTile.Slab;
        int seats = traits.Processors * Wide.Columns / columns;
        (int best, double bestTime) = (1, double.PositiveInfinity);
        for (int splits = 1; splits <= Math.Max(1, whole.K / LeastPlacesPerSplit); splits++)
        {
            int groups = whole.Groups * splits;
            double turns = (groups + seats - 1) / seats * (double)seats / groups;
            // Partial sums of float32 are written and read once.
            double partials = splits == 1 ? 0 : splits * 2.0 * sizeof(float) * FlopsPerByte / (2.0 * whole.K);
            if (turns + partials < bestTime)
                (best, bestTime) = (splits, turns + partials);
        }

        return (slabs + best - 1) / best * GroupTile.Slab;
    }
}
