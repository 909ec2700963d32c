using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// FAB: steps to where a linear model puts the boundary between the label and another class, drawn to the image a little, and a retreat
/// towards the image once it is crossed, so that crossings come nearer. In a round with a target that is the other class; in one without,
/// the class whose boundary is nearest in each step. Source: Croce, Hein: Minimally distorted adversarial examples with a fast adaptive
/// boundary attack (ICML 2020), algorithm 1 without final search, with the details of fra31/auto-attack, fab_base.py.
/// </summary>
/// <remarks>
/// There the nearest crossing is kept to the end, and counts if it lies in the ball. Here an image stops at the first crossing that does:
/// the same images are fooled. One that has none in the ball is left as it was. With the defaults no crossing of a plane is nearer than
/// 1.005 times the distance, because steps overshoot and retreats are long. Without a target each class costs a forward pass beside its
/// backward pass, where one would do for all.
/// </remarks>
public sealed class FastAdaptiveBoundary : ISearch
{
    private const double Beta = 0.9;

    // A restart begins half as far away as the ball reaches.
    private const double ShareOfRadius = 0.5;

    /// <inheritdoc/>
    public bool LeavesTheUnfooled => true;

    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        if (batch.Round.Rank > 0)
            return;
        Minibatch images = batch.Images;
        Planes planes = PlanesOf(batch);
        // What is attacked is classified correctly: all other classes are those of the ranks behind the first.
        batch.Pass(Losses.CrossEntropy);
        for (int rank = 1; rank <= planes.Rivals.Count; rank++)
            Ops.ClassOfRank(images.Logits!, rank, planes.Rivals[rank - 1]);
        if (batch.Round.Index == 0)
            return;
        batch.StartOnSurface(ShareOfRadius);
        batch.SetInput();
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Minibatch images = batch.Images;
        (Tensor margins, Tensor gradient) = batch.Round.Rank > 0 ? ToTarget(batch) : ToNearest(batch);
        BoundaryRule rule = new() { Norm = batch.Attack.Norm };
        Ops.BoundaryStep(margins, gradient, images.X, images.Delta, rule, images.Lives);
        batch.SetInput();
        batch.Pass(batch.Attack.Loss);
        using Workspace scratch = batch.Scratch();
        Ops.BoundaryRetreat(
            scratch, images.Correct, images.Lives, batch.Attack.Norm, batch.Attack.Epsilon.Value, Beta, images.Delta);
        batch.SetInput();
    }

    /// <inheritdoc/>
    public void Finish(AttackBatch batch) => batch.Withdraw();

    private static (Tensor Margins, Tensor Gradient) ToTarget(AttackBatch batch)
    {
        Tensor gradient = batch.State(made => made.PerElement());
        batch.Pass(batch.Attack.Loss, gradient);
        return (batch.Images.Losses, gradient);
    }

    private static (Tensor Margins, Tensor Gradient) ToNearest(AttackBatch batch)
    {
        Minibatch images = batch.Images;
        Planes planes = PlanesOf(batch);
        using Workspace scratch = batch.Scratch();
        Tensor slopes = scratch.Plain(images.Losses.Shape, images.Losses.Type);
        Ops.Fill(planes.Distances, double.PositiveInfinity);
        foreach (Tensor rival in planes.Rivals)
        {
            Ops.Keep(rival, images.Targets!);
            batch.Pass(batch.Attack.Loss, planes.Gradient);
            Ops.ImageNorms(scratch, planes.Gradient, batch.Attack.Norm == Norm.Linf ? Norm.L1 : Norm.L2, slopes);
            Ops.NearerPlane(images.Losses, slopes, planes.Distances, planes.Flags);
            if (rival == planes.Rivals[0])
                Ops.GiveLives(planes.Flags, 1);
            Ops.KeepWhere(planes.Flags, images.Losses, planes.Margins);
            Ops.KeepWhere(planes.Flags, planes.Gradient, planes.Nearest);
        }

        return (planes.Margins, planes.Nearest);
    }

    private static Planes PlanesOf(AttackBatch batch) => batch.State(made => new Planes(made));

    private sealed class Planes
    {
        public Planes(AttackBatch batch)
        {
            (Gradient, Nearest) = (batch.PerElement(), batch.PerElement());
            (Distances, Margins, Flags) = (batch.PerImage(), batch.PerImage(), batch.PerImage(ElementType.Int32));
            int classes = batch.Images.Logits!.Shape.C;
            Rivals = [.. Enumerable.Range(1, classes - 1).Select(_ => batch.PerImage(ElementType.Int32))];
        }

        /// <summary>The gradient of the plane that is looked at.</summary>
        public Tensor Gradient { get; }

        /// <summary>The gradient of the nearest plane.</summary>
        public Tensor Nearest { get; }

        /// <summary>How far away it is.</summary>
        public Tensor Distances { get; }

        /// <summary>Its difference of logits.</summary>
        public Tensor Margins { get; }

        public Tensor Flags { get; }

        /// <summary>The classes other than the label, in the order of their logits at the image as it is.</summary>
        public IReadOnlyList<Tensor> Rivals { get; }
    }
}
