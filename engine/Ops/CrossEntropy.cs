using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean over a batch of the cross-entropy with hard labels, as torch.nn.functional.cross_entropy:
    /// loss[n] = log(sum over k of exp(z[n,k])) - z[n,y[n]]; dz[n,k] = (softmax(z[n])[k] - (k = y[n])) / N.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1].</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="perImage">Receives loss[n]; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor CrossEntropy(Tape tape, Tensor logits, Tensor labels, Tensor? perImage = null)
    {
        Tensor losses = PerImage(tape, nameof(CrossEntropy), logits, labels, perImage);
        Tensor normalizers = tape.Plain(new Shape(logits.Shape.N, 1), logits.Type);
        Dispatch.Run(logits.Type, wide: false, new CrossEntropyForward(logits, labels, losses, normalizers));
        Tensor mean = Mean(tape, losses);
        return tape.Record(mean, [logits], dmean =>
        {
            Tensor dz = tape.Allocate(logits.Layout, logits.Type);
            Dispatch.Run(logits.Type, wide: false, new CrossEntropyBackward(logits, labels, normalizers, dmean, dz));
            tape.Accumulate(logits, dz);
        });
    }

    /// <summary>Checks the arguments of a loss over logits and finds the place of its per-image values.</summary>
    private static Tensor PerImage(Tape tape, string op, Tensor logits, Tensor labels, Tensor? perImage)
    {
        Shape shape = new(logits.Shape.N, 1);
        Require.That(logits.Shape.Pixels == 1, op, "logits [N, K, 1, 1]", logits.Shape);
        Require.That(labels.Shape == shape && labels.Type == ElementType.Int32, op, $"Int32 labels {shape}", labels.Shape);
        Tensor losses = perImage ?? tape.Plain(shape, logits.Type);
        Require.That(losses.Shape == shape && losses.Type == logits.Type, op, $"{logits.Type} {shape}", losses.Shape);
        return losses;
    }

    private static Tensor Mean(Tape tape, Tensor losses)
    {
        Tensor mean = tape.Plain(new Shape(1, 1), losses.Type);
        Dispatch.Run(losses.Type, wide: false, new MeanLaunch(losses, mean));
        return mean;
    }

    private readonly record struct CrossEntropyForward(Tensor Logits, Tensor Labels, Tensor Losses, Tensor Normalizers) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                LossKernels.CrossEntropy, Logits.Device.Grid(Logits.Shape.N),
                new Cost(4 * Logits.Shape.Count, (Logits.Shape.Count + (3 * Logits.Shape.N)) * Logits.Type.Bytes()),
                Logits.View<T>(), Labels.View<int>(), Losses.View<T>(), Normalizers.View<T>(), Logits.Shape.N, Logits.Shape.C);
    }

    private readonly record struct CrossEntropyBackward(Tensor Logits, Tensor Labels, Tensor Normalizers, Tensor Dmean, Tensor Dz) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Dz.Device.Launch(
                LossKernels.CrossEntropyGradient, Dz.Device.Grid(Logits.Shape.N),
                new Cost(4 * Dz.Shape.Count, ((2 * Dz.Shape.Count) + (2 * Dz.Shape.N)) * Dz.Type.Bytes(), Direction.InputGradient),
                Logits.View<T>(), Labels.View<int>(), Normalizers.View<T>(), Dmean.View<T>(), Dz.View<T>(), Logits.Shape.N, Logits.Shape.C,
                T.CreateChecked(1.0 / Logits.Shape.N));
    }

    private readonly record struct MeanLaunch(Tensor Losses, Tensor Result) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                LossKernels.Mean, new LaunchGrid(1, 1), new Cost(Losses.Shape.N, (Losses.Shape.N + 1) * Losses.Type.Bytes()),
                Losses.View<T>(), Result.View<T>(), T.CreateChecked(1.0 / Losses.Shape.N));
    }
}

/// <summary>Losses over logits, one image per work-item. Every term enters a sum, so a NaN logit makes the loss NaN.</summary>
[ExcludeFromCodeCoverage]
internal static class LossKernels
{
    public static void CrossEntropy<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<T> losses, ArrayView<T> normalizers, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = Real.Load(labels, n);
        T largest = Real.Load(logits, start);
        T own = largest;
        for (int k = 1; k < classes; k++)
        {
            T z = Real.Load(logits, start + k);
            largest = z > largest ? z : largest;
            own = k == label ? z : own;
        }

        T sum = T.Zero;
        for (int k = 0; k < classes; k++)
            sum += T.Exp(Real.Load(logits, start + k) - largest);
        T normalizer = largest + T.Log(sum);
        Real.Store(normalizers, n, normalizer);
        Real.Store(losses, n, normalizer - own);
    }

    public static void CrossEntropyGradient<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<T> normalizers, ArrayView<T> dmean, ArrayView<T> dz, int images, int classes, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = Real.Load(labels, n);
        T normalizer = Real.Load(normalizers, n);
        T scale = Real.Load(dmean, 0) * share;
        for (int k = 0; k < classes; k++)
        {
            T probability = T.Exp(Real.Load(logits, start + k) - normalizer);
            Real.Store(dz, start + k, (k == label ? probability - T.One : probability) * scale);
        }
    }

    public static void Margin<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<T> margins, ArrayView<int> rivals, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = Real.Load(labels, n);
        int rival = label == 0 ? 1 : 0;
        T best = Real.Load(logits, start + rival);
        T own = Real.Load(logits, start + label);
        for (int k = rival + 1; k < classes; k++)
        {
            T z = Real.Load(logits, start + k);
            bool better = k != label && (z > best || T.IsNaN(z));
            best = better ? z : best;
            rival = better ? k : rival;
        }

        Real.Store(margins, n, best - own);
        Real.Store(rivals, n, rival);
    }

    public static void MarginGradient<T>(
        ArrayView<int> labels, ArrayView<int> rivals, ArrayView<T> dmean, ArrayView<T> dz, int images, int classes, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int label = Real.Load(labels, n);
        int rival = Real.Load(rivals, n);
        T scale = Real.Load(dmean, 0) * share;
        for (int k = 0; k < classes; k++)
            Real.Store(dz, (n * classes) + k, k == rival ? scale : k == label ? -scale : T.Zero);
    }

    public static void Mean<T>(ArrayView<T> losses, ArrayView<T> mean, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Item.Index() > 0)
            return;
        T sum = T.Zero;
        for (int n = 0; n < losses.IntLength; n++)
            sum += Real.Load(losses, n);
        Real.Store(mean, 0, sum * share);
    }
}
