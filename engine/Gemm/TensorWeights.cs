using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// The order in which weights lie for <see cref="ChannelOrder"/>: panel of 32 outputs, tap (sorted as in <see cref="PackedWeights"/>),
/// slab of 32 words of inputs, step of 8 words, two fragments, 32 lanes, the four words that the lane brings. What does not exist is zero.
/// </summary>
/// <param name="Weights">The weights and their taps; the block and the tiles do not matter.</param>
/// <param name="PerWord">Inputs in a word.</param>
internal readonly record struct TensorWeights(PackedWeights Weights, int PerWord)
{
    public int Panels => (Weights.Outputs + TensorTile.WarpColumns - 1) / TensorTile.WarpColumns;

    public int Slabs => (Weights.Inputs + (PerWord * TensorTile.SlabWords) - 1) / (PerWord * TensorTile.SlabWords);

    /// <summary>Chunks from tap to tap.</summary>
    public int TapChunks => Slabs * TensorTile.PanelChunks;

    /// <summary>Chunks from panel to panel.</summary>
    public int PanelStride => Weights.Rows * Weights.Columns * TapChunks;

    /// <summary>Words in all.</summary>
    public int Length => Panels * PanelStride * 4;

    /// <summary>Work-items of the packing.</summary>
    public int Items => Panels * TapChunks;
}

/// <summary>Where a chunk of four words lies and what it is: outputs n and n + 1 at one word, then both at the next word.</summary>
[ExcludeFromCodeCoverage]
internal struct TensorWeightPlace
{
    public int Output, Input, Target;

    public static TensorWeightPlace At(in TensorWeights order, int item)
    {
        int panel = item / order.TapChunks;
        int within = item - (panel * order.TapChunks);
        int slab = within / TensorTile.PanelChunks;
        int chunk = within & (TensorTile.PanelChunks - 1);
        int step = chunk >> 6;
        int fragment = (chunk >> 5) & 1;
        int word = (slab * TensorTile.SlabWords) + ((step >> 1) * 16) + (TensorTile.Quad(chunk) * 4) + ((step & 1) * 2);
        return new TensorWeightPlace
        {
            Output = (panel * TensorTile.WarpColumns) + (TensorTile.Group(chunk) * 4) + (fragment * 2),
            Input = word * order.PerWord,
            Target = (panel * order.PanelStride) + within,
        };
    }
}
