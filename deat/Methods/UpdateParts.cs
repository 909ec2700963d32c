using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// What goes around the passes that update the weights, with any loop and loss. Between the two calls the weights may be elsewhere; after
/// the second they are where they were, and their gradients are those of the update.
/// </summary>
public interface IUpdatePart : IDisposable
{
    /// <summary>Is called before the pass.</summary>
    void Before(AdversarialPass pass);

    /// <summary>Is called after the pass and before the update.</summary>
    void After(AdversarialPass pass);
}

/// <summary>
/// Adversarial weight perturbation: the update follows the gradient at weights that were moved to where the training loss is higher, by
/// gamma times the norm of each layer. One more pass for each update. Source: Wu, Xia and Wang, Adversarial Weight Perturbation Helps
/// Robust Generalization (NeurIPS 2020), algorithm 1. Their code steps at the moved weights and moves back afterwards, so that weight decay
/// acts on the moved ones; here it acts on the weights themselves. Running statistics see the additional pass.
/// </summary>
/// <param name="model">The network.</param>
/// <param name="gamma">The part of a layer's norm.</param>
public sealed class AdversarialWeights(Module model, double gamma) : IUpdatePart
{
    private readonly WeightPerturbation _perturbation = new(model, gamma);

    /// <inheritdoc/>
    public void Before(AdversarialPass pass)
    {
        pass.Differentiate();
        _perturbation.Perturb();
    }

    /// <inheritdoc/>
    public void After(AdversarialPass pass) => _perturbation.Restore();

    /// <inheritdoc/>
    public void Dispose() => _perturbation.Dispose();
}

/// <summary>
/// GradAlign: adds strength * (1 - cos(a, b)), the mean over the images, to what training lowers, where a and b are the gradients of the
/// cross-entropy with respect to the pixels at the image and at a uniform point of the ball. Four more passes for each update, two of them
/// for the gradients of the images alone. Source: Andriushchenko and Flammarion, Understanding and Improving Fast Adversarial Training
/// (NeurIPS 2020).
/// </summary>
/// <remarks>
/// The term's own gradient needs second derivatives, which are taken as central differences of first ones over a distance: see
/// <see cref="Ops.AlignmentProbes"/>. Over 1e-7 in float64 they are those of double backpropagation to seven digits. In float32 the
/// distance must be larger, and then units of ReLU change sides on the way, whose jumps double backpropagation does not see: the result is
/// the gradient of the alignment as it is over that distance, not at a point, and its direction is another one. Over too short a distance
/// few, and large, jumps are left that do not average out. On the network of the tests 40 steps against either bring the term down alike.
/// </remarks>
/// <param name="model">The network.</param>
/// <param name="normalization">From pixels to the network's input.</param>
/// <param name="epsilon">The radius of the ball, in pixel range.</param>
/// <param name="strength">What the term is multiplied with.</param>
/// <param name="reach">The distance of the differences in parts of the ball's own L2 radius, epsilon * sqrt(C H W).</param>
public sealed class GradientAlignment(
    Module model, Normalization normalization, double epsilon, double strength, double reach = GradientAlignment.UsualReach) : IUpdatePart
{
    /// <summary>The usual distance: a third of the ball's radius.</summary>
    public const double UsualReach = 1.0 / 3;

    /// <inheritdoc/>
    public void Before(AdversarialPass pass)
    {
    }

    /// <inheritdoc/>
    public void After(AdversarialPass pass)
    {
        ComputeDevice device = model.Device;
        Minibatch batch = pass.Batch;
        using Workspace scratch = new(device, MemoryCategory.Activations);
        Tensor loss = scratch.Plain(model.Gradients.Shape, model.Type);
        Ops.Keep(model.Gradients, loss);
        (Tensor plus, Tensor minus, Tensor factors) = Probes(scratch, pass);
        using (Tape tape = new(device, Wanted.Parameters, pass.UpdatePrecision))
        {
            Shape one = new(1, 1);
            tape.Backward(CrossEntropy(tape, plus, batch), factors.Slice(0, one));
            tape.Backward(CrossEntropy(tape, minus, batch), factors.Slice(1, one));
        }

        pass.Count(forwards: 4, backwards: 4);
        Ops.AddTo(model.Gradients, loss);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private (Tensor Plus, Tensor Minus, Tensor Factors) Probes(Workspace scratch, AdversarialPass pass)
    {
        Minibatch batch = pass.Batch;
        Tensor New() => scratch.Allocate(batch.Z.Layout, batch.Z.Type);
        (Tensor delta, Tensor image, Tensor z, Tensor plus, Tensor minus) = (New(), New(), New(), New(), New());
        Tensor factors = scratch.Plain(new Shape(2, 1), batch.Z.Type);
        Tensor cosine = scratch.Plain(new Shape(batch.Count, 1), batch.Z.Type);
        double radius = reach * epsilon * Math.Sqrt(batch.X.Shape.Count / batch.Count);
        using Tape atImage = GradientAt(DeltaInit.Zero, delta, image, pass);
        using Tape atRandom = GradientAt(DeltaInit.Uniform, delta, z, pass);
        Ops.AlignmentProbes(
            scratch, atImage.Gradient(image), atRandom.Gradient(z), z, normalization, radius, strength, plus, minus, factors, cosine);
        return (plus, minus, factors);
    }

    private Tape GradientAt(DeltaInit start, Tensor delta, Tensor z, AdversarialPass pass)
    {
        Minibatch batch = pass.Batch;
        Ops.InitializeDelta(delta, batch.X, start, epsilon, clampPixels: true, pass.Key with { Purpose = Purpose.Alignment });
        Ops.AdversarialInput(z, batch.X, delta, normalization);
        Tape tape = new(model.Device, Wanted.Input, pass.AttackPrecision);
        tape.Backward(CrossEntropy(tape, tape.Watch(z), batch));
        return tape;
    }

    private Tensor CrossEntropy(Tape tape, Tensor z, Minibatch batch) =>
        Ops.CrossEntropy(tape, model.Forward(tape, z), batch.Labels);
}
