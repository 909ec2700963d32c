using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

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

    public int Length => Tiles * Inputs * Rows * Columns * ContractionTile.Columns;

    public static PackedWeights Forward(ConvolutionGeometry g) => new(
        g.Weights.N, g.Weights.C, g.X.Block, g.Weights.C * g.Weights.Pixels, g.Weights.Pixels, g.Weights.H, g.Weights.W, 1);

    public static PackedWeights InputGradient(ConvolutionGeometry g) => new(
        g.Weights.C, g.Weights.N, g.Y.Block, g.Weights.Pixels, g.Weights.C * g.Weights.Pixels, g.Weights.H, g.Weights.W, g.Stride);
}

/// <summary>Moves weights into the order of the tiles, their gradients and ragged columns back.</summary>
[ExcludeFromCodeCoverage]
internal static class PackingKernels
{
    /// <summary>One item: all taps of one input for one tile of outputs.</summary>
    public static void Pack<T>(ArrayView<T> weights, ArrayView<T> packed, PackedWeights order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= order.Tiles * order.Inputs)
            return;
        int tile = item / order.Inputs;
        int input = item - (tile * order.Inputs);
        int place = Place(order, tile, input);
        int tapStride = order.InputBlock * ContractionTile.Columns;
        for (int lane = 0; lane < ContractionTile.Columns; lane++)
        {
            int output = (tile * ContractionTile.Columns) + lane;
            int source = (output * order.OutputStride) + (input * order.InputStride);
            int target = place + lane;
            for (int first = 0; first < order.Step * order.Step; first++)
            {
                int firstRow = first / order.Step;
                int firstColumn = first - (firstRow * order.Step);
                for (int r = firstRow; r < order.Rows; r += order.Step)
                {
                    for (int s = firstColumn; s < order.Columns; s += order.Step)
                    {
                        Real.Store(packed, target, output < order.Outputs ? Real.Load(weights, source + (r * order.Columns) + s) : T.Zero);
                        target += tapStride;
                    }
                }
            }
        }
    }

    /// <summary>One item: all taps of one input for one tile of outputs; sums the splits in order.</summary>
    public static void SumSplits<T>(ArrayView<T> partials, ArrayView<T> weights, PackedWeights order, int splits, int splitStride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= order.Tiles * order.Inputs)
            return;
        int tile = item / order.Inputs;
        int input = item - (tile * order.Inputs);
        int place = Place(order, tile, input);
        int tapStride = order.InputBlock * ContractionTile.Columns;
        for (int lane = 0; lane < ContractionTile.Columns; lane++)
        {
            int target = (((tile * ContractionTile.Columns) + lane) * order.OutputStride) + (input * order.InputStride);
            for (int tap = 0; tap < order.Rows * order.Columns; tap++)
            {
                int source = place + (tap * tapStride) + lane;
                T sum = T.Zero;
                for (int split = 0; split < splits; split++)
                    sum += Real.Load(partials, source + (split * splitStride));
                Real.Store(weights, target + tap, sum);
            }
        }
    }

    /// <summary>One item: a chunk of rows; copies the columns that exist from rows of whole tiles to their places.</summary>
    public static void CropColumns<T>(ArrayView<T> whole, ArrayView<T> output, Contraction g, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int row = Item.Index() * chunk;
        if (row >= g.Rows)
            return;
        int end = row + chunk < g.Rows ? row + chunk : g.Rows;
        int source = row * g.ColumnTiles * ContractionTile.Columns;
        RowCursor cursor = RowCursor.At(in g, row);
        for (; row < end; row++)
        {
            for (int column = 0; column < g.Columns; column++)
                Real.Store(output, cursor.O + column, Real.Load(whole, source + column));
            source += g.ColumnTiles * ContractionTile.Columns;
            cursor = cursor.Next(in g);
        }
    }

    private static int Place(PackedWeights order, int tile, int input)
    {
        int block = input / order.InputBlock;
        int within = input - (block * order.InputBlock);
        return (((tile * order.Inputs) + (block * order.InputBlock)) * order.Rows * order.Columns * ContractionTile.Columns)
            + (within * ContractionTile.Columns);
    }
}
