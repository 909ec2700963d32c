using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The one place that chooses how a device computes a <see cref="Contraction"/>: with the register tile of CPUs, or in groups that share
/// tiles; how x comes to these, how wide they are, and into how many splits the contracted places are cut.
/// </summary>
internal sealed class ContractionPlan
{
    // What a GPU can calculate while it writes and reads one byte of partial sums, roughly: 10 (A100) to 80 (cards for games).
    private const double FlopsPerByte = 16;

    private const int LeastPlacesPerSplit = 64;

    private readonly Contraction _contraction;
    private readonly GroupSchedule _schedule;
    private readonly Kernel _kernel;

    private ContractionPlan(Contraction contraction, DeviceTraits traits, bool mayCut)
    {
        _contraction = contraction;
        if (!GroupTile.Fits<Narrow>(traits))
            return;
        int places = contraction.K0 * contraction.K1 * contraction.K2 * contraction.K3;
        int perSplit = contraction.K0PerSplit * contraction.K1 * contraction.K2 * contraction.K3;
        // Windows may have no tap for some pixels; digits have at least one value.
        (_contraction.K0, _contraction.K1) = (Math.Max(1, contraction.K0), Math.Max(1, contraction.K1));
        (_contraction.K2, _contraction.K3) = (Math.Max(1, contraction.K2), Math.Max(1, contraction.K3));
        int columns = contraction.Columns > Narrow.Columns && GroupTile.Fits<Wide>(traits) ? Wide.Columns : Narrow.Columns;
        _schedule = Scheduled(columns);
        _kernel = (_schedule.TakesQuadsAlongPlaces(in _contraction), _schedule.TakesQuadsAlongRows(in _contraction), columns) switch
        {
            (true, _, 128) => Kernel.WideAlongPlaces,
            (true, _, _) => Kernel.NarrowAlongPlaces,
            (_, true, 128) => Kernel.WideAlongRows,
            (_, true, _) => Kernel.NarrowAlongRows,
            _ => Kernel.Singly,
        };
        if (_kernel == Kernel.Singly && columns != Narrow.Columns)
            _schedule = Scheduled(Narrow.Columns);

        GroupSchedule Scheduled(int columns)
        {
            GroupSchedule whole = new(in _contraction, places, columns, Math.Max(1, places));
            return new(in _contraction, places, columns, Math.Max(1, mayCut ? PlacesPerSplit(whole, traits, columns) : perSplit));
        }
    }

    private ContractionPlan(ContractionPlan plan)
    {
        _kernel = plan._kernel;
        _contraction = plan._contraction.ToWholeRows();
        _schedule = plan._schedule;
        _schedule.StoresQuads = 1;
    }

    private enum Kernel
    {
        RegisterTile,
        WideAlongPlaces,
        NarrowAlongPlaces,
        WideAlongRows,
        NarrowAlongRows,
        Singly,
    }

    /// <summary>Partial sums that the launch writes, OSplit elements apart.</summary>
    public int Splits => _kernel == Kernel.RegisterTile ? _contraction.Splits : _schedule.Splits;

    /// <summary>Whether outputs can be written where they belong: one split, and columns that this kernel knows how to leave out.</summary>
    public bool WritesInPlace => Splits == 1 && (_kernel != Kernel.RegisterTile || _contraction.HasWholeTiles);

    /// <summary>With the contraction's own splits.</summary>
    public static ContractionPlan For(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: false);

    /// <summary>With splits that fill a GPU; on CPU-like devices the contraction's own.</summary>
    public static ContractionPlan Filling(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: true);

    /// <summary>The same with an output of its own: plain rows of whole tiles, split after split.</summary>
    public ContractionPlan ToWholeRows() => new(this);

    public void Launch<T>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        switch (_kernel)
        {
            case Kernel.WideAlongPlaces:
                Launch<T, Wide>(GroupContractionKernels.ContractQuads<T, Wide, AlongPlaces>, device, cost, x, y, output);
                break;
            case Kernel.NarrowAlongPlaces:
                Launch<T, Narrow>(GroupContractionKernels.ContractQuads<T, Narrow, AlongPlaces>, device, cost, x, y, output);
                break;
            case Kernel.WideAlongRows:
                Launch<T, Wide>(GroupContractionKernels.ContractQuads<T, Wide, AlongRows>, device, cost, x, y, output);
                break;
            case Kernel.NarrowAlongRows:
                Launch<T, Narrow>(GroupContractionKernels.ContractQuads<T, Narrow, AlongRows>, device, cost, x, y, output);
                break;
            case Kernel.Singly:
                Launch<T, Narrow>(GroupContractionKernels.ContractSingly, device, cost, x, y, output);
                break;
            default:
                device.Launch(
                    ContractionKernels.Contract, device.Grid(_contraction.Items), cost,
                    x.View<T>(), y.View<Lane8<T>>(), output.View<Lane8<T>>(), _contraction);
                break;
        }
    }

    private void Launch<T, TWidth>(
        Action<ArrayView<T>, ArrayView<T>, ArrayView<T>, Contraction, GroupSchedule> kernel,
        ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth => device.Launch(
            kernel, new LaunchGrid(_schedule.Groups, GroupTile.Items<TWidth>(), GroupTile.SharedBytes<TWidth>(x.Type.Bytes())), cost,
            x.View<T>(), y.View<T>(), output.View<T>(), _contraction, _schedule);

    // The cut with the least time for products and partial sums, if a processor has seats for two narrow groups or a wide one, and all
    // groups take turns. It follows from shape and device alone.
    private static int PlacesPerSplit(in GroupSchedule whole, DeviceTraits traits, int columns)
    {
        int slabs = (whole.K + GroupTile.Slab - 1) / GroupTile.Slab;
        int seats = traits.Processors * Wide.Columns / columns;
        (int best, double bestTime) = (1, double.PositiveInfinity);
        for (int splits = 1; splits <= Math.Clamp(whole.K / LeastPlacesPerSplit, 1, seats); splits++)
        {
            int groups = whole.Groups * splits;
            double turns = (groups + seats - 1) / seats * (double)seats / groups;
            // Partial sums of binary32 are written and read once.
            double partials = splits == 1 ? 0 : splits * sizeof(float) * FlopsPerByte / whole.K;
            if (turns + partials < bestTime)
                (best, bestTime) = (splits, turns + partials);
        }

        return (slabs + best - 1) / best * GroupTile.Slab;
    }
}
