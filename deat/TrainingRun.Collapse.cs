namespace Deat.Training;

/// <summary>What a run does when the guard raises an alarm.</summary>
internal sealed partial class TrainingRun
{
    private bool GoesBack => _options.Guard is { GoesBack: true };

    private bool MayGoBack => _trainer.State.Rollbacks < GuardOptions.MaxRollbacks;

    private void RunEpochOrGoBack()
    {
        try
        {
            RunEpoch();
        }
        catch (NumericException e) when (_options.Guard?.OnCollapse == GuardAction.Rollback && MayGoBack)
        {
            _screen.Line($"warning: {e.Message}");
            GoBack();
        }
    }

    // Whether the epoch is given up, because the run went back.
    private bool MustLeave(IReadOnlyList<Alarm> alarms)
    {
        GuardAction action = _options.Guard!.On(alarms);
        if (action == GuardAction.Say)
            return false;
        if (action == GuardAction.Rollback && MayGoBack)
        {
            GoBack();
            return true;
        }

        SaveLast(_trainer.Save());
        string best = _trainer.State.Best is { } epoch ? $"; the best epoch was {epoch.Epoch}" : "";
        throw new CollapseException(
            $"the guard ended the run at {Where} ({string.Join(", ", alarms)}){best}; "
            + $"see guard.jsonl in {_folder.Location}");
    }

    private void GoBack()
    {
        _trainer.RollBack(_folder.LoadGood());
        _folder.KeepEpochs(_trainer.State.Epoch);
        ReplayState replays = _trainer.Replays;
        string from = FormattableString.Invariant($"{replays.Count} iterations of {255 * replays.StepSize:F1}/255");
        _screen.Line(FormattableString.Invariant(
            $"back to the beginning of epoch {_trainer.State.Epoch}, from there with {from} and learning rate {_trainer.LearningRate:G3}"));
    }
}
