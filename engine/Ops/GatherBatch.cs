using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// A batch from a data set on the device: x[i] = images[order[start + i]] / 255 in [0,1], y[i] = labels[order[start + i]]. With
    /// <paramref name="augment"/> each image is cropped and flipped as torchvision's RandomCrop(padding = 4) and
    /// RandomHorizontalFlip(p = 0.5) do: offsets uniform in 0..8 in the image with four zeros on each side, then the flip; drawn
    /// from the block of random words of its position i.
    /// </summary>
    /// <param name="images">[M, C, H, W] UInt8, plain</param>
    /// <param name="labels">[M, 1, 1, 1] Int32</param>
    /// <param name="order">[L, 1, 1, 1] Int32: indices of images, each in 0..M-1; not checked here: they lie on the device</param>
    /// <param name="start">The first place in <paramref name="order"/> that is taken.</param>
    /// <param name="x">[N, C, H, W], written; pixel range [0,1]</param>
    /// <param name="y">[N, 1, 1, 1] Int32, written</param>
    /// <param name="augment">Whether to crop and flip.</param>
    /// <param name="key">The random stream: one per batch.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or the batch reaches beyond the order.</exception>
    public static void GatherBatch(
        Tensor images, Tensor labels, Tensor order, int start, Tensor x, Tensor y, bool augment, RandomKey key)
    {
        const string Op = nameof(GatherBatch);
        Shape expected = x.Shape with { N = images.Shape.N };
        Require.That(images.Type == ElementType.UInt8 && images.Layout == Layout.Plain(expected), Op, $"UInt8 {expected}", images.Shape);
        Require.That(labels.Type == ElementType.Int32 && labels.Shape.Count == images.Shape.N, Op, "a label per image", labels.Shape);
        Require.That(y.Type == ElementType.Int32 && y.Shape.Count == x.Shape.N, Op, $"{x.Shape.N} Int32", y.Shape);
        Require.That(order.Type == ElementType.Int32, Op, ElementType.Int32, order.Type);
        Require.That(start >= 0 && start + x.Shape.N <= order.Shape.Count, Op, $"{x.Shape.N} indices from {start}", order.Shape);
        Require.That(x.Type is ElementType.Float32 or ElementType.Float64, Op, "float elements", x.Type);
        BatchGather gather = new(images, labels, order, start, x, y, augment, key);
        if (x.Type == ElementType.Float32)
            gather.Run<float, ToFloat32>();
        else
            gather.Run<double, ToFloat64>();
    }

    private readonly record struct BatchGather(
        Tensor Images, Tensor Labels, Tensor Order, int Start, Tensor X, Tensor Y, bool Augment, RandomKey Key)
    {
        public void Run<T, TConversion>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TConversion : unmanaged, IConversion<T>
        {
            Shape shape = X.Shape;
            Cost cost = new(shape.Count, (shape.Count * (1 + X.Type.Bytes())) + (3L * shape.N * sizeof(int)));
            X.Device.Launch(
                GatherBatchKernels.Batch<T, TConversion>, X.Device.Grid(shape.N * shape.H), cost,
                Images.View<byte>(), Labels.View<int>(), Order.View<int>(), X.View<T>(), Y.View<int>(),
                Start, Augment ? 1 : 0, T.CreateChecked(byte.MaxValue), T.CreateChecked(1.0 / byte.MaxValue), Key, X.Layout);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class GatherBatchKernels
{
    private const int Padding = 4;

    // One image row an item, all its channels.
    public static void Batch<T, TConversion>(
        ArrayView<byte> images, ArrayView<int> labels, ArrayView<int> order, ArrayView<T> x, ArrayView<int> y,
        int start, int augment, T white, T inverse, RandomKey key, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TConversion : unmanaged, IConversion<T>
    {
        int item = Item.Index();
        Shape shape = layout.Shape;
        if (item >= shape.N * shape.H)
            return;
        int n = item / shape.H;
        int h = item - (n * shape.H);
        int image = Real.Load(order, start + n);
        if (h == 0)
            Real.Store(y, n, Real.Load(labels, image));

        int row = h;
        int column = 0;
        int step = 1;
        if (augment != 0)
        {
            UInt4 words = Philox.Words(key, (uint)n);
            row += Philox.Below(words.X, (2 * Padding) + 1) - Padding;
            column = Philox.Below(words.Y, (2 * Padding) + 1) - Padding;
            if (words.Z >> 31 != 0)
            {
                column += shape.W - 1;
                step = -1;
            }
        }

        bool isRowInside = row >= 0 && row < shape.H;
        for (int c = 0; c < shape.C; c++)
        {
            int source = ((((image * shape.C) + c) * shape.H) + row) * shape.W;
            int place = layout.Index(n, c, h, 0);
            int from = column;
            for (int w = 0; w < shape.W; w++)
            {
                bool isInside = isRowInside && from >= 0 && from < shape.W;
                T pixel = T.Zero;
                if (isInside)
                    pixel = Quotient(TConversion.From(Real.Load(images, source + from)), white, inverse);
                Real.Store(x, place, pixel);
                from += step;
                place += layout.Block;
            }
        }
    }

    // a / b for whole a of 0..255 and b = 255, rounded correctly: OpenCL's own division may be off by 2.5 units in the last place.
    private static T Quotient<T>(T a, T b, T inverse)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T quotient = a * inverse;
        T remainder = Real.Fma(-quotient, b, a);
        return Real.Fma(remainder, inverse, quotient);
    }
}
