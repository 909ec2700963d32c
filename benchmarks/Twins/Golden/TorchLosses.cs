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

    /// <summary>The margin loss of TrustAI/DEAT, utils.py: the largest other logit less that of the label.</summary>
    public static Tensor Margin(Tensor logits, Tensor labels)
    {
        Tensor own = functional.one_hot(labels, logits.shape[1]).@bool();
        return (logits.masked_fill(own, double.NegativeInfinity).amax([1]) - logits.gather(1, labels.unsqueeze(1)).squeeze(1)).mean();
    }

    /// <summary>dlr_loss of fra31/auto-attack, autopgd_base.py.</summary>
    public static Tensor Dlr(Tensor logits, Tensor labels)
    {
        Tensor sorted = logits.sort(1).Values;
        Tensor right = (sorted[TensorIndex.Colon, ^1] == logits.gather(1, labels.unsqueeze(1)).squeeze(1)).to_type(logits.dtype);
        Tensor rival = sorted[TensorIndex.Colon, ^2] * right + sorted[TensorIndex.Colon, ^1] * (1 - right);
        Tensor range = sorted[TensorIndex.Colon, ^1] - sorted[TensorIndex.Colon, ^3] + 1e-12;
        return -((logits.gather(1, labels.unsqueeze(1)).squeeze(1) - rival) / range).mean();
    }

    /// <summary>dlr_loss_targeted of fra31/auto-attack, autopgd_base.py.</summary>
    public static Tensor TargetedDlr(Tensor logits, Tensor labels, Tensor targets)
    {
        Tensor sorted = logits.sort(1).Values;
        Tensor range = sorted[TensorIndex.Colon, ^1]
            - 0.5 * (sorted[TensorIndex.Colon, ^3] + sorted[TensorIndex.Colon, ^4]) + 1e-12;
        Tensor excess = logits.gather(1, labels.unsqueeze(1)) - logits.gather(1, targets.unsqueeze(1));
        return -(excess.squeeze(1) / range).mean();
    }

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
