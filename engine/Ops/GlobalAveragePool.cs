using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>The mean over each channel's pixels: y[n,c] = sum over h, w of x[n,c,h,w] / (H W); dx[n,c,h,w] = dy[n,c] / (H W).</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <returns>[N, C, 1, 1]</returns>
    public static Tensor GlobalAveragePool(Tape tape, Tensor x)
    {
        Tensor y = tape.Activation(new Shape(x.Shape.N, x.Shape.C), x.Type);
        int width = x.Device.Traits.LaneWidth(x.Layout.Block);
        Dispatch.Run(x.Type, width, new GlobalAveragePoolLaunch(x, y, Direction.Forward));
        return tape.Record(y, [x], dy =>
        {
            tape.HasRead(x);
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width, new GlobalAveragePoolLaunch(dx, dy, Direction.InputGradient));
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
            ImageLanes images = new(Pixels.Layout, TLane.Width, device.Traits.IsCpuLike);
            device.Launch(
                Direction == Direction.Forward
                    ? GlobalAveragePoolKernels.AveragePixels<T, TLane> : GlobalAveragePoolKernels.SpreadGradient<T, TLane>,
                device.Grid(images.Items),
                new Cost(Pixels.Shape.Count, (Pixels.Shape.Count + Means.Shape.Count) * Pixels.Type.Bytes(), Direction),
                Pixels.View<TLane>(), Means.View<TLane>(), T.CreateChecked(1.0 / Pixels.Shape.Pixels), images);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class GlobalAveragePoolKernels
{
    public static void AveragePixels<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> y, T share, ImageLanes images)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= images.Items)
            return;
        int lastImage = images.LastImage(item);
        int lastLane = images.LastLane(item);
        for (int image = images.FirstImage(item); image <= lastImage; image++)
        {
            for (int lane = images.FirstLane(item); lane <= lastLane; lane++)
            {
                TLane sum = TLane.Splat(T.Zero);
                int row = images.Start(image, lane);
                for (int h = 0; h < images.Rows; h++, row += images.RowStride)
                {
                    for (int w = 0, i = row; w < images.Columns; w++, i += images.LanesPerBlock)
                        sum += Real.Load(x, i);
                }

                Real.Store(y, (image * images.Lanes) + lane, sum * TLane.Splat(share));
            }
        }
    }

    public static void SpreadGradient<T, TLane>(ArrayView<TLane> dx, ArrayView<TLane> dy, T share, ImageLanes images)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= images.Items)
            return;
        int lastImage = images.LastImage(item);
        int lastLane = images.LastLane(item);
        for (int image = images.FirstImage(item); image <= lastImage; image++)
        {
            for (int lane = images.FirstLane(item); lane <= lastLane; lane++)
            {
                TLane gradient = Real.Load(dy, (image * images.Lanes) + lane) * TLane.Splat(share);
                int row = images.Start(image, lane);
                for (int h = 0; h < images.Rows; h++, row += images.RowStride)
                {
                    for (int w = 0, i = row; w < images.Columns; w++, i += images.LanesPerBlock)
                        Real.Store(dx, i, gradient);
                }
            }
        }
    }
}
