using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean of each window of windows side by side, as torch.nn.functional.avg_pool2d:
    /// y[n,c,p,q] = sum over r, s of x[n, c, p * window + r, q * window + s] / window^2. Rows and columns that fill no window are left out,
    /// and their gradient is zero.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="window">Rows and columns of a window.</param>
    /// <returns>[N, C, H / window, W / window]</returns>
    /// <exception cref="ArgumentException">The window is larger than the input.</exception>
    public static Tensor AveragePool(Tape tape, Tensor x, int window)
    {
        Require.That(window > 0, nameof(AveragePool), "window > 0", window);
        Tensor y = Pooled(nameof(AveragePool), tape, x, new PoolWindows(window, window, Padding: 0));
        int width = x.Device.Traits.LaneWidth(x.Layout.Block);
        Dispatch.Run(x.Type, width, new AveragePoolLaunch(x, y, window, Direction.Forward));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width, new AveragePoolLaunch(dx, dy, window, Direction.InputGradient));
            tape.Accumulate(x, dx);
        });
    }

    /// <summary>Forward from pixels to the means of windows, backward from the means' gradients to the pixels.</summary>
    private readonly record struct AveragePoolLaunch(Tensor Pixels, Tensor Means, int Window, Direction Direction) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Pixels.Device;
            bool fat = device.Traits.IsCpuLike, isForward = Direction == Direction.Forward;
            PixelRuns runs = new(isForward ? Means.Layout : Pixels.Layout, TLane.Width, fat);
            device.Launch(
                isForward ? AveragePoolKernels.AverageWindows<T, TLane> : AveragePoolKernels.SpreadGradient<T, TLane>,
                device.Grid(runs.Items),
                new Cost(Pixels.Shape.Count, (Pixels.Shape.Count + Means.Shape.Count) * Pixels.Type.Bytes(), Direction),
                Pixels.View<TLane>(), Means.View<TLane>(), T.CreateChecked(1.0 / (Window * Window)), Window,
                LanePlaces.Of(Pixels.Layout, TLane.Width, fat), LanePlaces.Of(Means.Layout, TLane.Width, fat), runs);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class AveragePoolKernels
{
    // An item: a run of y.
    public static void AverageWindows<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> y, T share, int window, LanePlaces pixels, LanePlaces means, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        int source = pixels.Start(run.Image, run.Group, run.Row * window);
        int target = means.Start(run.Image, run.Group, run.Row);
        for (int q = run.Column; q < run.Column + runs.Columns; q++)
        {
            for (int lane = 0; lane < runs.Lanes; lane++)
            {
                TLane sum = TLane.Splat(T.Zero);
                int row = source + (q * window * pixels.Column) + lane;
                for (int r = 0; r < window; r++, row += pixels.Row)
                {
                    for (int s = 0, i = row; s < window; s++, i += pixels.Column)
                        sum += Real.Load(x, i);
                }

                Real.Store(y, target + (q * means.Column) + lane, sum * TLane.Splat(share));
            }
        }
    }

    // An item: a run of x.
    public static void SpreadGradient<T, TLane>(
        ArrayView<TLane> dx, ArrayView<TLane> dy, T share, int window, LanePlaces pixels, LanePlaces means, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        int p = run.Row / window;
        int source = means.Start(run.Image, run.Group, p);
        int target = pixels.Start(run.Image, run.Group, run.Row);
        for (int w = run.Column; w < run.Column + runs.Columns; w++)
        {
            int q = w / window;
            bool isInside = p < means.Rows && q < means.Columns;
            for (int lane = 0; lane < runs.Lanes; lane++)
            {
                TLane gradient = TLane.Splat(T.Zero);
                if (isInside)
                    gradient = Real.Load(dy, source + (q * means.Column) + lane) * TLane.Splat(share);
                Real.Store(dx, target + (w * pixels.Column) + lane, gradient);
            }
        }
    }
}
