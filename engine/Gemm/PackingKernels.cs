using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// The order in which weights [K, C, R, S] lie for a contraction: tile of 16 outputs, block of inputs, tap, input within the
/// block, 16 outputs; missing outputs of the last tile are zero. Outputs are filters forwards and channels backwards. Taps are
/// sorted by (r mod Step, s mod Step) first, so that those which meet at input pixels of one parity lie together.
/// </summary>
/// <param name="Outputs">Filters forwards, channels backwards.</param>
/// <param name="Inputs">Channels forwards, filters backwards.</param>
/// <param name="InputBlock">Inputs that lie side by side.</param>
/// <param name="OutputStride">Elements of the weights from one output to the next.</param>
/// <param name="InputStride">Elements of the weights from one input to the next.</param>
/// <param name="Rows">Tap rows R.</param>
/// <param name="Columns">Tap columns S.</param>
/// <param name="Step">1 forwards, the stride backwards.</param>
internal readonly record struct PackedWeights(
    int Outputs, int Inputs, int InputBlock, int OutputStride, int InputStride, int Rows, int Columns, int Step)
{
    public int Tiles => (Outputs + ContractionTile.Columns - 1) / ContractionTile.Columns;

    /// <summary>Work-items that take all taps of one input for some outputs of a tile.</summary>
    public int Items(int outputsPerItem) => Tiles * Inputs * (ContractionTile.Columns / outputsPerItem);

    public int Length => Tiles * Inputs * Rows * Columns * ContractionTile.Columns;

    public static PackedWeights Forward(ConvolutionGeometry g) => Forward(g.Weights, g.X.Block);

    public static PackedWeights Forward(Shape w, int inputBlock) =>
        new(w.N, w.C, inputBlock, w.C * w.Pixels, w.Pixels, w.H, w.W, 1);

    public static PackedWeights InputGradient(ConvolutionGeometry g) => InputGradient(g.Weights, g.Y.Block, g.Stride);

    public static PackedWeights InputGradient(Shape w, int inputBlock, int stride) =>
        new(w.C, w.N, inputBlock, w.Pixels, w.C * w.Pixels, w.H, w.W, stride);
}

/// <summary>Weights among others that are packed together.</summary>
/// <param name="FirstItem">The first of the items that pack them.</param>
/// <param name="Source">Where they begin.</param>
/// <param name="Target">Where they begin when packed.</param>
/// <param name="Order">Their order then.</param>
internal readonly record struct PackedPart(int FirstItem, int Source, int Target, PackedWeights Order)
{
    /// <summary>Numbers of an entry of a table; the first item of what would come next ends it.</summary>
    public const int Numbers = 11;

    public static PackedPart At(ArrayView<int> table, int place) => new(
        Real.Load(table, place), Real.Load(table, place + 1), Real.Load(table, place + 2), new PackedWeights(
            Real.Load(table, place + 3), Real.Load(table, place + 4), Real.Load(table, place + 5), Real.Load(table, place + 6),
            Real.Load(table, place + 7), Real.Load(table, place + 8), Real.Load(table, place + 9), Real.Load(table, place + 10)));

    public int[] ToArray() =>
    [
        FirstItem, Source, Target, Order.Outputs, Order.Inputs, Order.InputBlock, Order.OutputStride, Order.InputStride, Order.Rows,
        Order.Columns, Order.Step,
    ];
}

/// <summary>Moves weights into the order of the tiles, their gradients and rows of partial sums back.</summary>
[ExcludeFromCodeCoverage]
internal static class PackingKernels
{
    /// <summary>One item: all taps of one input for some outputs of a tile.</summary>
    public static void Pack<T>(ArrayView<T> weights, ArrayView<T> packed, PackedWeights order, int outputsPerItem)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item < order.Items(outputsPerItem))
            Pack(weights, 0, packed, 0, order, item, outputsPerItem);
    }

    /// <summary>All weights of a table: one item, all taps of one input and output, from the first item that its entry names.</summary>
    public static void PackTogether<T>(ArrayView<T> weights, ArrayView<T> packed, ArrayView<int> parts, int items)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= items)
            return;
        int place = 0;
        // The last part whose first item is not behind this one. Not by leaving the loop: ILGPU would take all items of a warp to leave it
        // at the same part, and tell the driver so.
        for (int next = PackedPart.Numbers; next < parts.IntLength; next += PackedPart.Numbers)
            place += PackedPart.Numbers & ((Real.Load(parts, next) - item - 1) >> 31);
        PackedPart part = PackedPart.At(parts, place);
        Pack(weights, part.Source, packed, part.Target, part.Order, item - part.FirstItem, outputsPerItem: 1);
    }

    private static void Pack<T>(
        ArrayView<T> weights, int source, ArrayView<T> packed, int target, PackedWeights order, int item, int outputsPerItem)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int parts = ContractionTile.Columns / outputsPerItem;
        int rest = item / parts;
        int firstLane = (item - (rest * parts)) * outputsPerItem;
        int tile = rest / order.Inputs;
        int input = rest - (tile * order.Inputs);
        int output = (tile * ContractionTile.Columns) + firstLane;
        int filled = order.Outputs - output;
        filled = filled < 0 ? 0 : filled > outputsPerItem ? outputsPerItem : filled;
        source += (output * order.OutputStride) + (input * order.InputStride);
        target += Place(order, tile, input) + firstLane;
        int tapStride = order.InputBlock * ContractionTile.Columns;
        for (int first = 0; first < order.Step * order.Step; first++)
        {
            int firstRow = first / order.Step;
            int firstColumn = first - (firstRow * order.Step);
            for (int r = firstRow; r < order.Rows; r += order.Step)
            {
                for (int s = firstColumn; s < order.Columns; s += order.Step, target += tapStride)
                    PackTap(weights, source + (r * order.Columns) + s, order.OutputStride, filled, packed, target, outputsPerItem);
            }
        }
    }

    /// <summary>
    /// One item: some taps of one input for some outputs of a tile, of one of up to four weight gradients; sums the splits in a fixed
    /// order.
    /// </summary>
    public static void SumSplits<T>(
        ArrayView<T> partials1, ArrayView<T> partials2, ArrayView<T> partials3, ArrayView<T> partials4,
        ArrayView<T> weights1, ArrayView<T> weights2, ArrayView<T> weights3, ArrayView<T> weights4,
        SplitSums sums, int outputsPerItem, int tapsPerItem)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item < sums.First.End)
            SumSplits(partials1, weights1, sums.First, item, outputsPerItem, tapsPerItem);
        else if (item < sums.Second.End)
            SumSplits(partials2, weights2, sums.Second, item - sums.First.End, outputsPerItem, tapsPerItem);
        else if (item < sums.Third.End)
            SumSplits(partials3, weights3, sums.Third, item - sums.Second.End, outputsPerItem, tapsPerItem);
        else if (item < sums.Fourth.End)
            SumSplits(partials4, weights4, sums.Fourth, item - sums.Third.End, outputsPerItem, tapsPerItem);
    }

    private static void SumSplits<T>(
        ArrayView<T> partials, ArrayView<T> weights, SplitSum sum, int item, int outputsPerItem, int tapsPerItem)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        PackedWeights order = sum.Order;
        int tapParts = order.Rows * order.Columns / tapsPerItem;
        int parts = ContractionTile.Columns / outputsPerItem;
        int rest = item / parts;
        int firstLane = (item - (rest * parts)) * outputsPerItem;
        int input = rest % order.Inputs;
        rest /= order.Inputs;
        int tile = rest / tapParts;
        int firstTap = (rest - (tile * tapParts)) * tapsPerItem;
        int place = Place(order, tile, input);
        int tapStride = order.InputBlock * ContractionTile.Columns;
        int target = (((tile * ContractionTile.Columns) + firstLane) * order.OutputStride) + (input * order.InputStride);
        for (int tap = firstTap; tap < firstTap + tapsPerItem; tap++)
        {
            SumTap(
                partials, place + (tap * tapStride) + firstLane, sum.Splits, sum.Stride, weights, target + tap, order.OutputStride,
                outputsPerItem);
        }
    }

    /// <summary>
    /// One item: a chunk of rows, some columns; sums the splits of plain rows of whole tiles in a fixed order, and writes the columns that
    /// exist to their places; on request with <paramref name="plus"/> added, which lies as the output does.
    /// </summary>
    public static void SumRows<T>(
        ArrayView<T> whole, ArrayView<T> plus, ArrayView<T> output, Contraction g, int rowsPerItem, int columnsPerItem, int splits,
        int adds)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int parts = g.Columns / columnsPerItem;
        int item = Item.Index();
        int row = item / parts;
        int firstColumn = (item - (row * parts)) * columnsPerItem;
        row *= rowsPerItem;
        if (row >= g.Rows)
            return;
        int end = row + rowsPerItem < g.Rows ? row + rowsPerItem : g.Rows;
        int width = g.ColumnTiles * ContractionTile.Columns;
        RowCursor cursor = RowCursor.At(in g, row);
        for (; row < end; row++)
        {
            int source = row * width;
            for (int column = firstColumn; column < firstColumn + columnsPerItem; column++)
            {
                int target = cursor.O + (column / ContractionTile.Columns * g.OTile) + (column % ContractionTile.Columns);
                T sum = Sum(whole, source + column, splits, g.Rows * width);
                Real.Store(output, target, adds != 0 ? sum + Real.Load(plus, target) : sum);
            }

            cursor = cursor.Next(in g);
        }
    }

    /// <summary>One tap of neighbouring outputs.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(SumTapBody))]
    private static void SumTap<T>(
        ArrayView<T> partials, int source, int splits, int splitStride, ArrayView<T> weights, int target, int stride, int outputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) != typeof(float) || outputs % VectorLane.Width != 0)
        {
            SumTapBody(partials, source, splits, splitStride, weights, target, stride, outputs);
            return;
        }

        for (int first = 0; first < outputs; first += VectorLane.Width)
        {
            VectorLane sum = Sum<float, VectorLane>(
                partials.Cast<VectorLane>(), (source + first) / VectorLane.Width, splits, splitStride / VectorLane.Width);
            VectorLane.Scatter(weights.Cast<float>(), target + (first * stride), stride, sum);
        }
    }

    private static void SumTapBody<T>(
        ArrayView<T> partials, int source, int splits, int splitStride, ArrayView<T> weights, int target, int stride, int outputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < outputs; i++)
            Real.Store(weights, target + (i * stride), Sum(partials, source + i, splits, splitStride));
    }

    private static T Sum<T>(ArrayView<T> partials, int place, int splits, int splitStride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Sum<T, Lane1<T>>(partials.Cast<Lane1<T>>(), place, splits, splitStride).A;

    /// <summary>A sum of splits: four at a time, so that four loads are under way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TLane Sum<T, TLane>(ArrayView<TLane> partials, int place, int splits, int splitStride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a = Real.Load(partials, place), b = TLane.Splat(T.Zero), c = b, d = b;
        int split = 1;
        for (; split + 3 < splits; split += 4)
        {
            int next = place + (split * splitStride);
            a += Real.Load(partials, next);
            b += Real.Load(partials, next + splitStride);
            c += Real.Load(partials, next + (2 * splitStride));
            d += Real.Load(partials, next + (3 * splitStride));
        }

        for (; split < splits; split++)
            a += Real.Load(partials, place + (split * splitStride));
        return a + b + (c + d);
    }

    /// <summary>One tap of neighbouring outputs; zeros for those that do not exist.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(PackTapBody))]
    private static unsafe void PackTap<T>(
        ArrayView<T> weights, int source, int stride, int filled, ArrayView<T> packed, int target, int outputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Real.ChecksBounds)
        {
            PackTapBody(weights, source, stride, filled, packed, target, outputs);
            return;
        }

        T* from = (T*)weights.LoadEffectiveAddressAsPtr() + source;
        T* to = (T*)packed.LoadEffectiveAddressAsPtr() + target;
        for (int i = 0; i < filled; i++, from += stride)
            to[i] = *from;
        for (int i = filled; i < outputs; i++)
            to[i] = T.Zero;
    }

    private static void PackTapBody<T>(
        ArrayView<T> weights, int source, int stride, int filled, ArrayView<T> packed, int target, int outputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < filled; i++)
            Real.Store(packed, target + i, Real.Load(weights, source + (i * stride)));
        for (int i = filled; i < outputs; i++)
            Real.Store(packed, target + i, T.Zero);
    }

    private static int Place(PackedWeights order, int tile, int input)
    {
        int block = input / order.InputBlock;
        int within = input - (block * order.InputBlock);
        return (((tile * order.Inputs) + (block * order.InputBlock)) * order.Rows * order.Columns * ContractionTile.Columns)
            + (within * ContractionTile.Columns);
    }
}
