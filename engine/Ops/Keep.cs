using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>place = values, bit by bit, whatever the type: results of a batch go to their place among those of an epoch.</summary>
    /// <param name="values">Plain [N, C, H, W], elements of four or eight bytes.</param>
    /// <param name="place">The same; written.</param>
    /// <param name="direction">What the launch is counted as.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or are not plain.</exception>
    public static void Keep(Tensor values, Tensor place, Direction direction = Direction.Forward)
    {
        RequireAlike(nameof(Keep), values, place);
        Require.That(values.Layout == Layout.Plain(values.Shape), nameof(Keep), "plain tensors", values.Layout);
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
