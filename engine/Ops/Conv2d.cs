using System.Numerics;

namespace Deat.Engine;

/// <summary>Which kernels compute a convolution.</summary>
public enum ConvolutionAlgorithm
{
    /// <summary>The fastest that fits the device and the shape.</summary>
    Auto,

    /// <summary>Register tiles over packed weights; needs the padding to fit the border of the activations.</summary>
    Tiled,

    /// <summary>
    /// <see cref="Deat.Engine.Winograd"/>: 3x3 windows with padding 1 and stride 1 over even images, or stride 2 over those of whole tiles
    /// of 4x4 pixels; channels and filters in sixteens. Fewer products, hence other rounding; with stride 1 a NaN spreads over the 2x2
    /// pixels of its tile.
    /// </summary>
    Winograd,

    /// <summary>
    /// The same with tiles of 4x4 pixels, forwards and for the input's gradient: images of whole tiles. Fewer products still, and more
    /// rounding.
    /// </summary>
    Winograd4,

    /// <summary>
    /// Tensor cores, in the precision of the tape: channels and filters in sixteens, padding that fits the border. The input's gradient and
    /// the weights' are computed in the same precision.
    /// </summary>
    TensorCore,

    /// <summary>One work-item per element, straight from the definition: any shape, and the reference of the others.</summary>
    Direct,
}

public static partial class Ops
{
    /// <summary>
    /// 2-D cross-correlation without bias, as torch.nn.functional.conv2d:
    /// y[n,k,p,q] = sum over c, r, s of x[n, c, p * stride - padding + r, q * stride - padding + s] * w[k,c,r,s], zero outside x;
    /// on request with the sum at the end of a residual block, y + plus, whose gradient passes to plus unchanged.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">Input [N, C, H, W].</param>
    /// <param name="w">Weights [K, C, R, S], plain.</param>
    /// <param name="stride">Pixels from one output to the next, both ways.</param>
    /// <param name="padding">Zeros around x, both ways.</param>
    /// <param name="algorithm">The kernels; one that does not fit is refused.</param>
    /// <param name="plus">What the result is added to, in its shape; null if nothing.</param>
    /// <param name="normalised">
    /// Whether a batch normalisation in training takes the result: where kernels can, they find its moments on the way.
    /// </param>
    /// <returns>[N, K, (H + 2 padding - R) / stride + 1, (W + 2 padding - S) / stride + 1]</returns>
    /// <exception cref="ArgumentException">Shapes or types do not match, or the window is larger than the padded input.</exception>
    public static Tensor Conv2d(
        Tape tape, Tensor x, Tensor w, int stride, int padding, ConvolutionAlgorithm algorithm = ConvolutionAlgorithm.Auto,
        Tensor? plus = null, bool normalised = false)
    {
        Require.That(w.Shape.C == x.Shape.C, nameof(Conv2d), $"weights over {x.Shape.C} channels", w.Shape);
        Require.That(x.Type == w.Type, nameof(Conv2d), x.Type, w.Type);
        Require.That(stride > 0 && padding >= 0, nameof(Conv2d), "stride > 0 and padding >= 0", (stride, padding));
        Require.That(
            x.Shape.H + (2 * padding) >= w.Shape.H && x.Shape.W + (2 * padding) >= w.Shape.W,
            nameof(Conv2d), $"a window within {x.Shape} padded by {padding}", w.Shape);
        ConvolutionGeometry g = new(x.Layout, w.Shape, stride, padding, tape.Device.Traits);
        Precision precision = x.Type == ElementType.Float32 ? tape.Precision : Precision.Float32;
        ConvolutionAlgorithm chosen = algorithm == ConvolutionAlgorithm.Auto
            ? Convolutions.Choose(g, precision, tape.Device.Convolution)
            : algorithm;
        Require.That(
            Convolutions.Fits(chosen, g, precision), nameof(Conv2d), $"a convolution that fits {chosen}",
            (x.Shape, w.Shape, stride, padding));

        Require.That(plus is null || (plus.Layout == g.Y && plus.Type == x.Type), nameof(Conv2d), g.Y, plus?.Layout);

        Tensor y = tape.Allocate(g.Y, x.Type);
        Dispatch.Run(x.Type, width: 8, new ConvolutionForward(tape, g, chosen, x, w, plus, y, new WantedSums(normalised)));
        return tape.Record(y, plus is null ? [x, w] : [x, w, plus], dy =>
        {
            if (plus is not null && tape.Needs(plus))
                tape.Accumulate(plus, dy);
            if (tape.Needs(w))
                tape.WriteGradient(w, dw => Dispatch.Run(
                    x.Type, width: 8, new ConvolutionWeightGradient(tape, g, chosen, tape.Again(x), dy, dw)));
            if (!tape.Needs(x))
                return;
            tape.HasRead(x);
            if (chosen == ConvolutionAlgorithm.Tiled && PointwiseGradient.Fits(g))
            {
                tape.Accumulate(x, upstream: null, (before, dx) => PointwiseGradient.Write(tape, g, dy, w, before, dx));
                return;
            }

            Tensor dx = tape.Allocate(x.Layout, x.Type);
            WantedSums wanted = new(Moments: false, tape.NormalisedFrom(x));
            Dispatch.Run(x.Type, width: 8, new ConvolutionInputGradient(tape, g, chosen, dy, w, dx, wanted));
            tape.Accumulate(x, dx);
        });
    }

    private readonly record struct ConvolutionForward(
        Tape Tape, ConvolutionGeometry G, ConvolutionAlgorithm Algorithm, Tensor X, Tensor W, Tensor? Plus, Tensor Y, WantedSums Wanted)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Cost cost = new(G.Flops, G.Bytes(X.Type.Bytes()));
            switch (Algorithm)
            {
                case ConvolutionAlgorithm.Winograd when G.Stride == 2:
                    WinogradConvolution.Convolve<T, StridedTile>(Tape, WinogradWeights.Forward(W.Shape), W, X, Y, cost);
                    break;
                case ConvolutionAlgorithm.Winograd:
                    WinogradConvolution.Convolve<T, WinogradTile2>(Tape, WinogradWeights.Forward(W.Shape), W, X, Y, cost);
                    break;
                case ConvolutionAlgorithm.Winograd4:
                    WinogradConvolution.Convolve<T, WinogradTile4>(Tape, WinogradWeights.Forward(W.Shape), W, X, Y, cost);
                    break;
                case ConvolutionAlgorithm.Tiled:
                    TiledConvolution.Convolve<T>(
                        Tape, PackedWeights.Forward(G), W, X, Y, [ContractionPlan.Filling(G.Forward(), G.Traits)], cost, Plus, Wanted);
                    return;
                case ConvolutionAlgorithm.TensorCore:
                    TensorCoreConvolution.Convolve(Tape, PackedWeights.Forward(G), W, X, Y, [G.Forward()], cost);
                    break;
                default:
                    Tape.Device.Launch(
                        DirectConvolutionKernels.Convolve, Tape.Device.Grid((int)Y.Shape.Count), cost,
                        X.View<T>(), W.View<T>(), Y.View<T>(), new DirectGeometry(G));
                    break;
            }

            if (Plus is not null)
                AddInto(Y, Y, Plus, Direction.Forward);
        }
    }

    private readonly record struct ConvolutionInputGradient(
        Tape Tape, ConvolutionGeometry G, ConvolutionAlgorithm Algorithm, Tensor Dy, Tensor W, Tensor Dx, WantedSums Wanted)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Cost cost = new(G.Flops, G.Bytes(Dx.Type.Bytes()), Direction.InputGradient);
            switch (Algorithm)
            {
                case ConvolutionAlgorithm.Winograd when G.Stride == 2:
                    WinogradConvolution.Convolve<T, StridedGradientTile>(Tape, WinogradWeights.InputGradient(W.Shape), W, Dy, Dx, cost);
                    break;
                case ConvolutionAlgorithm.Winograd:
                    WinogradConvolution.Convolve<T, WinogradTile2>(Tape, WinogradWeights.InputGradient(W.Shape), W, Dy, Dx, cost);
                    break;
                case ConvolutionAlgorithm.Winograd4:
                    WinogradConvolution.Convolve<T, WinogradTile4>(Tape, WinogradWeights.InputGradient(W.Shape), W, Dy, Dx, cost);
                    break;
                case ConvolutionAlgorithm.Tiled when FoldedConvolution.Pays(G):
                    FoldedConvolution.InputGradient<T>(Tape, G, Dy, W, Dx, cost);
                    break;
                case ConvolutionAlgorithm.Tiled:
                    TiledConvolution.Convolve<T>(
                        Tape, PackedWeights.InputGradient(G), W, Dy, Dx, ContractionPlan.FillingInputGradient(G), cost, plus: null,
                        Wanted);
                    break;
                case ConvolutionAlgorithm.TensorCore:
                    TensorCoreConvolution.Convolve(Tape, PackedWeights.InputGradient(G), W, Dy, Dx, G.InputGradient(), cost);
                    break;
                default:
                    Tape.Device.Launch(
                        DirectConvolutionKernels.InputGradient, Tape.Device.Grid((int)Dx.Shape.Count), cost,
                        Dy.View<T>(), W.View<T>(), Dx.View<T>(), new DirectGeometry(G));
                    break;
            }
        }
    }

    private readonly record struct ConvolutionWeightGradient(
        Tape Tape, ConvolutionGeometry G, ConvolutionAlgorithm Algorithm, Tensor X, Tensor Dy, Tensor Dw)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Cost cost = new(G.Flops, G.Bytes(X.Type.Bytes()), Direction.WeightGradient);
            switch (Algorithm)
            {
                case ConvolutionAlgorithm.Winograd when G.Stride == 2:
                    WinogradConvolution.WeightGradient<T, StridedTile>(Tape, X, Dy, Dw, cost);
                    break;
                case ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.Winograd4:
                    WinogradConvolution.WeightGradient<T, WinogradTile2>(Tape, X, Dy, Dw, cost);
                    break;
                case ConvolutionAlgorithm.TensorCore when TensorCoreConvolution.FitsWeightGradient(G, Tape.Precision):
                    TensorCoreConvolution.WeightGradient(Tape, G, X, Dy, Dw, cost);
                    break;
                case ConvolutionAlgorithm.Tiled or ConvolutionAlgorithm.TensorCore:
                    TiledConvolution.WeightGradient<T>(Tape, G, X, Dy, Dw, cost);
                    break;
                default:
                    Tape.Device.Launch(
                        DirectConvolutionKernels.WeightGradient, Tape.Device.Grid((int)Dw.Shape.Count), cost,
                        X.View<T>(), Dy.View<T>(), Dw.View<T>(), new DirectGeometry(G));
                    break;
            }
        }
    }
}

/// <summary>Which algorithm computes a convolution.</summary>
internal static class Convolutions
{
    public static bool Fits(ConvolutionAlgorithm algorithm, ConvolutionGeometry g, Precision precision) => algorithm switch
    {
        ConvolutionAlgorithm.TensorCore => precision != Precision.Float32 && TensorCoreConvolution.Fits(g),
        ConvolutionAlgorithm.Winograd => Winograd.Fits<WinogradTile2>(g) || Winograd.Fits<StridedTile>(g),
        ConvolutionAlgorithm.Winograd4 => Winograd.Fits<WinogradTile4>(g),
        ConvolutionAlgorithm.Tiled => g.FitsBorders,
        _ => true,
    };

    /// <summary>What the environment variable <paramref name="variable"/> names; Auto without it.</summary>
    /// <exception cref="DeviceException">It names none.</exception>
    public static ConvolutionAlgorithm FromEnvironment(string variable)
    {
        string? text = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(text))
            return ConvolutionAlgorithm.Auto;
        string[] names = [.. Enum.GetNames<ConvolutionAlgorithm>().Select(name => name.ToLowerInvariant())];
        return names.Contains(text)
            ? Enum.Parse<ConvolutionAlgorithm>(text, ignoreCase: true)
            : throw new DeviceException($"{variable} is '{text}'; it can be {string.Join(", ", names)}");
    }

    public static ConvolutionAlgorithm Choose(
        ConvolutionGeometry g, Precision precision, ConvolutionAlgorithm wanted = ConvolutionAlgorithm.Auto)
    {
        if (wanted != ConvolutionAlgorithm.Auto && Fits(wanted, g, precision))
            return wanted;
        if (Fits(ConvolutionAlgorithm.TensorCore, g, precision))
            return ConvolutionAlgorithm.TensorCore;
        int least = g.Stride == 1 ? g.Traits.WinogradChannels : g.Traits.StridedWinogradChannels;
        if (Fits(ConvolutionAlgorithm.Winograd, g, precision) && Math.Min(g.Weights.C, g.Weights.N) >= least)
            return LargeTilesPay(g) ? ConvolutionAlgorithm.Winograd4 : ConvolutionAlgorithm.Winograd;
        return g.FitsBorders ? ConvolutionAlgorithm.Tiled : ConvolutionAlgorithm.Direct;
    }

    // Products and transforms of activations shrink with the larger tiles, but transformed weights grow from 16 to 36 places: measured at
    // batches 8, 32 and 128, they pay from one tile for four channels on. That is asked for 16 images, whatever the batch: what becomes
    // of an image must not depend on how many others there are.
    private static bool LargeTilesPay(ConvolutionGeometry g) =>
        Winograd.Fits<WinogradTile4>(g)
        && 4L * Winograd.Tiles(g.X.Shape with { N = 16 }, WinogradTile4.OutputPitch) >= Math.Max(g.Weights.C, g.Weights.N);
}
