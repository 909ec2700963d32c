namespace Deat.Engine;

/// <summary>The launches of <see cref="ConvolutionAlgorithm.TensorCore"/>, in the precision of the tape.</summary>
internal static class TensorCoreConvolution
{
    /// <summary>Channels and filters in sixteens, all of a pixel side by side, and padding that fits the border.</summary>
    public static bool Fits(ConvolutionGeometry g) => g.Traits.HasTensorCores && g.FitsBorders
        && g.X.Block == g.X.Shape.C && g.Y.Block == g.Y.Shape.C
        && g.Weights.C % ContractionTile.Columns == 0 && g.Weights.N % ContractionTile.Columns == 0;

    /// <summary>In BF16 the weight gradient takes pixels or images in pairs, and zeros from the border of the output's gradient.</summary>
    public static bool FitsWeightGradient(ConvolutionGeometry g, Precision precision) => precision == Precision.TensorFloat32
        || (g.Y.Border > 0 && (g.Y.Shape.N % 2 == 0 || g.Y.Shape.H % 2 == 0 || g.Y.Shape.W % 2 == 0));

    /// <summary>Packs the weights and contracts the input with them: the convolution forwards or backwards.</summary>
    public static void Convolve(
        Tape tape, PackedWeights order, Tensor weights, Tensor input, Tensor output, IEnumerable<Contraction> contractions, Cost cost)
    {
        if (tape.Precision == Precision.BFloat16)
            Convolve<BFloat16>(tape, order, weights, input, output, contractions, cost);
        else
            Convolve<TensorFloat32>(tape, order, weights, input, output, contractions, cost);
    }

    /// <summary>Contracts the input with the output's gradient in splits, which the tape sums in order.</summary>
    public static void WeightGradient(Tape tape, ConvolutionGeometry g, Tensor x, Tensor dy, Tensor dw, Cost cost)
    {
        if (tape.Precision == Precision.BFloat16)
            WeightGradient<BFloat16>(tape, g, x, dy, dw, cost);
        else
            WeightGradient<TensorFloat32>(tape, g, x, dy, dw, cost);
    }

    private static void Convolve<TPrecision>(
        Tape tape, PackedWeights order, Tensor weights, Tensor input, Tensor output, IEnumerable<Contraction> contractions, Cost cost)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ComputeDevice device = tape.Device;
        TensorWeights words = new(order, TPrecision.PerWord);
        Tensor packed = tape.Scratch(new Shape(1, words.Length), ElementType.Float32);
        device.Launch(
            TensorCoreKernels.Pack<TPrecision>, device.Grid(words.Items),
            new Cost(0, (weights.Shape.Count + words.Length) * sizeof(float), cost.Direction),
            weights.View<int>(), packed.View<Words4>(), words);
        foreach (Contraction contraction in contractions)
        {
            TensorContraction tiles = TensorContraction.OverChannels(in contraction, in words);
            device.Launch(
                TensorCoreKernels.Contract<TPrecision, ChannelOrder>, Grid(tiles), cost,
                input.View<Words4>(), packed.View<Words4>(), output.View<Words4>(), tiles);
            cost = new Cost(0, 0, cost.Direction);
        }

        tape.Release(packed);
    }

    private static void WeightGradient<TPrecision>(Tape tape, ConvolutionGeometry g, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ComputeDevice device = tape.Device;
        Contraction contraction = g.WeightGradient();
        TensorContraction tiles = TensorContraction.OverPixels(in contraction, TPrecision.PerWord);
        Tensor partials = tape.Scratch(new Shape(tiles.Splits, (int)dw.Shape.Count), dw.Type);
        device.Launch(
            TensorCoreKernels.Contract<TPrecision, PixelOrder>, Grid(tiles), cost,
            x.View<Words4>(), dy.View<Words4>(), partials.View<Words4>(), tiles);
        tape.Splits.Add(new SplitGradient(partials, dw, PackedWeights.Forward(g), tiles.Splits, tiles.OSplit));
    }

    private static LaunchGrid Grid(TensorContraction tiles) => new(tiles.Groups, TensorTile.Items, TensorTile.SharedChunks * 16);
}
