using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The largest value of each window, as torch.nn.functional.max_pool2d:
    /// y[n,c,p,q] = max over r, s of x[n, c, p * stride - padding + r, q * stride - padding + s], pixels outside x left out. The gradient
    /// goes to the first of the largest in the order r, s, and is summed where windows overlap. NaN is larger than all.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="window">Rows and columns of a window.</param>
    /// <param name="stride">Pixels from one window to the next, both ways.</param>
    /// <param name="padding">Rows and columns beyond x that windows may cover, at most half of the window.</param>
    /// <returns>[N, C, (H + 2 padding - window) / stride + 1, (W + 2 padding - window) / stride + 1]</returns>
    /// <exception cref="ArgumentException">The window is larger than the padded input, or the padding than half of the window.</exception>
    public static Tensor MaxPool(Tape tape, Tensor x, int window, int stride, int padding = 0)
    {
        Require.That(
            window > 0 && stride > 0 && padding >= 0 && 2 * padding <= window, nameof(MaxPool),
            "window > 0, stride > 0 and 0 <= padding <= window / 2", (window, stride, padding));
        PoolWindows windows = new(window, stride, padding);
        Tensor y = Pooled(nameof(MaxPool), tape, x, windows);
        int width = x.Device.Traits.LaneWidth(x.Layout.Block);
        Dispatch.Run(x.Type, width, new MaxPoolForward(x, y, windows));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width, new MaxPoolBackward(x, dy, dx, windows));
            tape.Accumulate(x, dx);
        });
    }

    private static Tensor Pooled(string op, Tape tape, Tensor x, PoolWindows windows)
    {
        (int rows, int columns) = (windows.Count(x.Shape.H), windows.Count(x.Shape.W));
        Require.That(rows > 0 && columns > 0, op, $"at least {windows.Size - (2 * windows.Padding)} rows and columns", x.Shape);
        return tape.Activation(x.Shape with { H = rows, W = columns }, x.Type);
    }

    private readonly record struct MaxPoolForward(Tensor X, Tensor Y, PoolWindows Windows) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            bool fat = X.Device.Traits.IsCpuLike;
            PixelRuns runs = new(Y.Layout, TLane.Width, fat);
            X.Device.Launch(
                MaxPoolKernels.Largest<T, TLane>, X.Device.Grid(runs.Items),
                new Cost(Windows.Size * Windows.Size * Y.Shape.Count, (X.Shape.Count + Y.Shape.Count) * X.Type.Bytes()),
                X.View<TLane>(), Y.View<TLane>(), LanePlaces.Of(X.Layout, TLane.Width, fat), LanePlaces.Of(Y.Layout, TLane.Width, fat),
                Windows, runs);
        }
    }

    private readonly record struct MaxPoolBackward(Tensor X, Tensor Dy, Tensor Dx, PoolWindows Windows) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            bool fat = X.Device.Traits.IsCpuLike;
            PixelRuns runs = new(X.Layout, TLane.Width, fat);
            X.Device.Launch(
                MaxPoolKernels.InputGradient<T, TLane>, X.Device.Grid(runs.Items),
                new Cost(
                    Windows.Size * Windows.Size * Dy.Shape.Count, ((2 * X.Shape.Count) + Dy.Shape.Count) * X.Type.Bytes(),
                    Direction.InputGradient),
                X.View<TLane>(), Dy.View<TLane>(), Dx.View<TLane>(), LanePlaces.Of(X.Layout, TLane.Width, fat),
                LanePlaces.Of(Dy.Layout, TLane.Width, fat), Windows, runs);
        }
    }
}

/// <summary>The windows of a pooling along rows or columns.</summary>
/// <param name="Size">Pixels of a window.</param>
/// <param name="Stride">Pixels from one window to the next.</param>
/// <param name="Padding">Pixels that the first window begins before the image.</param>
[ExcludeFromCodeCoverage]
internal readonly record struct PoolWindows(int Size, int Stride, int Padding)
{
    /// <summary>Windows over an image of so many pixels; none where it is too small.</summary>
    public int Count(int pixels) => pixels + (2 * Padding) < Size ? 0 : ((pixels + (2 * Padding) - Size) / Stride) + 1;

    /// <summary>The first pixel of a window that is in the image.</summary>
    public int First(int window) => (window * Stride) - Padding < 0 ? 0 : (window * Stride) - Padding;

    /// <summary>Behind the last pixel of a window that is in an image of so many.</summary>
    public int End(int window, int pixels)
    {
        int end = (window * Stride) - Padding + Size;
        return end < pixels ? end : pixels;
    }

    /// <summary>The first window that a pixel is in.</summary>
    public int FirstOver(int pixel) => pixel + Padding < Size ? 0 : ((pixel + Padding - Size) / Stride) + 1;

    /// <summary>Behind the last window, of so many, that a pixel is in.</summary>
    public int EndOver(int pixel, int windows)
    {
        int end = ((pixel + Padding) / Stride) + 1;
        return end < windows ? end : windows;
    }
}

[ExcludeFromCodeCoverage]
internal static class MaxPoolKernels
{
    // An item: a run of y.
    public static void Largest<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> y, LanePlaces from, LanePlaces to, PoolWindows windows, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        int top = windows.First(run.Row);
        int bottom = windows.End(run.Row, from.Rows);
        int source = from.Start(run.Image, run.Group, top);
        int target = to.Start(run.Image, run.Group, run.Row);
        for (int q = run.Column; q < run.Column + runs.Columns; q++)
        {
            int left = windows.First(q);
            int right = windows.End(q, from.Columns);
            for (int lane = 0; lane < runs.Lanes; lane++)
            {
                int row = source + (left * from.Column) + lane;
                TLane largest = Real.Load(x, row);
                for (int h = top; h < bottom; h++, row += from.Row)
                {
                    for (int w = left, i = row; w < right; w++, i += from.Column)
                        largest = TLane.Max(largest, Real.Load(x, i));
                }

                Real.Store(y, target + (q * to.Column) + lane, largest);
            }
        }
    }

    // An item: a run of x.
    public static void InputGradient<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> dx, LanePlaces to, LanePlaces from, PoolWindows windows, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        int plane = to.Start(run.Image, run.Group, 0);
        int endP = windows.EndOver(run.Row, from.Rows);
        for (int w = run.Column; w < run.Column + runs.Columns; w++)
        {
            int endQ = windows.EndOver(w, from.Columns);
            for (int lane = 0; lane < runs.Lanes; lane++)
            {
                int own = plane + (run.Row * to.Row) + (w * to.Column) + lane;
                TLane sum = TLane.Splat(T.Zero);
                for (int p = windows.FirstOver(run.Row); p < endP; p++)
                {
                    for (int q = windows.FirstOver(w); q < endQ; q++)
                    {
                        TLane gradient = Real.Load(dy, from.Start(run.Image, run.Group, p) + (q * from.Column) + lane);
                        sum += WhereFirstLargest<T, TLane>(x, own, plane + lane, gradient, p, q, to, windows);
                    }
                }

                Real.Store(dx, own, sum);
            }
        }
    }

    // Pixels before its own must be smaller, those behind it not larger.
    private static TLane WhereFirstLargest<T, TLane>(
        ArrayView<TLane> x, int own, int plane, TLane gradient, int p, int q, in LanePlaces places, in PoolWindows windows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane zero = TLane.Splat(T.Zero);
        TLane value = Real.Load(x, own);
        int bottom = windows.End(p, places.Rows);
        int left = windows.First(q);
        int right = windows.End(q, places.Columns);
        for (int h = windows.First(p); h < bottom; h++)
        {
            for (int w = left, i = plane + (h * places.Row) + (left * places.Column); w < right; w++, i += places.Column)
            {
                if (i < own)
                    gradient = TLane.WhereLarger(value, Real.Load(x, i), gradient, zero);
                else
                    gradient = TLane.WhereLarger(Real.Load(x, i), value, zero, gradient);
            }
        }

        return gradient;
    }
}
