using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// MIM: steps of epsilon / steps up the sum of all gradients so far, each divided by its L1 norm (Dong et al., Boosting adversarial attacks
/// with momentum, CVPR 2018, algorithm 1 with mu = 1), from the image. An image stops where it is classified wrongly.
/// </summary>
public sealed class MomentumIterative : ISearch
{
    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        Memory memory = MemoryOf(batch);
        Ops.Keep(batch.Images.Delta, memory.Sum);
        Ops.Fill(memory.Ones, 1);
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Memory memory = MemoryOf(batch);
        batch.Pass(batch.Attack.Loss, memory.Gradient);
        batch.EndFooled();
        using Workspace scratch = batch.Scratch();
        Ops.ImageNorms(scratch, memory.Gradient, Norm.L1, memory.Norms);
        Ops.Ascend(memory.Sum, memory.Gradient, memory.Norms, memory.Ones, memory.Sum);
        batch.Move(memory.Sum, batch.Attack.Epsilon.Value / batch.Attack.Steps);
    }

    private static Memory MemoryOf(AttackBatch batch) => batch.State(made => new Memory(made));

    private sealed class Memory(AttackBatch batch)
    {
        public Tensor Gradient { get; } = batch.PerElement();

        public Tensor Sum { get; } = batch.PerElement();

        public Tensor Norms { get; } = batch.PerImage();

        public Tensor Ones { get; } = batch.PerImage();
    }
}
