using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// correct[n] = 1 where the class of the largest logit is the label, else 0. Of equal largest logits the first counts; an image with
    /// a logit that is no number counts as wrong.
    /// </summary>
    /// <param name="logits">[N, K, 1, 1]</param>
    /// <param name="labels">[N, 1, 1, 1] Int32, each in 0..K-1; not checked here: they lie on the device</param>
    /// <param name="correct">[N, 1, 1, 1] Int32, written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void Correct(Tensor logits, Tensor labels, Tensor correct)
    {
        int images = logits.Shape.N;
        Require.That(logits.Shape.Pixels == 1, nameof(Correct), "[N, K, 1, 1]", logits.Shape);
        Require.That(labels.Type == ElementType.Int32 && labels.Shape.Count == images, nameof(Correct), $"{images} Int32", labels.Shape);
        Require.That(correct.Type == ElementType.Int32 && correct.Shape.Count == images, nameof(Correct), $"{images} Int32", correct.Shape);
        Dispatch.Run(logits.Type, width: 1, new CorrectLaunch(logits, labels, correct));
    }

    private readonly record struct CorrectLaunch(Tensor Logits, Tensor Labels, Tensor Correct) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Shape shape = Logits.Shape;
            Cost cost = new(0, (shape.Count * Logits.Type.Bytes()) + (2L * shape.N * sizeof(int)));
            Logits.Device.Launch(
                CorrectKernels.IsLargest, Logits.Device.Grid(shape.N), cost,
                Logits.View<T>(), Labels.View<int>(), Correct.View<int>(), shape.C);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class CorrectKernels
{
    public static void IsLargest<T>(ArrayView<T> logits, ArrayView<int> labels, ArrayView<int> correct, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= correct.IntLength)
            return;
        int label = Real.Load(labels, n);
        T mine = Real.Load(logits, (n * classes) + label);
        int result = 1;
        for (int k = 0; k < classes; k++)
        {
            // The label's own logit is compared too: with NaN no comparison holds.
            T other = Real.Load(logits, (n * classes) + k);
            bool holds = k < label ? other < mine : other <= mine;
            if (!holds)
                result = 0;
        }

        Real.Store(correct, n, result);
    }
}
