using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// Square: random search without gradients. Each query changes an image's perturbation within one square, smaller and smaller ones, and the
/// change stays where it lowers the margin of the label. An image stops where it is classified wrongly. Source: Andriushchenko, Croce,
/// Flammarion, Hein: Square Attack: a query-efficient black-box adversarial attack via random search (ECCV 2020), with the details of
/// fra31/auto-attack, square.py. Other than there, each image has squares of its own.
/// </summary>
public sealed class SquareAttack : ISearch
{
    private const double FirstShare = 0.8;

    // The last query of each share of the pixels; each share is half the one before.
    private static readonly int[] Lasts = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

    /// <summary>The share of the pixels that a query changes.</summary>
    /// <param name="query">The query, from 0.</param>
    public static double Share(int query) => FirstShare / (1 << Lasts.Count(last => query > last));

    /// <summary>The side of a query's square, in pixels; odd and at least 3 for <see cref="Norm.L2"/>, where the image has room.</summary>
    /// <param name="query">The query, from 0.</param>
    /// <param name="shape">The shape of the images.</param>
    /// <param name="norm">The norm of the ball.</param>
    public static int Side(int query, Shape shape, Norm norm)
    {
        int side = Math.Max((int)Math.Round(Math.Sqrt(Share(query) * shape.Pixels)), norm == Norm.L2 ? 3 : 1);
        return Math.Min(norm == Norm.L2 ? side | 1 : side, Math.Min(shape.H, shape.W));
    }

    /// <inheritdoc/>
    public void Start(AttackBatch batch)
    {
        Memory memory = MemoryOf(batch);
        Minibatch images = batch.Images;
        using (Workspace scratch = batch.Scratch())
        {
            Attack attack = batch.Attack;
            Ops.SquareStart(scratch, images.X, attack.Norm, attack.Epsilon.Value, batch.Key, batch.Numbers, images.Delta);
        }

        Ask(batch);
        Ops.Keep(images.Delta, memory.BestDelta);
        Ops.Keep(images.Losses, memory.Best);
        Ops.Keep(images.Losses, memory.Last);
        Ops.Fill(memory.Rises, 0);
    }

    /// <inheritdoc/>
    public void Step(AttackBatch batch, int step)
    {
        Memory memory = MemoryOf(batch);
        Minibatch images = batch.Images;
        using (Workspace scratch = batch.Scratch())
        {
            SquareQuery query = new()
            {
                Norm = batch.Attack.Norm,
                Epsilon = batch.Attack.Epsilon.Value,
                Side = Side(step, images.X.Shape, batch.Attack.Norm),
                Index = step,
                Key = batch.Key,
            };
            Ops.SquareProposal(scratch, memory.BestDelta, images.X, query, batch.Numbers, images.Lives, images.Delta);
        }

        Ask(batch);
        Ops.TrackLoss(images.Losses, memory.Best, memory.Last, memory.Rises, memory.Flags);
        Ops.KeepWhere(memory.Flags, images.Delta, memory.BestDelta);
    }

    /// <inheritdoc/>
    public void Finish(AttackBatch batch) => Ops.KeepWhere(batch.Images.Lives, MemoryOf(batch).BestDelta, batch.Images.Delta);

    private static void Ask(AttackBatch batch)
    {
        batch.SetInput();
        batch.Pass(batch.Attack.Loss);
        batch.EndFooled();
    }

    private static Memory MemoryOf(AttackBatch batch) => batch.State(made => new Memory(made));

    private sealed class Memory(AttackBatch batch)
    {
        public Tensor BestDelta { get; } = batch.PerElement();

        /// <summary>The best loss.</summary>
        public Tensor Best { get; } = batch.PerImage();

        /// <summary>The last loss.</summary>
        public Tensor Last { get; } = batch.PerImage();

        /// <summary>How often the loss rose.</summary>
        public Tensor Rises { get; } = batch.PerImage();

        public Tensor Flags { get; } = batch.PerImage(ElementType.Int32);
    }
}
