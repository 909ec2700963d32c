using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>What a loss over a batch makes of the losses of its images.</summary>
public enum Reduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum: the step of an attack on it follows from one image alone, whatever the batch.</summary>
    Sum,
}

public static partial class Ops
{
    /// <summary>
    /// The divergence of Kullback and Leibler between the predictions of two batches of logits, with gradients to both, as
    /// torch.nn.functional.kl_div of log_softmax(b) and softmax(a): with p = softmax(a[n]) and q = softmax(b[n]),
    /// loss[n] = sum over k of p[k] (log p[k] - log q[k]); da[n,k] = p[k] (log p[k] - log q[k] - loss[n]); db[n,k] = q[k] - p[k];
    /// the last two over N for the mean.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="a">[N, K, 1, 1], the predictions that count as right.</param>
    /// <param name="b">[N, K, 1, 1], those that are compared with them.</param>
    /// <param name="reduction">What the result is of the losses of the images.</param>
    /// <param name="perImage">Receives loss[n]; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor KullbackLeibler(Tape tape, Tensor a, Tensor b, Reduction reduction, Tensor? perImage = null)
    {
        LogitPair pair = new(nameof(KullbackLeibler), a, b);
        Tensor losses = PerImage(tape, nameof(KullbackLeibler), a, perImage);
        Dispatch.Run(a.Type, width: 1, new KullbackLeiblerForward(pair, losses));
        double share = reduction == Reduction.Mean ? 1.0 / a.Shape.N : 1;
        return pair.Record(
            tape, Total(tape, losses, share),
            (dloss, da, db) => Dispatch.Run(a.Type, width: 1, new KullbackLeiblerBackward(pair, dloss, da, db, share)));
    }

    private readonly record struct KullbackLeiblerForward(LogitPair Pair, Tensor Losses) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                LossKernels.KullbackLeibler, Losses.Device.Grid(Pair.Images), Pair.Cost(operations: 11),
                Pair.A.View<T>(), Pair.B.View<T>(), Losses.View<T>(), Pair.Images, Pair.Classes);
    }

    private readonly record struct KullbackLeiblerBackward(LogitPair Pair, Tensor Dloss, Tensor Da, Tensor Db, double Share) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Da.Device.Launch(
                LossKernels.KullbackLeiblerGradients, Da.Device.Grid(Pair.Images), Pair.GradientCost(operations: 22),
                Pair.A.View<T>(), Pair.B.View<T>(), Dloss.View<T>(), Da.View<T>(), Db.View<T>(), T.CreateChecked(Share),
                Pair.Images, Pair.Classes);
    }
}

internal static partial class LossKernels
{
    public static void KullbackLeibler<T>(ArrayView<T> a, ArrayView<T> b, ArrayView<T> losses, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        Real.Store(losses, n, Divergence(a, b, LogSoftmax(a, start, classes), LogSoftmax(b, start, classes), start, classes));
    }

    public static void KullbackLeiblerGradients<T>(
        ArrayView<T> a, ArrayView<T> b, ArrayView<T> dloss, ArrayView<T> da, ArrayView<T> db, T share, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        LogProbabilities<T> first = LogSoftmax(a, start, classes);
        LogProbabilities<T> second = LogSoftmax(b, start, classes);
        T divergence = Divergence(a, b, first, second, start, classes);
        T scale = Real.Load(dloss, 0) * share;
        for (int k = start; k < start + classes; k++)
        {
            T logP = first.Of(Real.Load(a, k));
            T logQ = second.Of(Real.Load(b, k));
            T p = T.Exp(logP);
            Real.Store(da, k, p * (logP - logQ - divergence) * scale);
            Real.Store(db, k, (T.Exp(logQ) - p) * scale);
        }
    }

    private static T Divergence<T>(
        ArrayView<T> a, ArrayView<T> b, LogProbabilities<T> first, LogProbabilities<T> second, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int k = start; k < start + classes; k++)
        {
            T logP = first.Of(Real.Load(a, k));
            sum += T.Exp(logP) * (logP - second.Of(Real.Load(b, k)));
        }

        return sum;
    }
}
