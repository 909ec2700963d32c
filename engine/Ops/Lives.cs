using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// How often each image may still be classified wrongly before its perturbation stands still: sets lives[n] = <paramref name="count"/>.
    /// </summary>
    /// <param name="lives">Int32 [N, 1, 1, 1], written; what <see cref="LinfStep"/> takes as active.</param>
    /// <param name="count">Lives of each image, at least 0.</param>
    public static void GiveLives(Tensor lives, int count)
    {
        Require.That(lives.Type == ElementType.Int32 && lives.Layout.Border == 0, nameof(GiveLives), "Int32 without a border", lives.Type);
        Require.That(count >= 0, nameof(GiveLives), "count >= 0", count);
        int images = checked((int)lives.Shape.Count);
        lives.Device.Launch(
            LivesKernels.Give, lives.Device.Grid(images), new Cost(0, images * sizeof(int)), lives.View<int>(), count);
    }

    /// <summary>Takes a life of each image that is classified wrongly: lives[n] -= (lives[n] > 0 and correct[n] = 0).</summary>
    /// <param name="correct">Int32 [N, 1, 1, 1]: 1 where an image is classified correctly, else 0.</param>
    /// <param name="lives">Int32 [N, 1, 1, 1], updated.</param>
    public static void TakeLives(Tensor correct, Tensor lives)
    {
        const string Op = nameof(TakeLives);
        Require.That(correct.Type == ElementType.Int32 && lives.Type == ElementType.Int32, Op, ElementType.Int32, correct.Type);
        Require.That(correct.Layout == lives.Layout && lives.Layout.Border == 0, Op, lives.Layout, correct.Layout);
        int images = checked((int)lives.Shape.Count);
        lives.Device.Launch(
            LivesKernels.Take, lives.Device.Grid(images), new Cost(0, 3 * images * sizeof(int)), correct.View<int>(), lives.View<int>());
    }
}

[ExcludeFromCodeCoverage]
internal static class LivesKernels
{
    public static void Give(ArrayView<int> lives, int count)
    {
        int n = Item.Index();
        if (n < lives.IntLength)
            Real.Store(lives, n, count);
    }

    public static void Take(ArrayView<int> correct, ArrayView<int> lives)
    {
        int n = Item.Index();
        if (n >= lives.IntLength)
            return;
        int left = Real.Load(lives, n);
        if (left > 0 && Real.Load(correct, n) == 0)
            Real.Store(lives, n, left - 1);
    }
}
