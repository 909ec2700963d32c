using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The loss of MART over the logits of the images as they are and of their adversarial examples, with gradients to both, the mean
    /// over a batch. With p and q the softmax of the two, y the label and r the best other class under q, loss[n] =
    /// -log q[y] - log(1.0001 - q[r] + 1e-12) + beta (1.0000001 - p[y]) sum over k of p[k] (log p[k] - log(q[k] + 1e-12)).
    /// Source: Wang et al., Improving Adversarial Robustness Requires Revisiting Misclassified Examples (ICLR 2020), with the constants
    /// of its code (YisenWang/MART, mart.py).
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="natural">[N, K, 1, 1] with K > 1: logits of the images as they are.</param>
    /// <param name="adversarial">[N, K, 1, 1]: logits of their adversarial examples.</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="beta">The weight of the divergence.</param>
    /// <param name="perImage">Receives loss[n]; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor MisclassificationAware(
        Tape tape, Tensor natural, Tensor adversarial, Tensor labels, double beta, Tensor? perImage = null)
    {
        const string Op = nameof(MisclassificationAware);
        LogitPair pair = new(Op, natural, adversarial);
        Require.That(pair.Classes > 1, Op, "more than one class", natural.Shape);
        Require.That(beta >= 0, Op, "beta >= 0", beta);
        RequireLabels(Op, natural, labels);
        Tensor losses = PerImage(tape, Op, natural, perImage);
        Dispatch.Run(natural.Type, width: 1, new MisclassificationAwareForward(pair, labels, losses, beta));
        return pair.Record(
            tape, Total(tape, losses, 1.0 / pair.Images),
            (dloss, da, db) => Dispatch.Run(
                natural.Type, width: 1, new MisclassificationAwareBackward(pair, labels, dloss, da, db, beta)));
    }

    private readonly record struct MisclassificationAwareForward(LogitPair Pair, Tensor Labels, Tensor Losses, double Beta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                LossKernels.MisclassificationAware, Losses.Device.Grid(Pair.Images), Pair.Cost(operations: 14),
                Pair.A.View<T>(), Pair.B.View<T>(), Labels.View<int>(), Losses.View<T>(),
                MartConstants<T>.Of(Beta, 1), Pair.Images, Pair.Classes);
    }

    private readonly record struct MisclassificationAwareBackward(
        LogitPair Pair, Tensor Labels, Tensor Dloss, Tensor Da, Tensor Db, double Beta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Da.Device.Launch(
                LossKernels.MisclassificationAwareGradients, Da.Device.Grid(Pair.Images), Pair.GradientCost(operations: 40),
                Pair.A.View<T>(), Pair.B.View<T>(), Labels.View<int>(), Dloss.View<T>(), Da.View<T>(), Db.View<T>(),
                MartConstants<T>.Of(Beta, 1.0 / Pair.Images), Pair.Images, Pair.Classes);
    }
}

/// <summary>The numbers in MART's loss as one kernel argument.</summary>
[ExcludeFromCodeCoverage]
internal struct MartConstants<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Keeps log(ceiling - q[r]) finite where q[r] is 1.</summary>
    public T Ceiling;

    /// <summary>Added to what a logarithm is taken of.</summary>
    public T Tiny;

    /// <summary>What p[y] is subtracted from.</summary>
    public T One;

    /// <summary>The weight of the divergence.</summary>
    public T Beta;

    /// <summary>The part of an image in the loss.</summary>
    public T Share;

    public static MartConstants<T> Of(double beta, double share) => new()
    {
        Ceiling = T.CreateChecked(1.0001),
        Tiny = T.CreateChecked(1e-12),
        One = T.CreateChecked(1.0000001),
        Beta = T.CreateChecked(beta),
        Share = T.CreateChecked(share),
    };
}

internal static partial class LossKernels
{
    public static void MisclassificationAware<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, ArrayView<int> labels, ArrayView<T> losses, MartConstants<T> constants,
        int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = start + Real.Load(labels, n);
        LogProbabilities<T> first = LogSoftmax(natural, start, classes);
        LogProbabilities<T> second = LogSoftmax(adversarial, start, classes);
        int rival = Rival(adversarial, label, start, classes);
        T q = T.Exp(second.Of(Real.Load(adversarial, rival)));
        T p = T.Exp(first.Of(Real.Load(natural, label)));
        T boosted = -second.Of(Real.Load(adversarial, label)) - T.Log(constants.Ceiling - q + constants.Tiny);
        T divergence = BoundedDivergence(natural, adversarial, first, second, constants.Tiny, start, classes);
        Real.Store(losses, n, boosted + (constants.Beta * (constants.One - p) * divergence));
    }

    public static void MisclassificationAwareGradients<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, ArrayView<int> labels, ArrayView<T> dloss, ArrayView<T> da, ArrayView<T> db,
        MartConstants<T> constants, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = start + Real.Load(labels, n);
        LogProbabilities<T> first = LogSoftmax(natural, start, classes);
        LogProbabilities<T> second = LogSoftmax(adversarial, start, classes);
        int rival = Rival(adversarial, label, start, classes);
        T scale = Real.Load(dloss, 0) * constants.Share;
        T likeliest = T.Exp(second.Of(Real.Load(adversarial, rival)));
        T pull = likeliest / (constants.Ceiling - likeliest + constants.Tiny);
        T right = T.Exp(first.Of(Real.Load(natural, label)));
        T weight = constants.Beta * (constants.One - right);
        T divergence = BoundedDivergence(natural, adversarial, first, second, constants.Tiny, start, classes);
        T ratios = BoundedMass(natural, adversarial, first, second, constants.Tiny, start, classes);
        for (int k = start; k < start + classes; k++)
        {
            T logP = first.Of(Real.Load(natural, k));
            T p = T.Exp(logP);
            T q = T.Exp(second.Of(Real.Load(adversarial, k)));
            T bounded = q + constants.Tiny;
            T own = k == label ? T.One : T.Zero;
            T other = k == rival ? T.One : T.Zero;
            T dp = (weight * p * (logP - T.Log(bounded) - divergence)) - (constants.Beta * divergence * right * (own - p));
            T dq = q - own + (pull * (other - q)) + (weight * q * (ratios - (p / bounded)));
            Real.Store(da, k, dp * scale);
            Real.Store(db, k, dq * scale);
        }
    }

    /// <summary>The sum over k of p (log p - log(q + tiny)).</summary>
    private static T BoundedDivergence<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, LogProbabilities<T> first, LogProbabilities<T> second, T tiny, int start,
        int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int k = start; k < start + classes; k++)
        {
            T logP = first.Of(Real.Load(natural, k));
            sum += T.Exp(logP) * (logP - T.Log(T.Exp(second.Of(Real.Load(adversarial, k))) + tiny));
        }

        return sum;
    }

    /// <summary>The sum over k of p q / (q + tiny): 1 where no q is tiny.</summary>
    private static T BoundedMass<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, LogProbabilities<T> first, LogProbabilities<T> second, T tiny, int start,
        int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int k = start; k < start + classes; k++)
        {
            T q = T.Exp(second.Of(Real.Load(adversarial, k)));
            sum += T.Exp(first.Of(Real.Load(natural, k))) * (q / (q + tiny));
        }

        return sum;
    }
}
