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
    public static IReadOnlyList<ContractionPlan> FillingInputGradient(ConvolutionGeometry g)
    {
        if (!GroupTile.Fits<Narrow>(g.Traits) || StridedGradient.Of(g) is not { } gradient)
            return [.. g.InputGradient().Select(contraction => Filling(contraction, g.Traits))];
        int columns = WidthFor(gradient.Output, g.Traits);
        return [new(gradient, columns, SplitsFor(gradient, g.Traits, columns), wholeRows: false)];
    }

    /// <summary>The same with an output of its own: plain rows of whole tiles, split after split.</summary>
    public ContractionPlan ToWholeRows() => _gradient is null
        ? new(this)
        : new(_gradient, _kernel == Kernel.WideParities ? Wide.Columns : Narrow.Columns, Splits, wholeRows: true);

    /// <summary>Whether groups of work-items share tiles, and so add and sum on the way.</summary>
    public bool SharesTiles => _kernel != Kernel.RegisterTile;

    /// <summary>Whether sums of slices can be taken on the way: of whole slices, which are tiles of rows, in whole quads.</summary>
    public bool TakesSums => SharesTiles && Output.StoresQuads && Output.Rows % IEpilogue.SliceRows == 0
        && (Splits > 1 || _contraction.Rows % IEpilogue.SliceRows == 0);

    /// <summary>Launches the kernel.</summary>
    /// <param name="device">The device of the plan.</param>
    /// <param name="cost">The price.</param>
    /// <param name="x">The first operand.</param>
    /// <param name="y">The second one.</param>
    /// <param name="output">The result.</param>
    /// <param name="plus">What is added, where the kernel can; it lies as the output does.</param>
    /// <param name="sums">What is summed on the way, where the kernel can.</param>
    public void Launch<T>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus = null, SliceSums? sums = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        switch (_kernel)
        {
            case Kernel.WideAlongPlaces:
                LaunchQuads<T, Wide, AlongPlaces>(device, cost, x, y, output, plus, sums);
                break;
            case Kernel.NarrowAlongPlaces:
                LaunchQuads<T, Narrow, AlongPlaces>(device, cost, x, y, output, plus, sums);
                break;
            case Kernel.WideAlongRows:
                LaunchQuads<T, Wide, AlongRows>(device, cost, x, y, output, plus, sums);
                break;
            case Kernel.NarrowAlongRows:
                LaunchQuads<T, Narrow, AlongRows>(device, cost, x, y, output, plus, sums);
                break;
            case Kernel.Singly:
                LaunchSingly<T>(device, cost, x, y, output, plus, sums);
                break;
            case Kernel.WideParities:
                LaunchParities<T, Wide>(device, cost, x, y, output, sums);
                break;
            case Kernel.NarrowParities:
                LaunchParities<T, Narrow>(device, cost, x, y, output, sums);
                break;
            default:
                device.Launch(
                    ContractionKernels.Contract, device.Grid(_contraction.Items), cost,
                    x.View<T>(), y.View<Lane8<T>>(), output.View<Lane8<T>>(), _contraction);
                break;
        }
    }

    private void LaunchQuads<T, TWidth, TSource>(
        ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
        where TSource : unmanaged, ISlabSource<TSource>, IQuadSource => Launch<T, TWidth>(
            sums switch
            {
                null => GroupContractionKernels.ContractQuads<T, TWidth, TSource, NoSums>,
                { Behind: null } => GroupContractionKernels.ContractQuads<T, TWidth, TSource, Moments>,
                _ => GroupContractionKernels.ContractQuads<T, TWidth, TSource, RectifiedGradients>,
            },
            device, cost, x, y, output, plus, sums);

    private void LaunchSingly<T>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Launch<T, Narrow>(
            sums switch
            {
                null => GroupContractionKernels.ContractSingly<T, NoSums>,
                { Behind: null } => GroupContractionKernels.ContractSingly<T, Moments>,
                _ => GroupContractionKernels.ContractSingly<T, RectifiedGradients>,
            },
            device, cost, x, y, output, plus, sums);

    private void Launch<T, TWidth>(
        Action<ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<T>, Contraction, GroupSchedule> kernel,
        ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, Tensor? plus, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth
    {
        GroupSchedule schedule = _schedule;
        schedule.Adds = plus is null ? 0 : 1;
        device.Launch(
            kernel, Grid<TWidth>(schedule.Groups, x), cost, x.View<T>(), y.View<T>(),
            (sums?.Behind?.X ?? plus ?? output).View<T>(), output.View<T>(), (sums?.Behind?.Statistics ?? output).View<T>(),
            (sums?.Partials ?? output).View<T>(), _contraction, schedule);
    }

    private void LaunchParities<T, TWidth>(ComputeDevice device, Cost cost, Tensor x, Tensor y, Tensor output, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TWidth : unmanaged, IGroupWidth => device.Launch(
            sums is null
                ? GroupContractionKernels.ContractParities<T, TWidth, NoSums>
                : GroupContractionKernels.ContractParities<T, TWidth, RectifiedGradients>,
            Grid<TWidth>(Parities.Count * _parities.Groups.Value, x), cost, x.View<T>(), y.View<T>(),
            (sums?.Behind?.X ?? output).View<T>(), output.View<T>(), (sums?.Behind?.Statistics ?? output).View<T>(),
            (sums?.Partials ?? output).View<T>(), _contraction, _schedule, _parities);

    private static LaunchGrid Grid<TWidth>(int groups, Tensor x)
        where TWidth : unmanaged, IGroupWidth =>
        new(groups, GroupTile.Items<TWidth>(), GroupTile.SharedBytes<TWidth>(x.Type.Bytes()));

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
