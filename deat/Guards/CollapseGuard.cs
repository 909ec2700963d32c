namespace Deat.Training;

/// <summary>What a guard does when it is alarmed.</summary>
public enum GuardAction
{
    /// <summary>Says so and goes on.</summary>
    Say,

    /// <summary>Says so and ends the run.</summary>
    Stop,

    /// <summary>Says so, goes back to the last good state, and goes on with a weaker step and one iteration more.</summary>
    Rollback,
}

/// <summary>How a run is guarded.</summary>
/// <param name="OnCollapse">What happens on an alarm of another kind than a jump.</param>
/// <param name="OnJump">What happens on a jump of the gradient magnitude, of which it is a hypothesis that a collapse follows.</param>
/// <param name="Attack">What held-out images must resist.</param>
public sealed record GuardOptions(GuardAction OnCollapse, GuardAction OnJump, Attack Attack)
{
    /// <summary>The most held-out images that a look attacks.</summary>
    public const int Images = 128;

    /// <summary>How often a run goes back before it ends.</summary>
    public const int MaxRollbacks = 5;

    /// <summary>Whether an alarm can make the run go back.</summary>
    public bool GoesBack => OnCollapse == GuardAction.Rollback || OnJump == GuardAction.Rollback;

    /// <summary>What happens on alarms: what is to happen on the gravest.</summary>
    /// <param name="alarms">One or more.</param>
    public GuardAction On(IReadOnlyList<Alarm> alarms) =>
        OnCollapse != GuardAction.Say && alarms.Any(alarm => alarm != Alarm.Jump) ? OnCollapse
        : alarms.Contains(Alarm.Jump) ? OnJump : GuardAction.Say;
}

/// <summary>
/// Looks at a run several times in each epoch and says what is wrong with it. It changes nothing in the run: the same bits as without.
/// </summary>
/// <param name="trainer">The run.</param>
/// <param name="folder">Gets the looks.</param>
/// <param name="screen">Is told about alarms, each kind once.</param>
/// <param name="robust">Attacks the held-out images.</param>
internal sealed class CollapseGuard(Trainer trainer, RunFolder folder, Screen screen, Func<Proportion> robust)
{
    /// <summary>Looks if it is time to.</summary>
    /// <returns>What is wrong.</returns>
    public IReadOnlyList<Alarm> Look()
    {
        int every = (trainer.Batches + GuardRules.ChecksPerEpoch - 1) / GuardRules.ChecksPerEpoch;
        if (trainer.State.Batch % every != 0 && !trainer.IsEpochDone)
            return [];
        GuardState before = trainer.State.Guard ?? new GuardState();
        EpochSums sums = trainer.Fold();
        (GuardState after, GuardCheck check) = GuardRules.Judge(before, Seen(before.Seen, sums));
        folder.Append(check);
        foreach (Alarm alarm in check.Alarms.Except(before.Said))
            screen.Line(Text(alarm, check, before));
        trainer.Guard(after with
        {
            Seen = trainer.IsEpochDone ? EpochSums.None : sums,
            Said = [.. before.Said.Union(check.Alarms)],
        });
        return check.Alarms;
    }

    private GuardCheck Seen(EpochSums before, EpochSums now)
    {
        double images = now.Images - before.Images;
        double batches = Math.Ceiling(images / trainer.BatchSize);
        return new GuardCheck
        {
            Epoch = trainer.State.Epoch,
            Batch = trainer.State.Batch,
            Replays = trainer.Replays.Count,
            Robust = robust(),
            Loss = (now.Loss - before.Loss) / images,
            Accuracy = (now.Correct - before.Correct) / images,
            Magnitude = trainer.HasMagnitude && !trainer.MeasuresLastBatch ? (now.Magnitude - before.Magnitude) / batches : null,
            ZeroGradients = (now.ZeroGradients - before.ZeroGradients) / images,
            Saturated = (now.Saturated - before.Saturated) / images,
        };
    }

    private static string Text(Alarm alarm, GuardCheck check, GuardState before)
    {
        string what = alarm switch
        {
            Alarm.Collapse => FormattableString.Invariant(
                $"catastrophic overfitting: {check.Robust} of held-out images resist PGD, {before.Best?.Robust} did in epoch ")
                + FormattableString.Invariant(
                    $"{before.Best?.Epoch}, while the training loss fell from {before.Best?.Loss:F3} to {check.Loss:F3}"),
            Alarm.Jump => FormattableString.Invariant(
                $"the gradient magnitude is {check.Magnitude:F2}, in the epoch before it was {before.Magnitudes.Average():F2}"),
            Alarm.ZeroGradients => FormattableString.Invariant(
                $"{check.ZeroGradients:P0} of the training images have no gradient: the attack stands still before them"),
            _ => FormattableString.Invariant($"{check.Saturated:P0} of the training images have no loss: the logits are saturated"),
        };
        return FormattableString.Invariant($"warning: epoch {check.Epoch}, batch {check.Batch}: {what}");
    }
}
