using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;
using ILGPU.IR.Intrinsics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// The input's gradient of <see cref="ConvolutionAlgorithm.Tiled"/> where channels are few, as in the first layer of a network: the terms
/// of all channels and taps, which are columns enough for a tile, and then their sums (torch.nn.Fold, "col2im").
/// <code>
/// t[n,(c,r,s),p,q] = sum over k of dy[n,k,p,q] * w[k,c,r,s]
/// dx[n,c,h,w]      = sum over r s of t[n,(c,r,s), h + padding - r, w + padding - s], zero outside t
/// </code>
/// </summary>
internal static class FoldedConvolution
{
    /// <summary>Whether this saves half of the columns or more.</summary>
    public static bool Pays(ConvolutionGeometry g) =>
        g.Stride == 1 && 2 * Padded(Terms(g)) <= Padded(g.Weights.C) * g.Weights.Pixels;

    public static void InputGradient<T>(Tape tape, ConvolutionGeometry g, Tensor dy, Tensor w, Tensor dx, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        int filters = g.Weights.N, terms = Terms(g);
        Shape shape = g.Y.Shape with { C = Padded(terms) };
        Tensor columns = tape.Allocate(g.Traits.LayoutFor(shape), dx.Type);
        // With a window of one pixel, the input's gradient is the terms; w as it lies has one channel for each.
        ConvolutionGeometry pointwise = new(columns.Layout, new Shape(filters, shape.C, 1, 1), stride: 1, padding: 0, g.Traits);
        PackedWeights order = new(terms, filters, g.Y.Block, OutputStride: 1, InputStride: terms, Rows: 1, Columns: 1, Step: 1);
        TiledConvolution.Convolve<T>(tape, order, w, dy, columns, ContractionPlan.FillingInputGradient(pointwise), cost);
        (int channels, int pixels) = device.Traits.IsCpuLike ? (dx.Shape.C, dx.Shape.W) : (1, 1);
        device.Launch(
            FoldKernels.Fold, device.Grid((int)(dx.Shape.Count / (channels * pixels))),
            new Cost(0, (columns.Shape.Count + dx.Shape.Count) * dx.Type.Bytes(), cost.Direction),
            columns.View<T>(), dx.View<T>(), new FoldGeometry(columns.Layout, new DirectGeometry(g)), channels, pixels);
        tape.Release(columns);
    }

    private static int Terms(ConvolutionGeometry g) => (int)(g.Weights.C * g.Weights.Pixels);

    private static int Padded(int columns) =>
        (columns + ContractionTile.Columns - 1) / ContractionTile.Columns * ContractionTile.Columns;
}

/// <summary>Where the terms lie, and the convolution that they belong to.</summary>
internal readonly record struct FoldGeometry(int Image, int Block, int Row, int Column, int Origin, int BlockSize, DirectGeometry Of)
{
    public FoldGeometry(Layout columns, DirectGeometry of)
        : this(
            columns.ImageStride, columns.BlockStride, columns.RowStride, columns.ColumnStride, columns.Origin, columns.Block, of)
    {
    }
}

[ExcludeFromCodeCoverage]
internal static class FoldKernels
{
    /// <summary>
    /// One item: neighbouring <paramref name="pixels"/> of a row and <paramref name="channels"/> of each, which divide W and C; items in
    /// the order n, h, w, c. Beyond an image the border gives zeros.
    /// </summary>
    public static void Fold<T>(ArrayView<T> columns, ArrayView<T> dx, FoldGeometry g, int channels, int pixels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        DirectLayout x = g.Of.X;
        int parts = x.C / channels;
        int perRow = parts * (x.W / pixels);
        int item = Item.Index();
        int row = item / perRow;
        int n = row / x.H;
        if (n >= x.N)
            return;
        int h = row - (n * x.H);
        int inRow = item - (row * perRow);
        int part = inRow / parts;
        int firstChannel = (inRow - (part * parts)) * channels;
        int firstPixel = part * pixels;
        for (int c = firstChannel; c < firstChannel + channels; c++)
        {
            int term = c * g.Of.R * g.Of.S;
            int block = term / g.BlockSize;
            int lane = term - (block * g.BlockSize);
            int place = g.Origin + (n * g.Image) + (block * g.Block)
                + ((h + g.Of.Padding) * g.Row) + ((firstPixel + g.Of.Padding) * g.Column);
            int target = x.Index(n, c, h, firstPixel);
            FoldRow(columns, place, lane, dx, target, pixels, in g);
        }
    }

    /// <summary>Neighbouring pixels of one channel.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(FoldRowBody))]
    private static unsafe void FoldRow<T>(
        ArrayView<T> columns, int place, int lane, ArrayView<T> dx, int target, int pixels, in FoldGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Real.ChecksBounds)
        {
            FoldRowBody(columns, place, lane, dx, target, pixels, in g);
            return;
        }

        // A look at the view for each of so many terms would take longer than the sums.
        T* from = (T*)columns.LoadEffectiveAddressAsPtr() + place;
        T* to = (T*)dx.LoadEffectiveAddressAsPtr() + target;
        (int rows, int taps, int blockSize, nint block) = (g.Of.R, g.Of.S, g.BlockSize, g.Block);
        (nint column, nint back, nint next) = (g.Column, (g.Of.S * g.Column) - g.Row, g.Of.X.Column);
        for (int i = 0; i < pixels; i++, from += column, to += next)
        {
            T sum = T.Zero;
            T* term = from;
            nint at = lane;
            for (int r = 0; r < rows; r++, term += back)
            {
                for (int s = 0; s < taps; s++, term -= column)
                {
                    sum += term[at];
                    if (++at == blockSize)
                    {
                        at = 0;
                        term += block;
                    }
                }
            }

            *to = sum;
        }
    }

    private static void FoldRowBody<T>(
        ArrayView<T> columns, int place, int lane, ArrayView<T> dx, int target, int pixels, in FoldGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < pixels; i++)
            Real.Store(dx, target + (i * g.Of.X.Column), Sum(columns, place + (i * g.Column), lane, in g));
    }

    // The terms of all taps of a channel, from its first on, at the pixels that they come from.
    private static T Sum<T>(ArrayView<T> columns, int place, int lane, in FoldGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int r = 0; r < g.Of.R; r++, place += (g.Of.S * g.Column) - g.Row)
        {
            for (int s = 0; s < g.Of.S; s++, place -= g.Column)
            {
                sum += Real.Load(columns, place + lane);
                lane++;
                if (lane == g.BlockSize)
                {
                    lane = 0;
                    place += g.Block;
                }
            }
        }

        return sum;
    }
}
