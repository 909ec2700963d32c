using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// CW-L2: Adam looks for the perturbation of least length that changes the class, in coordinates w with x + delta = (tanh w + 1) / 2, down
/// |delta|^2 + c max(z_y - max over j != y of z_j, 0). Nine times with the same number of steps, each from the image; c is searched for by
/// halving between values that led over the boundary and those that did not. Source: Carlini, Wagner: Towards evaluating the robustness of
/// neural networks (S&amp;P 2017), sections V and VI, with the constants of carlini/nn_robust_attacks, l2_attack.py: rate 0.01, c from
/// 0.001, confidence 0.
/// </summary>
/// <remarks>
/// There the shortest perturbation is kept to the end. Here an image stops at the first one in the ball: the same images are fooled. One
/// that has none in the ball is left as it was. No search is given up early where its loss stands still.
/// </remarks>
public sealed class CarliniWagner : ISearch
{
    /// <summary>How many values of c are tried.</summary>
    public const int Searches = 9;

    private const double FirstConstant = 1e-3;

    /// <inheritdoc/>
    public bool LeavesTheUnfooled => true;

    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        Memory memory = MemoryOf(batch);
        Ops.Fill(memory.Constants, FirstConstant);
        Ops.Fill(memory.Lower, 0);
        Ops.Fill(memory.Upper, Ops.Unbounded);
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Memory memory = MemoryOf(batch);
        Minibatch images = batch.Images;
        int own = step % Math.Max(batch.Attack.Steps / Searches, 1);
        if (own == 0)
        {
            if (step > 0)
                Ops.NextConstant(memory.Missed, memory.Lower, memory.Upper, memory.Constants);
            Ops.GiveLives(memory.Missed, 1);
            Ops.TanhStart(images.X, memory.Place, memory.Mean, memory.Square, images.Delta, images.Lives);
        }

        batch.SetInput();
        batch.Pass(batch.Attack.Loss, memory.Gradient);
        Ops.TakeLives(images.Correct, memory.Missed);
        using Workspace scratch = batch.Scratch();
        Ops.BoundaryRetreat(scratch, images.Correct, images.Lives, Norm.L2, batch.Attack.Epsilon.Value, beta: 1, images.Delta);
        Ops.TanhStep(
            images.Losses, memory.Gradient, memory.Constants, images.X, memory.Place, memory.Mean, memory.Square, images.Delta,
            new TanhRule { Step = own + 1 }, images.Lives);
    }

    /// <inheritdoc/>
    public void Finish(AttackBatch batch) => batch.Withdraw();

    private static Memory MemoryOf(AttackBatch batch) => batch.State(made => new Memory(made));

    private sealed class Memory(AttackBatch batch)
    {
        public Tensor Gradient { get; } = batch.PerElement();

        /// <summary>w.</summary>
        public Tensor Place { get; } = batch.PerElement();

        public Tensor Mean { get; } = batch.PerElement();

        public Tensor Square { get; } = batch.PerElement();

        public Tensor Constants { get; } = batch.PerImage();

        public Tensor Lower { get; } = batch.PerImage();

        public Tensor Upper { get; } = batch.PerImage();

        /// <summary>1 while the present c has not led over the boundary.</summary>
        public Tensor Missed { get; } = batch.PerImage(ElementType.Int32);
    }
}
