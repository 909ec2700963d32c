using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// Steps of one size up the gradient, each followed by the projection to the ball: FGSM (Goodfellow et al., ICLR 2015), PGD (Madry et al.,
/// ICLR 2018). An image stops where it is classified wrongly. Source: TrustAI/DEAT, utils.py, attack_pgd.
/// </summary>
public sealed class ProjectedGradient : ISearch
{
    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        // Nearly all of a ball of many dimensions lies at its surface, but not of a cube.
        if (batch.Attack.StartsAtRandom && batch.Attack.Norm == Norm.L2)
            batch.StartOnSurface();
        else
            batch.Start(batch.Attack.StartsAtRandom ? DeltaInit.Uniform : DeltaInit.Zero);
        batch.SetInput();
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Tensor gradient = batch.State(made => made.PerElement());
        batch.Pass(batch.Attack.Loss, gradient);
        batch.EndFooled();
        batch.Move(gradient, batch.Attack.StepSize.Value);
    }
}
