using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>place = values, bit by bit, whatever the type: results of a batch go to their place among those of an epoch.</summary>
    /// <param name="values">[N, C, H, W], elements of four or eight bytes.</param>
    /// <param name="place">The same, in the same order in memory; written, with the zeros of its border.</param>
    /// <param name="direction">What the launch is counted as.</param>
    /// <exception cref="ArgumentException">Orders in memory or types differ.</exception>
    public static void Keep(Tensor values, Tensor place, Direction direction = Direction.Forward)
    {
        // Channels without rows and columns lie side by side in any layout.
        bool isAlike = values.Layout == place.Layout || (values.Shape == place.Shape && values.Layout.Length == values.Shape.Count
            && place.Layout.Length == place.Shape.Count && values.Shape.Pixels == 1);
        Require.That(isAlike, nameof(Keep), values.Layout, place.Layout);
        Require.That(values.Type == place.Type, nameof(Keep), values.Type, place.Type);
        ArrayView<int> words = values.View<int>();
        ComputeDevice device = values.Device;
        int chunk = device.Traits.Chunk;
        device.Launch(
            KeepKernels.Words, device.Grid((words.IntLength + chunk - 1) / chunk),
            new Cost(0, 2 * words.LengthInBytes, direction),
            words, place.View<int>(), chunk);
    }
}

[ExcludeFromCodeCoverage]
internal static class KeepKernels
{
    public static void Words(ArrayView<int> values, ArrayView<int> place, int chunk)
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < values.IntLength ? start + chunk : values.IntLength;
        for (int i = start; i < end; i++)
            Real.Store(place, i, Real.Load(values, i));
    }
}
