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
    private readonly StridedGradient? _gradient;
    private readonly Parities _parities;
    private readonly Kernel _kernel;

    private ContractionPlan(Contraction contraction, DeviceTraits traits, bool mayCut)
    {
        (_contraction, Output) = (contraction, contraction);
        if (!GroupTile.Fits<Narrow>(traits))
            return;
        int places = contraction.K0 * contraction.K1 * contraction.K2 * contraction.K3;
        int perSplit = contraction.K0PerSplit * contraction.K1 * contraction.K2 * contraction.K3;
        // Windows may have no tap for some pixels; digits have at least one value.
        (_contraction.K0, _contraction.K1) = (Math.Max(1, contraction.K0), Math.Max(1, contraction.K1));
        (_contraction.K2, _contraction.K3) = (Math.Max(1, contraction.K2), Math.Max(1, contraction.K3));
        int columns = WidthFor(contraction, traits);
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

    private ContractionPlan(StridedGradient gradient, int columns, int splits, bool wholeRows)
    {
        (_gradient, Output) = (gradient, gradient.Output);
        _kernel = columns == Wide.Columns ? Kernel.WideParities : Kernel.NarrowParities;
        (_contraction, _schedule, _parities) = gradient.Scheduled(columns, splits, wholeRows);
    }

    private ContractionPlan(ContractionPlan plan)
    {
        (_kernel, Output) = (plan._kernel, plan.Output);
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
        WideParities,
        NarrowParities,
    }

    /// <summary>The contraction whose rows and columns are those of the output.</summary>
    public Contraction Output { get; }

    /// <summary>Partial sums that the launch writes, OSplit elements apart.</summary>
    public int Splits => _kernel switch
    {
        Kernel.RegisterTile => _contraction.Splits,
        Kernel.WideParities or Kernel.NarrowParities => _parities.Splits,
        _ => _schedule.Splits,
    };

    /// <summary>Whether outputs can be written where they belong: one split, and columns that this kernel knows how to leave out.</summary>
    public bool WritesInPlace => Splits == 1 && (_kernel != Kernel.RegisterTile || _contraction.HasWholeTiles);

    /// <summary>With the contraction's own splits.</summary>
    public static ContractionPlan For(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: false);

    /// <summary>With splits that fill a GPU; on CPU-like devices the contraction's own.</summary>
    public static ContractionPlan Filling(Contraction contraction, DeviceTraits traits) => new(contraction, traits, mayCut: true);

    /// <summary>
    /// The input gradient of a convolution, filling a GPU: a launch for each parity of pixels, or one for all on GPU-like devices where a
    /// stride of 2 makes four alike.
    /// </summary>
    public static IEnumerable<ContractionPlan> FillingInputGradient(ConvolutionGeometry g)
    {
        if (!GroupTile.Fits<Narrow>(g.Traits) || StridedGradient.Of(g) is not { } gradient)
            return g.InputGradient().Select(contraction => Filling(contraction, g.Traits));
        int columns = WidthFor(gradient.Output, g.Traits);
        return [new(gradient, columns, SplitsFor(gradient, g.Traits, columns), wholeRows: false)];
    }

    /// <summary>The same with an output of its own: plain rows of whole tiles, split after split.</summary>
    public ContractionPlan ToWholeRows() => _gradient is null
        ? new(this)
        : new(_gradient, _kernel == Kernel.WideParities ? Wide.Columns : Narrow.Columns, Splits, wholeRows: true);

    /// <summary>Whether the kernel can add its outputs to another tensor's elements.</summary>
    public bool CanAdd => _kernel is Kernel.NarrowAlongPlaces or Kernel.NarrowAlongRows or Kernel.Singly;

    /// <summary>Launches the kernel; where it can, with <paramref name="plus"/> added, which lies as the output does.</summary>
    public void Launch<T>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        switch (_kernel)
        {
            case Kernel.WideAlongPlaces:
                Launch<T, Wide>(GroupContractionKernels.ContractQuads<T, Wide, AlongPlaces>, device, cost, x, y, output, plus);
                break;
            case Kernel.NarrowAlongPlaces:
                Launch<T, Narrow>(GroupContractionKernels.ContractQuads<T, Narrow, AlongPlaces>, device, cost, x, y, output, plus);
                break;
            case Kernel.WideAlongRows:
                Launch<T, Wide>(GroupContractionKernels.ContractQuads<T, Wide, AlongRows>, device, cost, x, y, output, plus);
                break;
            case Kernel.NarrowAlongRows:
                Launch<T, Narrow>(GroupContractionKernels.ContractQuads<T, Narrow, AlongRows>, device, cost, x, y, output, plus);
                break;
            case Kernel.Singly:
                Launch<T, Narrow>(GroupContractionKernels.ContractSingly, device, cost, x, y, output, plus);
                break;
            case Kernel.WideParities:
                LaunchParities<T, Wide>(device, cost, x, y, output);
                break;
            case Kernel.NarrowParities:
                LaunchParities<T, Narrow>(device, cost, x, y, output);
                break;
            default:
                device.Launch(
                    ContractionKernels.Contract, device.Grid(_contraction.Items), cost,
                    x.View<T>(), y.View<Lane8<T>>(), output.View<Lane8<T>>(), _contraction);
                break;
        }
    }

    private void Launch<T, TWidth>(
        Action<ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<T>, Contraction, GroupSchedule> kernel,
        ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
    {
        GroupSchedule schedule = _schedule;
        schedule.Adds = plus is null ? 0 : 1;
        device.Launch(
            kernel, new LaunchGrid(schedule.Groups, GroupTile.Items<TWidth>(), GroupTile.SharedBytes<TWidth>(x.Type.Bytes())), cost,
            x.View<T>(), y.View<T>(), (plus ?? output).View<T>(), output.View<T>(), _contraction, schedule);
    }

    private void LaunchParities<T, TWidth>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth => device.Launch(
            GroupContractionKernels.ContractParities<T, TWidth>,
            new LaunchGrid(
                Parities.Count * _parities.Groups, GroupTile.Items<TWidth>(), GroupTile.SharedBytes<TWidth>(x.Type.Bytes())),
            cost, x.View<T>(), y.View<T>(), output.View<T>(), _contraction, _schedule, _parities);

    private static int WidthFor(in Contraction contraction, DeviceTraits traits) =>
        contraction.Columns > Narrow.Columns && GroupTile.Fits<Wide>(traits) ? Wide.Columns : Narrow.Columns;

    // As below, but groups differ in length: those with most taps come first, and a turn lasts as long as the longest at least.
    private static int SplitsFor(StridedGradient gradient, DeviceTraits traits, int columns)
    {
        int[] places = [.. gradient.Places];
        int seats = traits.Processors * Wide.Columns / columns;
        double ideal = (double)gradient.Groups(columns) * places.Sum() / seats;
        (int best, double bestTime) = (1, double.PositiveInfinity);
        for (int splits = 1; splits <= Math.Clamp(places[0] / LeastPlacesPerSplit, 1, seats); splits++)
        {
            int[] perSplit = [.. places.Select(count => Parities.PlacesPerSplit(count, splits))];
            double all = (double)gradient.Groups(columns) * splits * perSplit.Sum() / seats;
            double partials = splits == 1 ? 0 : splits * sizeof(float) * FlopsPerByte * Parities.Count / places.Sum();
            double time = (Math.Max(all, perSplit[0]) / ideal) + partials;
            if (time < bestTime)
                (best, bestTime) = (splits, time);
        }

        return best;
    }

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
