namespace Deat.Training;

/// <summary>What is wrong with a run.</summary>
public enum Alarm
{
    /// <summary>
    /// Catastrophic overfitting: fewer held-out images resist than once did, by more than chance explains, while the training loss fell.
    /// </summary>
    Collapse,

    /// <summary>
    /// The gradient magnitude is far above that of the last epoch, at the same number of iterations. That it foretells a collapse is a
    /// hypothesis (benchmarks/results/collapse), so it has an action of its own, which is usually to say so only.
    /// </summary>
    Jump,

    /// <summary>Many training images have no gradient at all: the adversary stands still before them.</summary>
    ZeroGradients,

    /// <summary>Many training images have no loss at all: their logits are beyond what the element type can tell apart.</summary>
    Saturation,
}

/// <summary>
/// One look at a run between two minibatches: a line of guard.jsonl. Numbers of training are those since the look before.
/// </summary>
public sealed record GuardCheck
{
    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Minibatches of the epoch that are done.</summary>
    public required int Batch { get; init; }

    /// <summary>Adversarial iterations per minibatch.</summary>
    public required int Replays { get; init; }

    /// <summary>Held-out images that resist the attack.</summary>
    public required Proportion Robust { get; init; }

    /// <summary>The mean training loss.</summary>
    public required double Loss { get; init; }

    /// <summary>The accuracy on training examples, in [0,1].</summary>
    public required double Accuracy { get; init; }

    /// <summary>The mean gradient magnitude of a minibatch; null where the method does not take it.</summary>
    public double? Magnitude { get; init; }

    /// <summary>The part of training images whose gradient is zero, in [0,1].</summary>
    public double ZeroGradients { get; init; }

    /// <summary>The part of training images whose loss is zero, in [0,1].</summary>
    public double Saturated { get; init; }

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<Alarm> Alarms { get; init; } = [];
}

/// <summary>What a guard remembers from look to look.</summary>
public sealed record GuardState
{
    /// <summary>Looks so far.</summary>
    public int Checks { get; init; }

    /// <summary>The sums of the epoch at the last look.</summary>
    public EpochSums Seen { get; init; } = EpochSums.None;

    /// <summary>The look with most images that resist.</summary>
    public GuardCheck? Best { get; init; }

    /// <summary>The magnitudes of the last looks since the number of iterations changed, at most those of an epoch.</summary>
    public IReadOnlyList<double> Magnitudes { get; init; } = [];

    /// <summary>The number of iterations that they belong to.</summary>
    public int Replays { get; init; }

    /// <summary>What was said already.</summary>
    public IReadOnlyList<Alarm> Said { get; init; } = [];
}

/// <summary>When a look is alarming: a pure function of what was seen before.</summary>
public static class GuardRules
{
    /// <summary>Looks in an epoch.</summary>
    public const int ChecksPerEpoch = 4;

    /// <summary>How much larger than in the last epoch a magnitude must be to alarm.</summary>
    public const double Jump = 2;

    /// <summary>The part of training images without a gradient or loss above which it is alarming.</summary>
    public const double Many = 0.1;

    /// <summary>Judges a look.</summary>
    /// <param name="before">What is remembered.</param>
    /// <param name="check">What is seen now.</param>
    /// <returns>What is to be remembered, and the look with its alarms.</returns>
    public static (GuardState After, GuardCheck Check) Judge(GuardState before, GuardCheck check)
    {
        double[] earlier = before.Replays == check.Replays ? [.. before.Magnitudes] : [];
        check = check with { Alarms = [.. Alarms(before.Best, earlier, check)] };
        double[] seen = check.Magnitude is { } magnitude ? [.. earlier, magnitude] : earlier;
        return (before with
        {
            Checks = before.Checks + 1,
            Best = before.Best is { } best && best.Robust.Rate >= check.Robust.Rate ? best : check,
            Magnitudes = [.. seen.TakeLast(ChecksPerEpoch)],
            Replays = check.Replays,
        }, check);
    }

    private static IEnumerable<Alarm> Alarms(GuardCheck? best, double[] earlier, GuardCheck check)
    {
        if (best is not null && check.Robust.Interval.High < best.Robust.Interval.Low && check.Loss < best.Loss)
            yield return Alarm.Collapse;
        if (earlier.Length == ChecksPerEpoch && check.Magnitude > Jump * earlier.Average())
            yield return Alarm.Jump;
        if (check.ZeroGradients > Many)
            yield return Alarm.ZeroGradients;
        if (check.Saturated > Many)
            yield return Alarm.Saturation;
    }
}
