using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// APGD: projected gradient steps with momentum, whose size is halved at checkpoints where an image's loss makes too little progress, and
/// which then go on from the best point. Source: Croce, Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse
/// parameter-free attacks (ICML 2020), algorithm 1, with the details of fra31/auto-attack, autopgd_base.py: too few rises are at most rho k
/// and not less; the first loss is compared with 0. Other than there, an image stops where it is first classified wrongly.
/// </summary>
public sealed class AutoProjectedGradient : ISearch
{
    private const double Momentum = 0.75, Rho = 0.75;

    /// <summary>The checkpoints: after how many steps, and how many there were since the last one.</summary>
    /// <param name="steps">All steps of the attack.</param>
    public static IEnumerable<(int After, int Window)> Checkpoints(int steps)
    {
        int window = Math.Max((int)(0.22 * steps), 1);
        int least = Math.Max((int)(0.06 * steps), 1);
        int shorter = Math.Max((int)(0.03 * steps), 1);
        for (int after = window; after <= steps; after += window)
        {
            yield return (after, window);
            window = Math.Max(window - shorter, least);
        }
    }

    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        Memory memory = MemoryOf(batch);
        batch.StartOnSurface();
        batch.SetInput();
        batch.Pass(batch.Attack.Loss, memory.Gradient);
        batch.EndFooled();
        Minibatch images = batch.Images;
        Ops.Keep(images.Delta, memory.Previous);
        Ops.Keep(images.Delta, memory.BestDelta);
        Ops.Keep(memory.Gradient, memory.BestGradient);
        Ops.Keep(images.Losses, memory.Best);
        Ops.Keep(images.Losses, memory.Before);
        Ops.Fill(memory.Last, 0);
        Ops.Fill(memory.Rises, 0);
        Ops.Fill(memory.Kept, 0);
        Ops.Fill(memory.Steps, 2 * batch.Attack.Epsilon.Value);
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Memory memory = MemoryOf(batch);
        Minibatch images = batch.Images;
        using (Workspace scratch = batch.Scratch())
        {
            Tensor moved = scratch.Activation(images.X.Shape, images.X.Type);
            batch.Ascend(scratch, memory.Gradient, memory.Steps, moved);
            batch.Project(scratch, moved, moved);
            Ops.AddMomentum(images.Delta, memory.Previous, moved, step == 0 ? 1 : Momentum);
            batch.Project(scratch, moved, images.Delta);
        }

        batch.SetInput();
        // Nothing follows the gradient at the last point.
        batch.Pass(batch.Attack.Loss, step + 1 == batch.Attack.Steps ? null : memory.Gradient);
        batch.EndFooled();
        Ops.TrackLoss(images.Losses, memory.Best, memory.Last, memory.Rises, memory.Flags);
        Ops.KeepWhere(memory.Flags, images.Delta, memory.BestDelta);
        Ops.KeepWhere(memory.Flags, memory.Gradient, memory.BestGradient);
        foreach ((int after, int window) in Checkpoints(batch.Attack.Steps))
        {
            if (after == step + 1)
                Check(batch, memory, window);
        }
    }

    /// <inheritdoc/>
    public void Finish(AttackBatch batch) => Ops.KeepWhere(batch.Images.Lives, MemoryOf(batch).BestDelta, batch.Images.Delta);

    private static void Check(AttackBatch batch, Memory memory, int window)
    {
        Ops.HalveSteps(
            memory.Best, memory.Rises, memory.Before, memory.Kept, memory.Steps, (int)(Rho * window), batch.Images.Lives, memory.Flags);
        Ops.KeepWhere(memory.Flags, memory.BestDelta, batch.Images.Delta);
        Ops.KeepWhere(memory.Flags, memory.BestGradient, memory.Gradient);
    }

    private static Memory MemoryOf(AttackBatch batch) => batch.State(made => new Memory(made));

    private sealed class Memory(AttackBatch batch)
    {
        public Tensor Gradient { get; } = batch.PerElement();

        public Tensor Previous { get; } = batch.PerElement();

        public Tensor BestDelta { get; } = batch.PerElement();

        public Tensor BestGradient { get; } = batch.PerElement();

        public Tensor Steps { get; } = batch.PerImage();

        /// <summary>The best loss.</summary>
        public Tensor Best { get; } = batch.PerImage();

        /// <summary>The best loss at the last checkpoint.</summary>
        public Tensor Before { get; } = batch.PerImage();

        /// <summary>The last loss.</summary>
        public Tensor Last { get; } = batch.PerImage();

        /// <summary>How often the loss rose since the last checkpoint.</summary>
        public Tensor Rises { get; } = batch.PerImage();

        /// <summary>1 where the step was not halved at the last checkpoint.</summary>
        public Tensor Kept { get; } = batch.PerImage();

        public Tensor Flags { get; } = batch.PerImage(ElementType.Int32);
    }
}
