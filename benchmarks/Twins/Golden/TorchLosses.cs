using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>The losses over two batches of logits, in the order of operations of the authors' scripts.</summary>
internal static class TorchLosses
{
    public const double Beta = 6;

    /// <summary>KL(softmax(natural) || softmax(adversarial)), summed over the batch.</summary>
    public static Tensor Divergence(Tensor natural, Tensor adversarial) => functional.kl_div(
        functional.log_softmax(adversarial, 1), functional.softmax(natural, 1), log_target: false, Reduction.Sum);

    /// <summary>trades.py of yaodongyu/TRADES.</summary>
    public static Tensor Trades(Tensor natural, Tensor adversarial, Tensor labels) =>
        functional.cross_entropy(natural, labels) + Beta / natural.shape[0] * Divergence(natural, adversarial);

    /// <summary>mart.py of YisenWang/MART.</summary>
    public static Tensor Mart(Tensor natural, Tensor adversarial, Tensor labels)
    {
        Tensor predictions = functional.softmax(adversarial, 1);
        Tensor best = predictions.argsort(1)[TensorIndex.Colon, ^2..];
        Tensor rivals = where(best[TensorIndex.Colon, 1] == labels, best[TensorIndex.Colon, 0], best[TensorIndex.Colon, 1]);
        Tensor boosted = functional.cross_entropy(adversarial, labels)
            + functional.nll_loss(log(1.0001 - predictions + 1e-12), rivals);
        Tensor truth = functional.softmax(natural, 1);
        Tensor right = truth.gather(1, labels.unsqueeze(1)).squeeze(1);
        Tensor divergences = functional.kl_div(log(predictions + 1e-12), truth, log_target: false, Reduction.None).sum(1);
        return boosted + Beta * (1.0 / natural.shape[0]) * (divergences * (1.0000001 - right)).sum();
    }
}
