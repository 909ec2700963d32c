namespace Deat.Training;

/// <summary>One line of metrics.jsonl.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Wall-clock seconds of training, without evaluation; those before a stop and after it together.</summary>
    public required double Seconds { get; init; }

    /// <summary>The learning rate after the epoch, which the authors' logs show.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The mean training loss.</summary>
    public required double TrainLoss { get; init; }

    /// <summary>The accuracy on the training examples, in [0,1].</summary>
    public required double TrainAccuracy { get; init; }

    /// <summary>Adversarial iterations per minibatch.</summary>
    public required int Replays { get; init; }

    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public required double StepSize { get; init; }

    /// <summary>Full forward and backward passes of one minibatch, summed over the epoch.</summary>
    public required long Passes { get; init; }

    /// <summary>Minibatches of the epoch; null in the records of earlier versions.</summary>
    public int? Batches { get; init; }

    /// <summary>Floating-point operations of its training, exact by the ledger; null in the records of earlier versions.</summary>
    public long? Flops { get; init; }

    /// <summary>
    /// The gradient magnitude, summed over the minibatches in normalised input units; null where the method does not take it.
    /// </summary>
    public double? Magnitude { get; init; }

    /// <summary>The threshold that the magnitude was compared with; null while there is none.</summary>
    public double? Threshold { get; init; }

    /// <summary>The accuracy on clean validation images, in [0,1]; null without validation.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>The accuracy under CW-10 on validation images, in [0,1]; null without validation.</summary>
    public double? RobustAccuracy { get; init; }

    /// <summary>The accuracy of the averaged network on clean validation images, in [0,1]; null without one.</summary>
    public double? AverageAccuracy { get; init; }

    /// <summary>Its accuracy under the validation attack, in [0,1]; null without one.</summary>
    public double? AverageRobustAccuracy { get; init; }

    /// <summary>What a probe of the loss surface showed; null without <c>--probe</c>.</summary>
    public ProbeMetrics? Probe { get; init; }
}

/// <summary>The epoch in which a run was stopped: the content of stopped.json.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Batch">Its minibatches that are done.</param>
/// <param name="Seconds">Wall-clock seconds of their training.</param>
public sealed record StoppedEpoch(int Epoch, int Batch, double Seconds);
