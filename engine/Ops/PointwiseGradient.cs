using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The input's gradient of a convolution of one tap with a stride, the shortcut of a residual network, on CPU-like devices: where only one
/// pixel of stride x stride has one, it is computed in the output's size, and then spread, or added to what is there.
/// <code>
/// t[n,c,p,q] = sum over k of dy[n,k,p,q] * w[k,c]
/// dx[n,c,p stride,q stride] = before + t[n,c,p,q], all other places before; zero where there was nothing before
/// </code>
/// </summary>
internal static class PointwiseGradient
{
    public static bool Fits(ConvolutionGeometry g) =>
        g.Traits.IsCpuLike && g.Weights.Pixels == 1 && g.Stride > 1 && g.Padding == 0;

    /// <param name="tape">Owns the terms.</param>
    /// <param name="g">The convolution.</param>
    /// <param name="dy">The gradient of its output.</param>
    /// <param name="w">Its weights.</param>
    /// <param name="before">What the gradient is added to; null if nothing.</param>
    /// <param name="dx">The gradient; may be <paramref name="before"/>.</param>
    public static void Write(Tape tape, ConvolutionGeometry g, Tensor dy, Tensor w, Tensor? before, Tensor dx)
    {
        Tensor terms = tape.Allocate(g.Traits.LayoutFor(g.Y.Shape with { C = g.X.Shape.C }), dx.Type);
        ConvolutionGeometry dense = new(terms.Layout, g.Weights, stride: 1, padding: 0, g.Traits);
        Dispatch.Run(dx.Type, width: 1, new Terms(tape, dense, dy, w, terms));
        if (before is not null && before != dx)
            Ops.Keep(before, dx, Direction.InputGradient);
        Dispatch.Run(dx.Type, g.Traits.LaneWidth(dx.Layout.Block), new Spread(terms, dx, g.Stride, Adds: before is not null));
        tape.Release(terms);
    }

    private readonly record struct Terms(Tape Tape, ConvolutionGeometry G, Tensor Dy, Tensor W, Tensor Place) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => TiledConvolution.Convolve<T>(
                Tape, PackedWeights.InputGradient(G), W, Dy, Place, ContractionPlan.FillingInputGradient(G),
                new Cost(G.Flops, G.Bytes(Dy.Type.Bytes()), Direction.InputGradient));
    }

    private readonly record struct Spread(Tensor Pixels, Tensor Dx, int Stride, bool Adds) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Dx.Device;
            PixelRuns runs = new(Dx.Layout, TLane.Width, fat: true);
            long touched = Adds ? 3 * Pixels.Shape.Count : Pixels.Shape.Count + Dx.Shape.Count;
            device.Launch(
                SpreadKernels.Spread<T, TLane>, device.Grid(runs.Items),
                new Cost(Adds ? Pixels.Shape.Count : 0, touched * Dx.Type.Bytes(), Direction.InputGradient),
                Pixels.View<TLane>(), Dx.View<TLane>(), Stride, Adds ? 1 : 0, LanePlaces.Of(Pixels.Layout, TLane.Width, fat: true),
                LanePlaces.Of(Dx.Layout, TLane.Width, fat: true), runs);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class SpreadKernels
{
    /// <summary>
    /// An item, a run of <paramref name="dx"/>: pixels with zeros between them, or pixels added to what is there.
    /// </summary>
    public static void Spread<T, TLane>(
        ArrayView<TLane> pixels, ArrayView<TLane> dx, int stride, int adds, LanePlaces from, LanePlaces to, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        int p = run.Row / stride;
        bool hasRow = p * stride == run.Row;
        int source = from.Start(run.Image, run.Group, p);
        int target = to.Start(run.Image, run.Group, run.Row);
        for (int w = run.Column; w < run.Column + runs.Columns; w++)
        {
            int q = w / stride;
            bool hasPixel = hasRow && q * stride == w;
            if (adds != 0 && !hasPixel)
                continue;
            for (int lane = 0; lane < runs.Lanes; lane++)
            {
                int place = target + (w * to.Column) + lane;
                TLane value = adds != 0 ? Real.Load(dx, place) : TLane.Splat(T.Zero);
                if (hasPixel)
                    value += Real.Load(pixels, source + (q * from.Column) + lane);
                Real.Store(dx, place, value);
            }
        }
    }
}
