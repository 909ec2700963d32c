using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean over a batch of the cross-entropy with hard or smoothed labels, as torch.nn.functional.cross_entropy:
    /// loss[n] = log(sum over k of exp(z[n,k])) - sum over k of t[n,k] z[n,k] and dz[n,k] = (softmax(z[n])[k] - t[n,k]) / N with
    /// t[n,k] = (1 - smoothing) (k = y[n]) + smoothing / K. Source of the smoothing: Szegedy et al., Rethinking the Inception
    /// Architecture for Computer Vision (CVPR 2016).
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1].</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="perImage">Receives loss[n]; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <param name="smoothing">The part of each label that all classes share equally, in [0, 1].</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor CrossEntropy(Tape tape, Tensor logits, Tensor labels, Tensor? perImage = null, double smoothing = 0)
    {
        Require.That(smoothing is >= 0 and <= 1, nameof(CrossEntropy), "smoothing in [0, 1]", smoothing);
        double shared = smoothing / logits.Shape.C;
        double whole = 1 - smoothing + shared;
        Tensor losses = PerImage(tape, nameof(CrossEntropy), logits, labels, perImage);
        Tensor sums = tape.Plain(new Shape(logits.Shape.N, 1), logits.Type);
        Dispatch.Run(logits.Type, width: 1, new CrossEntropyForward(logits, labels, losses, sums, shared, whole));
        Tensor mean = Total(tape, losses, 1.0 / losses.Shape.N);
        return tape.Record(mean, [logits], dmean =>
        {
            Tensor dz = tape.Allocate(logits.Layout, logits.Type);
            Dispatch.Run(logits.Type, width: 1, new CrossEntropyBackward(logits, labels, sums, dmean, dz, shared, whole));
            tape.Accumulate(logits, dz);
        });
    }

    /// <summary>Checks the labels of a loss over logits and finds the place of its per-image values.</summary>
    private static Tensor PerImage(Tape tape, string op, Tensor logits, Tensor labels, Tensor? perImage)
    {
        Require.That(logits.Shape.Pixels == 1, op, "logits [N, K, 1, 1]", logits.Shape);
        RequireLabels(op, logits, labels);
        return PerImage(tape, op, logits, perImage);
    }

    private static Tensor PerImage(Tape tape, string op, Tensor logits, Tensor? perImage)
    {
        Shape shape = new(logits.Shape.N, 1);
        Tensor losses = perImage ?? tape.Plain(shape, logits.Type);
        Require.That(losses.Shape == shape && losses.Type == logits.Type, op, $"{logits.Type} {shape}", losses.Shape);
        return losses;
    }

    private static void RequireLabels(string op, Tensor logits, Tensor labels)
    {
        Shape shape = new(logits.Shape.N, 1);
        Require.That(labels.Shape == shape && labels.Type == ElementType.Int32, op, $"Int32 labels {shape}", labels.Shape);
    }

    /// <summary>The sum of the losses of all images times <paramref name="share"/>.</summary>
    private static Tensor Total(Tape tape, Tensor losses, double share)
    {
        Tensor total = tape.Plain(new Shape(1, 1), losses.Type);
        Dispatch.Run(losses.Type, width: 1, new TotalLaunch(losses, total, share));
        return total;
    }

    private readonly record struct CrossEntropyForward(
        Tensor Logits, Tensor Labels, Tensor Losses, Tensor Sums, double Shared, double Whole) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                LossKernels.CrossEntropy, Logits.Device.Grid(Logits.Shape.N),
                new Cost(6 * Logits.Shape.Count, (Logits.Shape.Count + (3 * Logits.Shape.N)) * Logits.Type.Bytes()),
                Logits.View<T>(), Labels.View<int>(), Losses.View<T>(), Sums.View<T>(), T.CreateChecked(Shared), T.CreateChecked(Whole),
                Logits.Shape.N, Logits.Shape.C);
    }

    private readonly record struct CrossEntropyBackward(
        Tensor Logits, Tensor Labels, Tensor Sums, Tensor Dmean, Tensor Dz, double Shared, double Whole) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Dz.Device.Launch(
                LossKernels.CrossEntropyGradient, Dz.Device.Grid(Logits.Shape.N),
                new Cost(5 * Dz.Shape.Count, ((2 * Dz.Shape.Count) + (2 * Dz.Shape.N)) * Dz.Type.Bytes(), Direction.InputGradient),
                Logits.View<T>(), Labels.View<int>(), Sums.View<T>(), Dmean.View<T>(), Dz.View<T>(), T.CreateChecked(Shared),
                T.CreateChecked(Whole), T.CreateChecked(1.0 / Logits.Shape.N), Logits.Shape.N, Logits.Shape.C);
    }

    private readonly record struct TotalLaunch(Tensor Losses, Tensor Result, double Share) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                LossKernels.Total, new LaunchGrid(1, 1), new Cost(Losses.Shape.N, (Losses.Shape.N + 1) * Losses.Type.Bytes()),
                Losses.View<T>(), Result.View<T>(), T.CreateChecked(Share));
    }
}

/// <summary>Losses over logits, one image per work-item. Every term enters a sum, so a NaN logit makes the loss NaN.</summary>
[ExcludeFromCodeCoverage]
internal static partial class LossKernels
{
    public static void CrossEntropy<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<T> losses, ArrayView<T> sums, T shared, T whole, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = Real.Load(labels, n);
        T largest = Largest(logits, start, classes);
        T own = T.Zero;
        T sum = T.Zero;
        for (int k = 0; k < classes; k++)
        {
            T z = Real.Load(logits, start + k) - largest;
            own += (k == label ? whole : shared) * z;
            sum += T.Exp(z);
        }

        Real.Store(sums, n, sum);
        Real.Store(losses, n, T.Log(sum) - own);
    }

    public static void CrossEntropyGradient<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<T> sums, ArrayView<T> dmean, ArrayView<T> dz, T shared, T whole, T share,
        int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = Real.Load(labels, n);
        T largest = Largest(logits, start, classes);
        T inverse = T.One / Real.Load(sums, n);
        T scale = Real.Load(dmean, 0) * share;
        for (int k = 0; k < classes; k++)
        {
            T probability = T.Exp(Real.Load(logits, start + k) - largest) * inverse;
            Real.Store(dz, start + k, (probability - (k == label ? whole : shared)) * scale);
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
        int rival = Rival(logits, start + label, start, classes);
        Real.Store(margins, n, Real.Load(logits, rival) - Real.Load(logits, start + label));
        Real.Store(rivals, n, rival - start);
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

    /// <summary>The place of the largest logit of another class; a NaN counts as the largest.</summary>
    private static int Rival<T>(ArrayView<T> logits, int label, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int rival = label == start ? start + 1 : start;
        T best = Real.Load(logits, rival);
        for (int k = rival + 1; k < start + classes; k++)
        {
            T z = Real.Load(logits, k);
            bool better = k != label && (z > best || T.IsNaN(z));
            best = better ? z : best;
            rival = better ? k : rival;
        }

        return rival;
    }

    // Exponents relative to the largest logit neither overflow nor lose the digits that a large logit would take.
    private static T Largest<T>(ArrayView<T> logits, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T largest = Real.Load(logits, start);
        for (int k = 1; k < classes; k++)
        {
            T z = Real.Load(logits, start + k);
            largest = z > largest ? z : largest;
        }

        return largest;
    }

    [GroupSize(1)]
    public static void Total<T>(ArrayView<T> losses, ArrayView<T> total, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Item.Index() > 0)
            return;
        T sum = T.Zero;
        for (int n = 0; n < losses.IntLength; n++)
            sum += Real.Load(losses, n);
        Real.Store(total, 0, sum * share);
    }
}
