using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// What one pass, or one step by the first layer, showed, while its tape is still there. For tests and for watching.
/// </summary>
/// <param name="Iteration">The adversarial iteration, from 0.</param>
/// <param name="Loss">The mean loss [1, 1, 1, 1]; of a step by the first layer that of the full pass before.</param>
/// <param name="InputGradient">The gradient with respect to z; null if it was not wanted.</param>
/// <param name="Batch">The minibatch; delta and z are those after the step.</param>
public readonly record struct PassObservation(int Iteration, Tensor Loss, Tensor? InputGradient, Minibatch Batch);

/// <summary>
/// One forward and backward pass over a minibatch and what follows from its gradients: the step of delta from the input's gradient,
/// the update of the weights from theirs. All training methods are sequences of such passes. Dispose it before the model and the
/// minibatches.
/// </summary>
/// <param name="model">The network.</param>
/// <param name="loss">What to differentiate in passes that want gradients of parameters, or none.</param>
/// <param name="normalization">From pixels to the network's input.</param>
public sealed partial class AdversarialPass(Module model, Loss loss, Normalization normalization) : IDisposable
{
    private readonly NetworkPasses _passes = new(model);

    /// <summary>The minibatch. Passes over the same tensors become a graph where the device uses graphs.</summary>
    public required Minibatch Batch { get; set; }

    /// <summary>Radius and step size of delta.</summary>
    public LinfBall Ball { get; set; } = new() { Epsilon = 0, Alpha = 0 };

    /// <summary>What to differentiate in passes that only move delta, if it is another loss.</summary>
    public Loss? AttackLoss { get; init; }

    /// <summary>
    /// How batch normalisation behaves in passes that only move delta; null leaves the network as it is.
    /// </summary>
    public BatchNormMode? AttackNorm { get; init; }

    /// <summary>The gradients of the pass that updates the weights after an attack.</summary>
    public Wanted UpdateWants { get; init; } = Wanted.Parameters;

    /// <summary>Updates the weights; not needed where no pass wants gradients of parameters.</summary>
    public Action? Update { get; init; }

    /// <summary>In which numbers convolutions multiply in passes that want gradients of parameters.</summary>
    public Precision UpdatePrecision { get; init; }

    /// <summary>The same in all other passes.</summary>
    public Precision AttackPrecision { get; init; }

    /// <summary>
    /// How often an image may be classified wrongly in passes that only move delta before it keeps its delta for good; null if it moves in
    /// any case.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>
    /// Whether passes that only move delta compute the gradients of parameters too, which nobody uses, as scripts do that call
    /// loss.backward(): to see what that costs.
    /// </summary>
    public bool ComputesDiscarded { get; init; }

    /// <summary>
    /// The limit of the first-order stationary condition at or below which an image keeps its delta for good, from the second of the passes
    /// on that only move delta; null if it moves in any case.
    /// </summary>
    public double? Criterion { get; set; }

    /// <summary>What goes around the passes that update the weights, from the outside to the inside.</summary>
    public IReadOnlyList<IUpdatePart> Parts { get; init; } = [];

    /// <summary>The random stream of the minibatch.</summary>
    public RandomKey Key { get; private set; }

    /// <summary>What the launches are counted under, where it is not training.</summary>
    public Phase? Phase { get; init; }

    /// <summary>Is told about each pass, and each step by the first layer, before its tape is gone.</summary>
    public Action<PassObservation>? Observer { get; set; }

    /// <summary>Forward passes so far, of one minibatch each.</summary>
    public long Forwards => _passes.Counts.Forwards;

    /// <summary>Backward passes so far, each of them full or with respect to the input only.</summary>
    public long Backwards => _passes.Counts.Backwards;

    /// <summary>Sets delta to its start, z = (x + delta - mean) / std, and (x - mean) / std where a loss sees it.</summary>
    /// <param name="kind">The distribution of the start.</param>
    /// <param name="tau">Its scale, in pixel range [0,1].</param>
    /// <param name="clampPixels">Whether x + delta is kept in [0,1].</param>
    /// <param name="key">The random stream of the minibatch.</param>
    /// <param name="images">[N, 1, 1, 1] Int32: the images' numbers, where each has a stream of its own.</param>
    public void Start(DeltaInit kind, double tau, bool clampPixels, RandomKey key, Tensor? images = null)
    {
        using Ledger.Scope scope = Batch.X.Device.Ledger.In(Phase ?? Engine.Phase.Data);
        if (Batch.Natural is Tensor natural)
        {
            Ops.InitializeDelta(Batch.Delta, Batch.X, DeltaInit.Zero, tau: 0, clampPixels: false, default);
            Ops.AdversarialInput(natural, Batch.X, Batch.Delta, normalization);
        }

        Key = key;
        if (CanStandStill)
            Ops.GiveLives(Batch.Lives, (Patience ?? 0) + 1);
        Ops.InitializeDelta(Batch.Delta, Batch.X, kind, tau, clampPixels, key, images);
        Ops.AdversarialInput(Batch.Z, Batch.X, Batch.Delta, normalization);
    }

    /// <summary>Goes on from another minibatch's delta, which need not leave these images valid before the first step.</summary>
    /// <param name="delta">[at least N, C, H, W], pixel range.</param>
    public void GoOnFrom(Tensor delta)
    {
        using Ledger.Scope scope = Batch.X.Device.Ledger.In(Phase ?? Engine.Phase.Data);
        Ops.Keep(delta.First(Batch.Count), Batch.Delta);
        Ops.AdversarialInput(Batch.Z, Batch.X, Batch.Delta, normalization);
    }

    /// <summary>
    /// A forward pass at z; then, where wanted, the backward pass, the step of delta with the next z, and the update of the weights, in
    /// this order.
    /// </summary>
    /// <param name="wanted">The gradients to compute, and with them what follows.</param>
    /// <param name="iteration">The adversarial iteration, from 0.</param>
    public void Run(Wanted wanted, int iteration)
    {
        Ledger ledger = Batch.X.Device.Ledger;
        using Ledger.Scope scope = ledger.In(Phase ?? PhaseOf(wanted), iteration);
        bool updates = wanted.HasFlag(Wanted.Parameters);
        if (updates)
            BeforeUpdate();
        using PassResult result = ResultOf(wanted);
        if (result.InputGradient is not null)
            Step(result.InputGradient, iteration);
        Observer?.Invoke(new PassObservation(iteration, result.Loss, result.InputGradient, Batch));
        if (updates)
        {
            AfterUpdate();
            using (ledger.In(Phase ?? Engine.Phase.Optimizer, iteration))
                Update!();
        }
    }

    /// <summary>A forward and backward pass at z for the gradients of the weights, which updates nothing.</summary>
    public void Differentiate()
    {
        using PassResult result = ResultOf(Wanted.Parameters);
    }

    /// <summary>Counts passes of the minibatch that are made around this one's.</summary>
    /// <param name="forwards">Forward passes.</param>
    /// <param name="backwards">Backward passes.</param>
    public void Count(int forwards, int backwards) => _passes.Count(Batch, forwards, backwards);

    /// <summary>Gives the graphs of the passes back.</summary>
    public void Dispose() => _passes.Dispose();

    private bool CanStandStill => Patience is not null || Criterion is not null;

    private void BeforeUpdate()
    {
        foreach (IUpdatePart part in Parts)
            part.Before(this);
    }

    private void AfterUpdate()
    {
        foreach (IUpdatePart part in Parts.Reverse())
            part.After(this);
    }

    private Loss LossOf(Wanted wanted) => wanted == Wanted.Input ? AttackLoss ?? loss : loss;

    private PassResult ResultOf(Wanted wanted)
    {
        bool training = model.Training;
        if (wanted == Wanted.Input && AttackNorm is BatchNormMode mode)
            model.Training = mode == BatchNormMode.Train;
        try
        {
            Precision precision = wanted.HasFlag(Wanted.Parameters) ? UpdatePrecision : AttackPrecision;
            return _passes.Run(LossOf(wanted), Batch, wanted, precision, discarded: ComputesDiscarded && wanted == Wanted.Input);
        }
        finally
        {
            model.Training = training;
        }
    }

    private void Step(Tensor gradient, int iteration)
    {
        using Workspace scratch = new(Batch.X.Device, MemoryCategory.Activations);
        using (Batch.X.Device.Ledger.In(Phase ?? Engine.Phase.Step, iteration))
        {
            if (Patience is not null)
                Ops.TakeLives(Batch.Correct, Batch.Lives);
            if (Criterion is double limit && iteration > 0)
                StandStill(scratch, gradient, limit);
            Tensor? active = CanStandStill ? Batch.Lives : null;
            Ops.LinfStep(scratch, gradient, Batch.X, Batch.Delta, Batch.Z, Ball, normalization, Batch.Magnitude, active);
        }
    }

    private void StandStill(Workspace scratch, Tensor gradient, double limit) => Ops.StandStill(
        scratch, gradient, Batch.Delta, Ball.Epsilon, normalization, LossOf(Wanted.Input).IsSum ? 1 : Batch.Count, limit,
        scratch.Plain(Batch.Magnitude.Shape, Batch.Magnitude.Type), Batch.Lives);

    private static Phase PhaseOf(Wanted wanted) =>
        wanted.HasFlag(Wanted.Parameters) ? Engine.Phase.Update : Engine.Phase.Attack;
}
