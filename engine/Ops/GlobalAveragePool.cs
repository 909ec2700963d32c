using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>The mean over the pixels of each channel: y[n,c] = sum over h, w of x[n,c,h,w] / (H W); dx[n,c,h,w] = dy[n,c] / (H W).</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <returns>[N, C, 1, 1]</returns>
    public static Tensor GlobalAveragePool(Tape tape, Tensor x)
    {
        Tensor y = tape.Activation(new Shape(x.Shape.N, x.Shape.C), x.Type);
        bool wide = x.Device.Traits.UsesWideLanes(x.Layout);
        Dispatch.Run(x.Type, wide, new GlobalAveragePoolLaunch(x, y, Direction.Forward));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, wide, new GlobalAveragePoolLaunch(dx, dy, Direction.InputGradient));
            tape.Accumulate(x, dx);
        });
    }

    /// <summary>Forward from pixels to their mean, backward from the mean's gradient to the pixels.</summary>
    private readonly record struct GlobalAveragePoolLaunch(Tensor Pixels, Tensor Means, Direction Direction) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Pixels.Device;
            PoolGeometry g = PoolGeometry.Of(Pixels.Layout, TLane.Width);
            device.Launch(
                Direction == Direction.Forward
                    ? GlobalAveragePoolKernels.AveragePixels<T, TLane> : GlobalAveragePoolKernels.SpreadGradient<T, TLane>,
                device.Grid(g.Items),
                new Cost(Pixels.Shape.Count, (Pixels.Shape.Count + Means.Shape.Count) * Pixels.Type.Bytes(), Direction),
                Pixels.View<TLane>(), Means.View<TLane>(), g, T.CreateChecked(1.0 / Pixels.Shape.Pixels));
        }
    }
}

/// <summary>An activation as the pooling kernels see it; strides in lanes, one item for each lane of each image.</summary>
internal readonly record struct PoolGeometry(
    int Items, int LanesPerImage, int LanesPerBlock, int Image, int Block, int Row, int Origin, int Height, int Width)
{
    public static PoolGeometry Of(Layout l, int lane) => new(
        l.Shape.N * l.Shape.C / lane, l.Shape.C / lane, l.Block / lane, l.ImageStride / lane, l.BlockStride / lane, l.RowStride / lane,
        l.Origin / lane, l.Shape.H, l.Shape.W);

    public int Start(int item)
    {
        int image = item / LanesPerImage;
        int lane = item - (image * LanesPerImage);
        int block = lane / LanesPerBlock;
        return Origin + (image * Image) + (block * Block) + lane - (block * LanesPerBlock);
    }
}

[ExcludeFromCodeCoverage]
internal static class GlobalAveragePoolKernels
{
    public static void AveragePixels<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> y, PoolGeometry g, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        TLane sum = TLane.Splat(T.Zero);
        int row = g.Start(item);
        for (int h = 0; h < g.Height; h++, row += g.Row)
        {
            for (int w = 0; w < g.Width; w++)
                sum += Real.Load(x, row + (w * g.LanesPerBlock));
        }

        Real.Store(y, item, sum * TLane.Splat(share));
    }

    public static void SpreadGradient<T, TLane>(ArrayView<TLane> dx, ArrayView<TLane> dy, PoolGeometry g, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        TLane gradient = Real.Load(dy, item) * TLane.Splat(share);
        int row = g.Start(item);
        for (int h = 0; h < g.Height; h++, row += g.Row)
        {
            for (int w = 0; w < g.Width; w++)
                Real.Store(dx, row + (w * g.LanesPerBlock), gradient);
        }
    }
}
