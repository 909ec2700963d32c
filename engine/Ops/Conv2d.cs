using System.Numerics;

namespace Deat.Engine;

/// <summary>Which kernels compute a convolution.</summary>
public enum ConvolutionAlgorithm
{
    /// <summary>The fastest that fits the device and the shape.</summary>
    Auto,

    /// <summary>Register tiles over packed weights; needs the padding to fit the border of the activations.</summary>
    Tiled,

    /// <summary>One work-item per element, straight from the definition: any shape, and the reference of the others.</summary>
    Direct,
}

public static partial class Ops
{
    /// <summary>
    /// 2-D cross-correlation without bias, as torch.nn.functional.conv2d:
    /// y[n,k,p,q] = sum over c, r, s of x[n, c, p * stride - padding + r, q * stride - padding + s] * w[k,c,r,s], zero outside x.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">Input [N, C, H, W].</param>
    /// <param name="w">Weights [K, C, R, S], plain.</param>
    /// <param name="stride">Pixels from one output to the next, both ways.</param>
    /// <param name="padding">Zeros around x, both ways.</param>
    /// <param name="algorithm">The kernels; <see cref="ConvolutionAlgorithm.Tiled"/> fails where it does not fit.</param>
    /// <returns>[N, K, (H + 2 padding - R) / stride + 1, (W + 2 padding - S) / stride + 1]</returns>
    /// <exception cref="ArgumentException">Shapes or types do not match, or the window is larger than the padded input.</exception>
    public static Tensor Conv2d(
        Tape tape, Tensor x, Tensor w, int stride, int padding, ConvolutionAlgorithm algorithm = ConvolutionAlgorithm.Auto)
    {
        Require.That(w.Shape.C == x.Shape.C, nameof(Conv2d), $"weights over {x.Shape.C} channels", w.Shape);
        Require.That(x.Type == w.Type, nameof(Conv2d), x.Type, w.Type);
        Require.That(stride > 0 && padding >= 0, nameof(Conv2d), "stride > 0 and padding >= 0", (stride, padding));
        Require.That(
            x.Shape.H + (2 * padding) >= w.Shape.H && x.Shape.W + (2 * padding) >= w.Shape.W,
            nameof(Conv2d), $"a window within {x.Shape} padded by {padding}", w.Shape);
        ConvolutionGeometry g = new(x.Layout, w.Shape, stride, padding, tape.Device.Traits);
        Require.That(algorithm != ConvolutionAlgorithm.Tiled || g.FitsBorders, nameof(Conv2d), "padding within the border", padding);
        bool tiled = algorithm != ConvolutionAlgorithm.Direct && g.FitsBorders;

        Tensor y = tape.Allocate(g.Y, x.Type);
        Run(new ConvolutionForward(tape, g, tiled, x, w, y));
        return tape.Record(y, [x, w], dy =>
        {
            if (tape.Needs(x))
            {
                Tensor dx = tape.Allocate(x.Layout, x.Type);
                Run(new ConvolutionInputGradient(tape, g, tiled, dy, w, dx));
                tape.Accumulate(x, dx);
            }

            if (tape.Needs(w))
                tape.WriteGradient(w, dw => Run(new ConvolutionWeightGradient(tape, g, tiled && g.HasWholeTiles, x, dy, dw)));
        });

        void Run<TLaunch>(TLaunch launch)
            where TLaunch : struct, ITypedLaunch => Dispatch.Run(x.Type, wide: true, launch);
    }

    private readonly record struct ConvolutionForward(Tape Tape, ConvolutionGeometry G, bool Tiled, Tensor X, Tensor W, Tensor Y)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Cost cost = new(G.Flops, G.Bytes(X.Type.Bytes()));
            if (Tiled)
            {
                Convolutions.ContractPacked<T>(Tape, PackedWeights.Forward(G), W, X, Y, [G.Forward()], cost);
            }
            else
            {
                DirectGeometry direct = new(G);
                Tape.Device.Launch(
                    DirectConvolutionKernels.Convolve, Tape.Device.Grid((int)Y.Shape.Count), cost,
                    X.View<T>(), W.View<T>(), Y.View<T>(), direct);
            }
        }
    }

    private readonly record struct ConvolutionInputGradient(Tape Tape, ConvolutionGeometry G, bool Tiled, Tensor Dy, Tensor W, Tensor Dx)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Cost whole = new(G.Flops, G.Bytes(Dx.Type.Bytes()), Direction.InputGradient);
            if (!Tiled)
            {
                DirectGeometry direct = new(G);
                Tape.Device.Launch(
                    DirectConvolutionKernels.InputGradient, Tape.Device.Grid((int)Dx.Shape.Count), whole,
                    Dy.View<T>(), W.View<T>(), Dx.View<T>(), direct);
                return;
            }

            Convolutions.ContractPacked<T>(Tape, PackedWeights.InputGradient(G), W, Dy, Dx, G.InputGradient(), whole);
        }
    }

    private readonly record struct ConvolutionWeightGradient(Tape Tape, ConvolutionGeometry G, bool Tiled, Tensor X, Tensor Dy, Tensor Dw)
        : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Tape.Device;
            Cost cost = new(G.Flops, G.Bytes(X.Type.Bytes()), Direction.WeightGradient);
            if (!Tiled)
            {
                DirectGeometry direct = new(G);
                device.Launch(
                    DirectConvolutionKernels.WeightGradient, device.Grid((int)Dw.Shape.Count), cost,
                    X.View<T>(), Dy.View<T>(), Dw.View<T>(), direct);
                return;
            }

            Contraction contraction = G.WeightGradient();
            Tensor partials = Tape.Plain(new Shape(contraction.Splits, (int)Dw.Shape.Count), Dw.Type);
            device.Launch(
                ContractionKernels.Contract, device.Grid(contraction.Items), cost,
                X.View<T>(), Dy.View<Lane8<T>>(), partials.View<Lane8<T>>(), contraction);
            PackedWeights order = PackedWeights.Forward(G);
            int items = order.Tiles * order.Inputs;
            device.Launch(
                PackingKernels.SumSplits, device.Grid(items),
                new Cost(0, (contraction.Splits + 1) * Dw.Shape.Count * Dw.Type.Bytes(), Direction.WeightGradient),
                partials.View<T>(), Dw.View<T>(), order, contraction.Splits, contraction.OSplit);
            Tape.Release(partials);
        }
    }
}

/// <summary>What the directions share.</summary>
internal static class Convolutions
{
    /// <summary>Packs the weights, contracts the input with them, gives the packed copy back.</summary>
    public static void ContractPacked<T>(
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
}
