using System.Numerics;

namespace Deat.Engine;

/// <summary>The launches of <see cref="ConvolutionAlgorithm.Tiled"/>.</summary>
internal static class TiledConvolution
{
    /// <summary>Packs the weights, contracts the input with them, gives the packed copy back.</summary>
    public static void Convolve<T>(
        Tape tape, PackedWeights order, Tensor weights, Tensor input, Tensor output, IEnumerable<Contraction> contractions, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        Tensor packed = tape.Plain(new Shape(1, order.Length), weights.Type);
        device.Launch(
            PackingKernels.Pack, device.Grid(order.Tiles * order.Inputs),
            new Cost(0, (weights.Shape.Count + order.Length) * weights.Type.Bytes(), cost.Direction),
            weights.View<T>(), packed.View<T>(), order);
        foreach (Contraction contraction in contractions)
        {
            Contract(contraction, cost);
            cost = new Cost(0, 0, cost.Direction);
        }

        tape.Release(packed);

        void Contract(Contraction contraction, Cost price)
        {
            Tensor target = contraction.HasWholeTiles
                ? output
                : tape.Plain(new Shape(contraction.Rows, contraction.ColumnTiles * ContractionTile.Columns), output.Type);
            device.Launch(
                ContractionKernels.Contract, device.Grid(contraction.Items), price,
                input.View<T>(), packed.View<Lane8<T>>(), target.View<Lane8<T>>(),
                contraction.HasWholeTiles ? contraction : contraction.ToWholeRows());
            if (contraction.HasWholeTiles)
                return;
            int chunk = device.Traits.IsCpuLike ? 512 : 1;
            device.Launch(
                PackingKernels.CropColumns, device.Grid((contraction.Rows + chunk - 1) / chunk),
                new Cost(0, 2L * contraction.Rows * contraction.Columns * output.Type.Bytes(), price.Direction),
                target.View<T>(), output.View<T>(), contraction, chunk);
            tape.Release(target);
        }
    }

    /// <summary>Contracts the input with the output's gradient in splits of some images, and sums them in order.</summary>
    public static void WeightGradient<T>(Tape tape, ConvolutionGeometry g, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        Contraction contraction = g.WeightGradient();
        Tensor partials = tape.Plain(new Shape(contraction.Splits, (int)dw.Shape.Count), dw.Type);
        device.Launch(
            ContractionKernels.Contract, device.Grid(contraction.Items), cost,
            x.View<T>(), dy.View<Lane8<T>>(), partials.View<Lane8<T>>(), contraction);
        PackedWeights order = PackedWeights.Forward(g);
        device.Launch(
            PackingKernels.SumSplits, device.Grid(order.Tiles * order.Inputs),
            new Cost(0, (contraction.Splits + 1) * dw.Shape.Count * dw.Type.Bytes(), cost.Direction),
            partials.View<T>(), dw.View<T>(), order, contraction.Splits, contraction.OSplit);
        tape.Release(partials);
    }
}
