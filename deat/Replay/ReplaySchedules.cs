namespace Deat.Training;

/// <summary>The same count in every epoch: FREE-m and PGD-k.</summary>
public sealed record FixedReplays : IReplaySchedule
{
    /// <summary>Iterations per minibatch, at least 0.</summary>
    public required int Count { get; init; }

    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <inheritdoc/>
    public ReplayState First => new(0, Count, StepSize);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown) => now with { Epoch = now.Epoch + 1 };
}

/// <summary>
/// DEAT-d: one more every <see cref="Delay"/> epochs, min(epoch / delay + 1, maximum). Source: TrustAI/DEAT, deat-d_cifar10.py.
/// </summary>
public sealed record DelayedReplays : IReplaySchedule
{
    /// <summary>Epochs between two increases, at least 1.</summary>
    public required int Delay { get; init; }

    /// <summary>The largest count.</summary>
    public required int Maximum { get; init; }

    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <inheritdoc/>
    public ReplayState First => At(0);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown) => At(now.Epoch + 1);

    private ReplayState At(int epoch) => new(epoch, Math.Min(epoch / Delay + 1, Maximum), StepSize);
}

/// <summary>
/// DEAT-p: one more after each epoch with a training accuracy above <see cref="Accuracy"/>. Source: TrustAI/DEAT,
/// deat-p_cifar10.py.
/// </summary>
public sealed record AccuracyReplays : IReplaySchedule
{
    /// <summary>The training accuracy p in [0,1] that must be exceeded.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The largest count.</summary>
    public required int Maximum { get; init; }

    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <inheritdoc/>
    public ReplayState First => new(0, 1, StepSize);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown) => now with
    {
        Epoch = now.Epoch + 1,
        Count = shown.TrainAccuracy > Accuracy && now.Count < Maximum ? now.Count + 1 : now.Count,
    };
}

/// <summary>
/// M+DEAT: starts with one iteration and takes a second after epoch 0, whatever it showed. Epoch 1 sets the threshold to gamma
/// times its gradient magnitude; from then on an epoch whose magnitude is above the threshold replaces it by gamma times that
/// magnitude and adds an iteration. The count never falls. Source: "Dynamic Efficient Adversarial Training Guided by Gradient
/// Magnitude" (arXiv 2103.03076) and the authors' mdeat_cifar10.py.
/// </summary>
/// <remarks>
/// The maximum holds from the start: with a maximum of 1 the count stays at 1. The authors' code exceeds it after epoch 0, which
/// no published run shows, as all have a maximum of at least 4.
/// </remarks>
public sealed record MagnitudeReplays : IReplaySchedule
{
    /// <summary>The factor on the magnitude; the paper's is 1.01. Infinity gives 1, 2, 2, 2, ...</summary>
    public required double Gamma { get; init; }

    /// <summary>The largest count.</summary>
    public required int Maximum { get; init; }

    /// <summary>The smallest step size alpha in pixel range [0,1], and the one of epoch 0.</summary>
    public required double StepSize { get; init; }

    /// <summary>
    /// The radius of the ball in pixel range [0,1]: when the count changes, the step size becomes max(epsilon / count, alpha), so
    /// that the iterations reach the surface from the centre. 0 keeps alpha, as in the runs of the paper's Table 1; with the default alpha
    /// of 10/255 above epsilon both are the same.
    /// </summary>
    public required double Epsilon { get; init; }

    /// <inheritdoc/>
    public ReplayState First => new(0, 1, StepSize);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown)
    {
        var next = now with { Epoch = now.Epoch + 1 };
        return now switch
        {
            { Epoch: 1 } => next with { Threshold = Gamma * shown.Magnitude },
            _ when now.Count >= Maximum => next,
            { Epoch: 0 } => Raised(next),
            _ when shown.Magnitude > now.Threshold => Raised(next) with { Threshold = Gamma * shown.Magnitude },
            _ => next,
        };
    }

    private ReplayState Raised(ReplayState state) =>
        state with { Count = state.Count + 1, StepSize = Math.Max(Epsilon / (state.Count + 1), StepSize) };
}
