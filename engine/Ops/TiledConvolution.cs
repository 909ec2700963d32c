using System.Numerics;

namespace Deat.Engine;

/// <summary>The launches of <see cref="ConvolutionAlgorithm.Tiled"/>.</summary>
internal static class TiledConvolution
{
    /// <summary>
    /// Contracts the input with packed weights: those that the model has packed, or a copy that is given back. The tape keeps the sums that
    /// are wanted and can be taken on the way.
    /// </summary>
    public static void Convolve<T>(
        Tape tape, PackedWeights order, Tensor weights, Tensor input, Tensor output, IReadOnlyList<ContractionPlan> plans, Cost cost,
        Tensor? plus = null, WantedSums wanted = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Tensor? shared = weights.Convolutions?.Packed<T>(tape, weights, order, cost.Direction);
        Tensor packed = shared ?? Packed<T>(tape, order, weights, cost.Direction);
        SliceSums? sums = plans is [{ TakesSums: true } whole] ? Sums(tape, whole, output, wanted) : null;
        foreach (ContractionPlan plan in plans)
        {
            Contract<T>(tape, plan, input, packed, output, cost, plus, sums);
            cost = new Cost(0, 0, cost.Direction);
        }

        if (shared is null)
            tape.Release(packed);
        if (sums is not null)
            tape.Keep(output, sums);
    }

    /// <summary>Contracts the input with the output's gradient in splits, which the tape sums in a fixed order.</summary>
    public static void WeightGradient<T>(Tape tape, ConvolutionGeometry g, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!g.HasWholeTiles)
        {
            WeightGradientOfWholeTiles<T>(tape, g, x, dy, dw, cost);
            return;
        }

        ComputeDevice device = tape.Device;
        Contraction contraction = g.WeightGradient();
        ContractionPlan plan = ContractionPlan.Filling(contraction, device.Traits);
        Tensor partials = tape.Scratch(new Shape(plan.Splits, (int)dw.Shape.Count), dw.Type);
        plan.Launch<T>(device, cost, x, dy, partials);
        tape.Splits.Add(new SplitGradient(partials, dw, PackedWeights.Forward(g), plan.Splits, contraction.OSplit));
    }

    // With filters of zeros up to the next whole tile. Theirs come last.
    private static void WeightGradientOfWholeTiles<T>(Tape tape, ConvolutionGeometry g, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int filters = (dw.Shape.N + ContractionTile.Columns - 1) / ContractionTile.Columns * ContractionTile.Columns;
        ConvolutionGeometry whole = new(g.X, g.Weights with { N = filters }, g.Stride, g.Padding, g.Traits);
        Tensor wholeDy = tape.Allocate(whole.Y, dy.Type);
        Tensor wholeDw = tape.Scratch(whole.Weights, dw.Type);
        Ops.CopyChannels(dy, 0, wholeDy, 0, filters, cost.Direction);
        WeightGradient<T>(tape, whole, x, wholeDy, wholeDw, cost);
        tape.Splits.Sum();
        Ops.Keep(wholeDw.Slice(0, dw.Shape), dw, cost.Direction);
        tape.Release(wholeDy);
        tape.Release(wholeDw);
    }

    private static Tensor Packed<T>(Tape tape, PackedWeights order, Tensor weights, Direction direction)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        Tensor packed = tape.Scratch(new Shape(1, order.Length), weights.Type);
        int outputsPerItem = device.Traits.IsCpuLike ? ContractionTile.Columns : 1;
        device.Launch(
            PackingKernels.Pack, device.Grid(order.Items(outputsPerItem)),
            new Cost(0, (weights.Shape.Count + order.Length) * weights.Type.Bytes(), direction),
            weights.View<T>(), packed.View<T>(), order, outputsPerItem);
        return packed;
    }

    private static SliceSums? Sums(Tape tape, ContractionPlan plan, Tensor output, WantedSums wanted)
    {
        if (wanted is { Moments: false, Behind: null })
            return null;
        int slices = plan.Output.Rows / IEpilogue.SliceRows;
        return new SliceSums(tape.Scratch(new Shape(2 * slices, output.Shape.C), output.Type), slices, wanted.Behind);
    }

    private static void Contract<T>(
        Tape tape, ContractionPlan plan, Tensor input, Tensor packed, Tensor output, Cost cost, Tensor? plus, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        if (plan.WritesInPlace)
        {
            bool adds = plan.SharesTiles;
            plan.Launch<T>(device, adds ? WithPassengers(cost, output, plus, sums) : cost, input, packed, output, adds ? plus : null, sums);
            if (plus is not null && !adds)
                Ops.AddInto(output, output, plus, cost.Direction);
            return;
        }

        Contraction contraction = plan.Output;
        int columns = contraction.ColumnTiles * ContractionTile.Columns;
        Tensor rows = tape.Scratch(new Shape(plan.Splits * contraction.Rows, columns), output.Type);
        plan.ToWholeRows().Launch<T>(device, cost, input, packed, rows);
        long bytes = (plan.Splits + 1L) * contraction.Rows * contraction.Columns * output.Type.Bytes();
        Cost summing = WithPassengers(new Cost(0, bytes, cost.Direction), output, plus, sums);
        if (plan.SharesTiles && contraction.StoresQuads)
            SumInTiles<T>(device, plan, summing, rows, output, plus, sums);
        else
            SumRows<T>(device, plan, summing, rows, output, plus);
        tape.Release(rows);
    }

    // With what adding and summing on the way cost.
    private static Cost WithPassengers(Cost cost, Tensor output, Tensor? plus, SliceSums? sums)
    {
        long elements = output.Shape.Count, flops = 0, numbers = 0;
        if (plus is not null)
            (flops, numbers) = (elements, elements);
        if (sums is not null)
        {
            flops += sums.FlopsPerElement * elements;
            numbers += sums.Partials.Shape.Count + (sums.Behind is null ? 0 : elements + (3 * output.Shape.C));
        }

        return cost with { Flops = cost.Flops + flops, Bytes = cost.Bytes + (numbers * output.Type.Bytes()) };
    }

    private static void SumInTiles<T>(
        ComputeDevice device, ContractionPlan plan, Cost cost, Tensor rows, Tensor output, Tensor? plus, SliceSums? sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Contraction contraction = plan.Output;
        SumTiles tiles = new(in contraction, plan.Splits, plus is not null);
        device.Launch(
            sums switch
            {
                null => SumTilesKernels.SumRows<T, NoSums>,
                { Behind: null } => SumTilesKernels.SumRows<T, Moments>,
                _ => SumTilesKernels.SumRows<T, RectifiedGradients>,
            },
            new LaunchGrid(tiles.Groups, SumTiles.Items, SumTiles.SharedBytes(output.Type.Bytes())), cost,
            rows.View<T>(), (sums?.Behind?.X ?? plus ?? output).View<T>(), output.View<T>(),
            (sums?.Behind?.Statistics ?? output).View<T>(), (sums?.Partials ?? output).View<T>(), contraction, tiles);
    }

    private static void SumRows<T>(ComputeDevice device, ContractionPlan plan, Cost cost, Tensor rows, Tensor output, Tensor? plus)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Contraction contraction = plan.Output;
        (int rowsPerItem, int columnsPerItem) = device.Traits.IsCpuLike ? (512, contraction.Columns) : (1, 1);
        int chunks = (contraction.Rows + rowsPerItem - 1) / rowsPerItem;
        device.Launch(
            PackingKernels.SumRows, device.Grid(chunks * (contraction.Columns / columnsPerItem)), cost,
            rows.View<T>(), (plus ?? output).View<T>(), output.View<T>(), contraction, rowsPerItem, columnsPerItem, plan.Splits,
            plus is null ? 0 : 1);
    }
}
