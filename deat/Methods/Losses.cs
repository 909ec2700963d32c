using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// A loss of a minibatch: runs the network on what the loss needs (for all losses here, the adversarial input z), writes each image's
/// loss and whether it is classified correctly, and returns the mean. Its launches may be recorded and launched again: what changes from
/// pass to pass must lie in the tensors of the minibatch.
/// </summary>
/// <param name="tape">Records the pass.</param>
/// <param name="model">The network.</param>
/// <param name="batch">Images, labels, delta, and the places for what each image shows.</param>
/// <returns>The mean loss [1, 1, 1, 1].</returns>
public delegate Tensor Loss(Tape tape, Module model, Minibatch batch);

/// <summary>The losses.</summary>
public static class Losses
{
    /// <summary>Cross-entropy at x + delta.</summary>
    public static Tensor CrossEntropy(Tape tape, Module model, Minibatch batch)
    {
        Tensor logits = model.Forward(tape, batch.Z);
        Ops.Correct(logits, batch.Labels, batch.Correct);
        return Ops.CrossEntropy(tape, logits, batch.Labels, batch.Losses);
    }

    /// <summary>
    /// The margin max over j != y of z_j, minus z_y, at x + delta, not clamped at 0. Source: Carlini and Wagner, Towards Evaluating the
    /// Robustness of Neural Networks (S&amp;P 2017), in the form of TrustAI/DEAT, utils.py.
    /// </summary>
    public static Tensor Margin(Tape tape, Module model, Minibatch batch)
    {
        Tensor logits = model.Forward(tape, batch.Z);
        Ops.Correct(logits, batch.Labels, batch.Correct);
        return Ops.Margin(tape, logits, batch.Labels, batch.Losses);
    }
}
