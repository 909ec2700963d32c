using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// A loss of a minibatch: runs the network on what the loss needs, writes each image's loss and whether its adversarial example is
/// classified correctly, and returns the mean or the sum. Its launches may be recorded and launched again: what changes from pass to pass
/// must lie in the tensors of the minibatch.
/// </summary>
/// <param name="Of">The loss [1, 1, 1, 1], given the tape that records the pass, the network and the minibatch.</param>
/// <param name="Forwards">How often the network runs.</param>
/// <param name="IsSum">Whether it is the sum over the images, not the mean.</param>
public sealed record Loss(Func<Tape, Module, Minibatch, Tensor> Of, int Forwards = 1, bool IsSum = false);

/// <summary>The losses, for attacks and for training.</summary>
public static class Losses
{
    /// <summary>Cross-entropy at x + delta.</summary>
    public static Loss CrossEntropy { get; } = SmoothedCrossEntropy(0);

    /// <summary>
    /// The margin max over j != y of z_j, minus z_y, at x + delta, not clamped at 0. Source: Carlini and Wagner, Towards Evaluating the
    /// Robustness of Neural Networks (S&amp;P 2017), in the form of TrustAI/DEAT, utils.py.
    /// </summary>
    public static Loss Margin { get; } = new((tape, model, batch) =>
        Ops.Margin(tape, Adversarial(tape, model, batch), batch.Labels, batch.Losses));

    /// <summary>The logit of each image's target less that of its label, at x + delta: see <see cref="Ops.TargetedMargin"/>.</summary>
    public static Loss TargetedMargin { get; } = new((tape, model, batch) =>
        Ops.TargetedMargin(tape, Adversarial(tape, model, batch), batch.Labels, TargetsOf(batch), batch.Losses));

    /// <summary>The difference of logits ratio at x + delta: see <see cref="Ops.Dlr"/>.</summary>
    public static Loss Dlr { get; } = new((tape, model, batch) =>
        Ops.Dlr(tape, Adversarial(tape, model, batch), batch.Labels, batch.Losses));

    /// <summary>The same towards the target of each image: see <see cref="Ops.TargetedDlr"/>.</summary>
    public static Loss TargetedDlr { get; } = new((tape, model, batch) =>
        Ops.TargetedDlr(tape, Adversarial(tape, model, batch), batch.Labels, TargetsOf(batch), batch.Losses));

    /// <summary>
    /// The divergence of the predictions at x + delta from those at x, summed over the batch: what the adversary of TRADES raises. Both
    /// are computed anew in each step, as in the authors' code, because in training mode each forward pass moves the running statistics.
    /// </summary>
    public static Loss Divergence { get; } = new(
        (tape, model, batch) =>
        {
            Tensor adversarial = Adversarial(tape, model, batch);
            return Ops.KullbackLeibler(tape, Natural(tape, model, batch), adversarial, Reduction.Sum, batch.Losses);
        },
        Forwards: 2, IsSum: true);

    /// <summary>Cross-entropy at x + delta with smoothed labels.</summary>
    /// <param name="smoothing">The part of each label that all classes share equally, in [0, 1].</param>
    public static Loss SmoothedCrossEntropy(double smoothing) => new((tape, model, batch) =>
        Ops.CrossEntropy(tape, Adversarial(tape, model, batch), batch.Labels, batch.Losses, smoothing));

    /// <summary>TRADES: cross-entropy at x and beta times the divergence of the predictions at x + delta from those at x.</summary>
    /// <param name="beta">The weight of the divergence.</param>
    /// <param name="runsTwice">
    /// Whether the network runs on x once more, which changes running statistics and passes only: the authors' scripts behind Table 1
    /// compute the predictions at x for each of the two terms.
    /// </param>
    public static Loss Trades(double beta, bool runsTwice = false) => new(
        (tape, model, batch) =>
        {
            Tensor natural = Natural(tape, model, batch);
            Tensor adversarial = Adversarial(tape, model, batch);
            if (runsTwice)
                Natural(tape, model, batch);
            return Ops.Trades(tape, natural, adversarial, batch.Labels, beta, batch.Losses);
        },
        Forwards: runsTwice ? 3 : 2);

    /// <summary>MART: see <see cref="Ops.MisclassificationAware"/>.</summary>
    /// <param name="beta">The weight of the divergence.</param>
    public static Loss Mart(double beta) => new(
        (tape, model, batch) =>
        {
            Tensor natural = Natural(tape, model, batch);
            return Ops.MisclassificationAware(
                tape, natural, Adversarial(tape, model, batch), batch.Labels, beta, batch.Losses);
        },
        Forwards: 2);

    private static Tensor Adversarial(Tape tape, Module model, Minibatch batch)
    {
        Tensor logits = model.Forward(tape, batch.Z);
        Ops.Correct(logits, batch.Labels, batch.Correct);
        if (batch.Logits is Tensor place)
            Ops.Keep(logits, place);
        return logits;
    }

    private static Tensor TargetsOf(Minibatch batch) =>
        batch.Targets ?? throw new InvalidOperationException("The minibatch was allocated without targets.");

    private static Tensor Natural(Tape tape, Module model, Minibatch batch) => model.Forward(
        tape, batch.Natural ?? throw new InvalidOperationException("The minibatch was allocated without the images as they are."));
}
