using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The channels of a, then those of b, as torch.cat over dimension 1: what a block of a DenseNet passes on. The gradient is cut
    /// likewise.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="a">[N, C, H, W]</param>
    /// <param name="b">[N, D, H, W]</param>
    /// <returns>[N, C + D, H, W]</returns>
    /// <exception cref="ArgumentException">Images, pixels or types differ.</exception>
    public static Tensor Concat(Tape tape, Tensor a, Tensor b)
    {
        Require.That(a.Shape with { C = b.Shape.C } == b.Shape && a.Type == b.Type, nameof(Concat), $"images as {a.Shape}", b.Shape);
        Tensor y = tape.Activation(a.Shape with { C = a.Shape.C + b.Shape.C }, a.Type);
        CopyChannels(a, 0, y, 0, a.Shape.C, Direction.Forward);
        CopyChannels(b, 0, y, a.Shape.C, b.Shape.C, Direction.Forward);
        return tape.Record(y, [a, b], dy =>
        {
            Cut(a, 0);
            Cut(b, a.Shape.C);

            void Cut(Tensor x, int first)
            {
                if (!tape.Needs(x))
                    return;
                Tensor dx = tape.Allocate(x.Layout, x.Type);
                CopyChannels(dy, first, dx, 0, x.Shape.C, Direction.InputGradient);
                tape.Accumulate(x, dx);
            }
        });
    }

    /// <summary>
    /// Copies <paramref name="count"/> channels of <paramref name="from"/> to <paramref name="to"/>; those beyond the source are zero.
    /// </summary>
    internal static void CopyChannels(Tensor from, int first, Tensor to, int firstTarget, int count, Direction direction) =>
        Dispatch.Run(
            from.Type, ChannelCopy.LaneWidth(from.Device, [from.Layout.Block, first, to.Layout.Block, firstTarget, count]),
            new ChannelCopy(from, first, to, firstTarget, count, direction));

    private readonly record struct ChannelCopy(Tensor From, int First, Tensor To, int FirstTarget, int Count, Direction Direction)
        : ITypedLaunch
    {
        // Four where eight do not divide all: growing blocks are of twelve channels.
        public static int LaneWidth(ComputeDevice device, ReadOnlySpan<int> numbers)
        {
            int width = device.Traits.IsCpuLike ? 8 : 4;
            foreach (int number in numbers)
                width = (number % width, number % 4) switch { (0, _) => width, (_, 0) => 4, _ => 1 };
            return width;
        }

        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ChannelRange range = new(First / TLane.Width, FirstTarget / TLane.Width, Count / TLane.Width, From.Shape.C / TLane.Width);
            Shape shape = To.Shape;
            bool fat = To.Device.Traits.IsCpuLike;
            int items = shape.N * shape.H * (fat ? 1 : shape.W * range.Count);
            long elements = (long)shape.N * shape.Pixels * Count;
            To.Device.Launch(
                ConcatKernels.Copy<T, TLane>, To.Device.Grid(items), new Cost(0, 2 * elements * To.Type.Bytes(), Direction),
                From.View<TLane>(), To.View<TLane>(), range, InLanes(From.Layout, TLane.Width), InLanes(To.Layout, TLane.Width),
                fat ? 1 : 0, items);
        }

        private static DirectLayout InLanes(Layout layout, int width) =>
            new(layout with { Shape = layout.Shape with { C = layout.Shape.C / width }, Block = layout.Block / width });
    }
}

/// <summary>Channels that are copied, in lanes; <paramref name="Sources"/> are all that the source has.</summary>
internal readonly record struct ChannelRange(int From, int To, int Count, int Sources);

[ExcludeFromCodeCoverage]
internal static class ConcatKernels
{
    // An item: a row of an image in all lanes that are copied, or one lane of one pixel.
    public static void Copy<T, TLane>(
        ArrayView<TLane> from, ArrayView<TLane> to, ChannelRange range, DirectLayout source, DirectLayout target, int fat, int items)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= items)
            return;
        int row = item;
        int first = 0;
        int column = 0;
        if (fat == 0)
        {
            int pixel = item / range.Count;
            first = item - (pixel * range.Count);
            row = pixel / target.W;
            column = pixel - (row * target.W);
        }

        int image = row / target.H;
        int h = row - (image * target.H);
        int lanes = fat == 0 ? 1 : range.Count;
        int columns = fat == 0 ? 1 : target.W;
        for (int lane = first; lane < first + lanes; lane++)
        {
            bool isThere = range.From + lane < range.Sources;
            int i = isThere ? source.Index(image, range.From + lane, h, column) : 0;
            int j = target.Index(image, range.To + lane, h, column);
            for (int w = 0; w < columns; w++, i += source.Column, j += target.Column)
            {
                TLane value = TLane.Splat(T.Zero);
                if (isThere)
                    value = Real.Load(from, i);
                Real.Store(to, j, value);
            }
        }
    }
}
