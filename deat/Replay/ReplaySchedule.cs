using System.Text.Json.Serialization;

namespace Deat.Training;

/// <summary>
/// How many adversarial iterations each minibatch gets, decided once per epoch. A schedule is a pure function: all that changes
/// is in the <see cref="ReplayState"/>, which the trainer keeps and a checkpoint stores.
/// </summary>
public interface IReplaySchedule
{
    /// <summary>The state in epoch 0: how many iterations now.</summary>
    ReplayState First { get; }

    /// <summary>The state in the next epoch, after what this one showed.</summary>
    ReplayState Next(ReplayState now, EpochOutcome shown);
}

/// <summary>What a schedule holds in one epoch.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Count">Iterations per minibatch in this epoch.</param>
/// <param name="StepSize">The step size alpha in pixel range [0,1].</param>
/// <param name="Threshold">The gradient magnitude that raises the count when exceeded; null while there is none.</param>
public sealed record ReplayState(
    int Epoch,
    int Count,
    double StepSize,
    [property: JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)] double? Threshold = null)
{
    private const double TooClose = 1e-5;

    /// <summary>Magnitude over threshold; above 1 the count rises. Null while there is no threshold.</summary>
    public double? Ratio(double magnitude) => magnitude / Threshold;

    /// <summary>
    /// A warning when the decision hangs on the last digits of the magnitude, which another device or build may round
    /// otherwise: then the two runs part. Null when it does not.
    /// </summary>
    public string? Warning(double magnitude) => Ratio(magnitude) is { } ratio && Math.Abs(ratio - 1) <= TooClose
        ? $"epoch {Epoch}: the gradient magnitude {magnitude:R} is within {TooClose} of the threshold {Threshold:R}; " +
          "another device or build may decide otherwise here"
        : null;
}

/// <summary>What an epoch showed.</summary>
/// <param name="Magnitude">
/// The gradient magnitude: over all minibatches, the sum of |gradient| with respect to the normalised input in the last iteration.
/// </param>
/// <param name="TrainAccuracy">The accuracy on the training examples of the last iteration, in [0,1].</param>
public readonly record struct EpochOutcome(double Magnitude, double TrainAccuracy);
