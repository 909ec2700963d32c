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
/// One more after each epoch with a training accuracy above <see cref="Accuracy"/>: DEAT-p (TrustAI/DEAT, deat-p_cifar10.py), and from none
/// on the curriculum of Cai, Liu and Song, Curriculum Adversarial Training (IJCAI 2018), where an attack of k steps is left for one of k +
/// 1 when the network resists it. Of theirs, mixing weaker attacks into a batch and quantisation are not part of it.
/// </summary>
public sealed record AccuracyReplays : IReplaySchedule
{
    /// <summary>The training accuracy p in [0,1] that must be exceeded.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The count in epoch 0.</summary>
    public int Least { get; init; } = 1;

    /// <summary>The largest count.</summary>
    public required int Maximum { get; init; }

    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <inheritdoc/>
    public ReplayState First => new(0, Least, StepSize);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown) => now with
    {
        Epoch = now.Epoch + 1,
        Count = shown.TrainAccuracy > Accuracy && now.Count < Maximum ? now.Count + 1 : now.Count,
    };
}

/// <summary>
/// Amata: as many more as the run is on, minimum + floor((maximum - minimum) * epoch / epochs), so that the maximum is never reached.
/// The steps share what <see cref="Maximum"/> steps of <see cref="StepSize"/> would go: few are large, many small. Source: Ye, Li, Zhou,
/// Zhu, Amata: An Annealing Mechanism for Adversarial Training Acceleration (AAAI 2021), as TrustAI/DEAT has it.
/// </summary>
public sealed record RampedReplays : IReplaySchedule
{
    /// <summary>The count in epoch 0, at least 1.</summary>
    public required int Minimum { get; init; }

    /// <summary>The count that the ramp points at.</summary>
    public required int Maximum { get; init; }

    /// <summary>Epochs of the run.</summary>
    public required int Epochs { get; init; }

    /// <summary>The step size alpha of <see cref="Maximum"/> steps, in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <inheritdoc/>
    public ReplayState First => At(0);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown) => At(now.Epoch + 1);

    private ReplayState At(int epoch)
    {
        int count = Minimum + (int)((long)(Maximum - Minimum) * epoch / Epochs);
        return new(epoch, count, StepSize * Maximum / count);
    }
}
