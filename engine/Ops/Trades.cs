using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The loss of TRADES over the logits of the images as they are and of their adversarial examples, with gradients to both, the mean
    /// over a batch: with p and q the softmax of the two and y the label, loss[n] = -log p[y] + beta D[n] where
    /// D[n] = sum over k of p[k] (log p[k] - log q[k]); da[n,k] = (p[k] - (k = y) + beta p[k] (log p[k] - log q[k] - D[n])) / N and
    /// db[n,k] = beta (q[k] - p[k]) / N. Source: Zhang et al., Theoretically Principled Trade-off between Robustness and Accuracy
    /// (ICML 2019), as its code has it (yaodongyu/TRADES, trades.py).
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="natural">[N, K, 1, 1]: logits of the images as they are.</param>
    /// <param name="adversarial">[N, K, 1, 1]: logits of their adversarial examples.</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="beta">The weight of the divergence.</param>
    /// <param name="perImage">Receives loss[n]; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor Trades(Tape tape, Tensor natural, Tensor adversarial, Tensor labels, double beta, Tensor? perImage = null)
    {
        LogitPair pair = new(nameof(Trades), natural, adversarial);
        Require.That(beta >= 0, nameof(Trades), "beta >= 0", beta);
        RequireLabels(nameof(Trades), natural, labels);
        Tensor losses = PerImage(tape, nameof(Trades), natural, perImage);
        Dispatch.Run(natural.Type, width: 1, new TradesForward(pair, labels, losses, beta));
        return pair.Record(
            tape, Total(tape, losses, 1.0 / pair.Images),
            (dloss, da, db) => Dispatch.Run(natural.Type, width: 1, new TradesBackward(pair, labels, dloss, da, db, beta)));
    }

    private readonly record struct TradesForward(LogitPair Pair, Tensor Labels, Tensor Losses, double Beta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                LossKernels.Trades, Losses.Device.Grid(Pair.Images), Pair.Cost(operations: 11),
                Pair.A.View<T>(), Pair.B.View<T>(), Labels.View<int>(), Losses.View<T>(), T.CreateChecked(Beta), Pair.Images, Pair.Classes);
    }

    private readonly record struct TradesBackward(
        LogitPair Pair, Tensor Labels, Tensor Dloss, Tensor Da, Tensor Db, double Beta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Da.Device.Launch(
                LossKernels.TradesGradients, Da.Device.Grid(Pair.Images), Pair.GradientCost(operations: 26),
                Pair.A.View<T>(), Pair.B.View<T>(), Labels.View<int>(), Dloss.View<T>(), Da.View<T>(), Db.View<T>(),
                T.CreateChecked(Beta), T.CreateChecked(1.0 / Pair.Images), Pair.Images, Pair.Classes);
    }
}

internal static partial class LossKernels
{
    public static void Trades<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, ArrayView<int> labels, ArrayView<T> losses, T beta, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        LogProbabilities<T> first = LogSoftmax(natural, start, classes);
        LogProbabilities<T> second = LogSoftmax(adversarial, start, classes);
        T own = first.Of(Real.Load(natural, start + Real.Load(labels, n)));
        Real.Store(losses, n, (beta * Divergence(natural, adversarial, first, second, start, classes)) - own);
    }

    public static void TradesGradients<T>(
        ArrayView<T> natural, ArrayView<T> adversarial, ArrayView<int> labels, ArrayView<T> dloss, ArrayView<T> da, ArrayView<T> db,
        T beta, T share, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int start = n * classes;
        int label = start + Real.Load(labels, n);
        LogProbabilities<T> first = LogSoftmax(natural, start, classes);
        LogProbabilities<T> second = LogSoftmax(adversarial, start, classes);
        T divergence = Divergence(natural, adversarial, first, second, start, classes);
        T scale = Real.Load(dloss, 0) * share;
        for (int k = start; k < start + classes; k++)
        {
            T logP = first.Of(Real.Load(natural, k));
            T logQ = second.Of(Real.Load(adversarial, k));
            T p = T.Exp(logP);
            T own = k == label ? p - T.One : p;
            Real.Store(da, k, (own + (beta * p * (logP - logQ - divergence))) * scale);
            Real.Store(db, k, beta * (T.Exp(logQ) - p) * scale);
        }
    }
}
