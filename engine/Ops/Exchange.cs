using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>Exchanges what two tensors hold, bit by bit, in one launch.</summary>
    /// <param name="a">Plain [N, C, H, W], elements of four or eight bytes; updated.</param>
    /// <param name="b">The same; updated.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or are not plain.</exception>
    public static void Exchange(Tensor a, Tensor b)
    {
        RequireAlike(nameof(Exchange), a, b);
        Require.That(a.Layout == Layout.Plain(a.Shape), nameof(Exchange), "plain tensors", a.Layout);
        ArrayView<int> words = a.View<int>();
        int chunk = a.Device.Traits.Chunk;
        a.Device.Launch(
            ExchangeKernels.Words, a.Device.Grid((words.IntLength + chunk - 1) / chunk), new Cost(0, 4 * words.LengthInBytes),
            words, b.View<int>(), chunk);
    }
}

[ExcludeFromCodeCoverage]
internal static class ExchangeKernels
{
    public static void Words(ArrayView<int> a, ArrayView<int> b, int chunk)
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < a.IntLength ? start + chunk : a.IntLength;
        for (int i = start; i < end; i++)
        {
            int held = Real.Load(a, i);
            Real.Store(a, i, Real.Load(b, i));
            Real.Store(b, i, held);
        }
    }
}
