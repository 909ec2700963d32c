using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// FAB, towards one class after another: steps to where a linear model puts the boundary between the label and the target, drawn to the
/// image a little, and a retreat towards the image once it is crossed, so that crossings come nearer. Source: Croce, Hein: Minimally
/// distorted adversarial examples with a fast adaptive boundary attack (ICML 2020), algorithm 1 without final search, with the details of
/// fra31/auto-attack, fab_base.py.
/// </summary>
/// <remarks>
/// There the nearest crossing is kept to the end, and counts if it lies in the ball. Here an image stops at the first crossing that does:
/// the same images are fooled. One that has none in the ball is left as it was. With the defaults no crossing of a plane is nearer than
/// 1.005 times the distance, because steps overshoot and retreats are long.
/// </remarks>
public sealed class FastAdaptiveBoundary : ISearch
{
    private const double Beta = 0.9;

    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        // At the images, where the batch is.
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Minibatch images = batch.Images;
        Tensor gradient = batch.State(made => made.PerElement());
        batch.Pass(batch.Attack.Loss, gradient);
        BoundaryRule rule = new() { Norm = batch.Attack.Norm };
        Ops.BoundaryStep(images.Losses, gradient, images.X, images.Delta, rule, images.Lives);
        batch.SetInput();
        batch.Pass(batch.Attack.Loss);
        using Workspace scratch = batch.Scratch();
        Ops.BoundaryRetreat(
            scratch, images.Correct, images.Lives, batch.Attack.Norm, batch.Attack.Epsilon.Value, Beta, images.Delta);
        batch.SetInput();
    }

    /// <inheritdoc/>
    public void Finish(AttackBatch batch)
    {
        using Workspace scratch = batch.Scratch();
        Tensor none = scratch.Activation(batch.Images.X.Shape, batch.Images.X.Type);
        Ops.InitializeDelta(none, batch.Images.X, DeltaInit.Zero, tau: 0, clampPixels: false, default);
        Ops.KeepWhere(batch.Images.Lives, none, batch.Images.Delta);
    }
}
