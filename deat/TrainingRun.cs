using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// A run from its first or next minibatch to the test at the end: trains, validates, records, saves, and stops at the end of a minibatch
/// when asked to.
/// </summary>
internal sealed partial class TrainingRun : IDisposable
{
    private readonly TrainOptions _options;
    private readonly RunFolder _folder;
    private readonly Screen _screen;
    private readonly StopRequest _stop;
    private readonly Trainer _trainer;
    private readonly Evaluator? _validation;
    private readonly SurfaceProbe? _probe;
    private readonly Evaluator? _heldOut;
    private readonly CollapseGuard? _guard;
    private readonly ImageSet _test;
    private readonly Normalization _normalization;

    // Of the epoch under way: how long it has trained, and since when it does so again; null between its minibatches and its end.
    private TimeSpan _trained;
    private long? _since;
    private string _kept = "nothing was saved yet";

    public TrainingRun(
        ComputeDevice device, TrainOptions options, (ImageSet Train, ImageSet? Validation, ImageSet Test) data, RunFolder folder,
        Screen screen, StopRequest stop)
    {
        (_options, _folder, _screen, _stop, _test) = (options, folder, screen, stop, data.Test);
        _normalization = options.Data.NormalizationOf(data.Train);
        _trainer = new Trainer(device, options, data.Train);
        if (SurfaceProbe.Choose(options.ProbeImages, data, "probe") is { } probed)
            _probe = new SurfaceProbe(_trainer.Model, options, probed, stop: () => stop.IsRequested);
        _validation = data.Validation is null ? null : new Evaluator(_trainer.Model, data.Validation, _normalization, options.BatchSize);
        if (options.Guard is not { } guard)
            return;
        _heldOut = new Evaluator(
            _trainer.Model, data.Validation!.Take(Math.Min(GuardOptions.Images, data.Validation.Count)), _normalization, options.BatchSize);
        _guard = new CollapseGuard(_trainer, folder, screen, () => _heldOut.Run(guard.Attack, options.Seed).Total);
    }

    /// <summary>Goes on from the last checkpoint.</summary>
    /// <exception cref="CheckpointException">There is none that can be used.</exception>
    public void Resume()
    {
        _trainer.Restore(_folder.LoadLast());
        _folder.KeepEpochs(_trainer.State.Epoch);
        _folder.KeepChecks(_trainer.State.Guard?.Checks ?? 0);
        _trained = _folder.TrainedUntil(_trainer.State.Epoch, _trainer.State.Batch);
        foreach (string note in _folder.Notes)
            _screen.Line($"note: {note}");
        _screen.Line($"resumed at {Where}");
        _kept = $"{_folder.Location} keeps the state at {Where}";
    }

    /// <summary>Trains to the end, or until a signal.</summary>
    /// <returns>What the process answers.</returns>
    public int Execute()
    {
        _screen.Line();
        _screen.Line(EpochTable.Header(_options));
        try
        {
            if (GoesBack && _trainer.State is { Epoch: 0, Batch: 0 })
                _folder.SaveGood(_trainer.Save());
            while (!IsDone)
                RunEpochOrGoBack();
            if (_trainer.HasNoPassLeft)
                _screen.Line($"{_options.MaxPasses} passes over the images are made: the run ends in epoch {_trainer.State.Epoch - 1}");
            else if (_trainer.State.Epoch < _options.Epochs)
                _screen.Line($"no better epoch in the last {_options.StopAfter}: the run ends after epoch {_trainer.State.Epoch - 1}");
            if (_options.Average is { } average && _trainer.Average is null)
                _screen.Line($"note: nothing is averaged: the run ended before --average-start {average.Start} of {average.Rule.Name}");
            Test();
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException)
        {
            return Stopped();
        }
        catch (NumericException e)
        {
            throw new NumericException($"{e.Message}; {_kept}; a smaller --lr-max may help", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _probe?.Dispose();
        _validation?.Dispose();
        _heldOut?.Dispose();
        _trainer.Dispose();
    }

    private bool IsDone => _trainer.State.Epoch == _options.Epochs
        || (_trainer.State.Batch == 0 && _trainer.HasNoPassLeft)
        || (_trainer.State.Best is { } best && _trainer.State.Epoch - 1 - best.Epoch >= _options.StopAfter);

    private string Where => $"epoch {_trainer.State.Epoch}, batch {_trainer.State.Batch}";

    // As a command line takes it.
    private string FolderFromHere => Path.GetRelativePath(".", _folder.Location) is var path && path.Contains(' ') ? $"\"{path}\"" : path;

    private void RunEpoch()
    {
        if (_trainer.State.Batch == 0)
            _trained = TimeSpan.Zero;
        long start = _screen.Time.GetTimestamp();
        _since = start;
        (int, double) first = (_trainer.State.Batch, _trainer.Done);
        while (!_trainer.IsEpochDone)
        {
            ThrowIfStopped();
            _trainer.TrainBatch();
            if (_guard?.Look() is { Count: > 0 } alarms && MustLeave(alarms))
                return;
            _screen.Progress(() => Progress(start, first));
        }

        EpochSums sums = _trainer.Fold();
        Rest();
        (EvaluationResult? clean, EvaluationResult? robust) = Validate();
        (EvaluationResult? averageClean, EvaluationResult? averageRobust) = ValidateAverage();
        Finish(Metrics(sums, clean, robust) with
        {
            Probe = MeasureProbe(),
            AverageAccuracy = averageClean?.Total.Rate,
            AverageRobustAccuracy = averageRobust?.Total.Rate,
        });
    }

    private ProbeMetrics? MeasureProbe()
    {
        if (_probe is null)
            return null;
        ThrowIfStopped();
        long start = _screen.Time.GetTimestamp();
        TrainerState state = _trainer.State;
        ProbeEpoch shown = _probe.Measure(state.Epoch, _trainer.Replays.Count, _trainer.Replays.StepSize);
        _folder.Append(_probe.Header, shown);
        return shown.Metrics(_probe.Header.Epsilon, _screen.Time.GetElapsedTime(start).TotalSeconds);
    }

    private (EvaluationResult? Clean, EvaluationResult? Robust) ValidateAverage()
    {
        using IDisposable? averaged = _trainer.Average?.InModel();
        return averaged is null ? (null, null) : Validate();
    }

    private (EvaluationResult? Clean, EvaluationResult? Robust) Validate()
    {
        if (_validation is null)
            return (null, null);
        EvaluationResult clean = Run(_validation, Attack.Clean(_options.Adversary.Epsilon));
        return (clean, Run(_validation, _options.ValidationAttack, clean));
    }

    private EvaluationResult Run(Evaluator evaluator, Attack attack, EvaluationResult? clean = null)
    {
        ThrowIfStopped();
        return evaluator.Run(attack, _options.Seed, clean, new Watch
        {
            Progress = done => _screen.Progress(() => $"{attack.Title} {done:P0}"),
            Stop = () => _stop.IsRequested,
        });
    }

    private EpochMetrics Metrics(EpochSums sums, EvaluationResult? clean, EvaluationResult? robust)
    {
        TrainerState state = _trainer.State;
        return new EpochMetrics
        {
            Epoch = state.Epoch,
            Seconds = _trained.TotalSeconds,
            LearningRate = _trainer.LearningRate,
            TrainLoss = sums.MeanLoss,
            TrainAccuracy = sums.Accuracy,
            Replays = _trainer.Replays.Count,
            StepSize = _trainer.Replays.StepSize,
            Passes = state.Passes,
            Batches = state.Batch,
            Flops = state.Flops,
            Magnitude = _trainer.HasMagnitude ? sums.Magnitude : null,
            Threshold = state.Replay.Threshold,
            ValidationAccuracy = clean?.Total.Rate,
            RobustAccuracy = robust?.Total.Rate,
        };
    }

    private void Finish(EpochMetrics metrics)
    {
        _folder.Append(metrics);
        _screen.Line(EpochTable.Row(metrics));
        if (metrics.Magnitude is { } magnitude && _trainer.State.Replay.Warning(magnitude) is { } warning)
            _screen.Line($"warning: {warning}");
        BestEpoch? best = _trainer.State.Best;
        double? accuracy = _options.Method.HasAdversary ? metrics.RobustAccuracy : metrics.ValidationAccuracy;
        bool isBest = accuracy is not null && (best is null || accuracy > best.Accuracy);
        if (isBest)
            best = new BestEpoch(metrics.Epoch, accuracy!.Value);
        _trainer.EndEpoch(best);
        Checkpoint checkpoint = _trainer.Save();
        if (isBest)
            _folder.SaveBest(checkpoint);
        if (_trainer.SaveAverage() is { } average)
            _folder.SaveAverage(average);
        if (GoesBack)
            _folder.SaveGood(checkpoint);
        SaveLast(checkpoint);
    }

    private void SaveLast(Checkpoint checkpoint)
    {
        _folder.SaveLast(checkpoint);
        _kept = $"{_folder.Location} keeps the state at {Where}";
    }

    private void Rest()
    {
        if (_since is { } since)
            _trained += _screen.Time.GetElapsedTime(since);
        _since = null;
    }

    private void Test()
    {
        (string Which, IReadOnlyList<NamedArray> State)[] networks = [.. Networks()];
        using Evaluator evaluator = new(_trainer.Model, _test, _normalization, _options.BatchSize);
        foreach ((string which, IReadOnlyList<NamedArray> state) in networks)
        {
            _trainer.Model.LoadStateDict(state);
            EvaluationResult[] results = [.. _options.TestAttacks.Select(attack => Run(evaluator, attack))];
            _folder.AppendTest([.. results.Select(result => new AttackResult(result.Attack.LogName, result.Loss, result.Total.Rate))]);
            _screen.Line();
            _screen.Line($"test on {_test.Count} images, epsilon {_options.Adversary.Epsilon.Text}, {which}; with 95 % interval:");
            foreach (EvaluationResult result in results)
                _screen.Line($"  {result.Attack.Title,-8} {result.Total}");
            IEnumerable<string> ofAll = RedFlags.OfAll(results.Select(result => new[] { result }));
            foreach (string flag in results.SelectMany(result => RedFlags.Of(result)).Concat(ofAll))
                _screen.Line($"warning: {flag}");
        }

        _screen.Line($"folder {_folder.Location}");
        _screen.Line($"figure {_folder.In("magnitude.svg")}");
        if (_probe is not null)
            _screen.Line(ProbeText.Cost(_folder.Metrics, _trainer.Model.Device.Ledger));
        _screen.Line($"next   deat eval {FolderFromHere} --attack fgsm,pgd20,cw20");
    }

    // Beside an average all that it can be compared with.
    private IEnumerable<(string Which, IReadOnlyList<NamedArray> State)> Networks()
    {
        if (_trainer.State.Best is { } best)
            yield return ($"best epoch, {best.Epoch}", Trainer.Split(_folder.LoadBest()).Model);
        if (_trainer.State.Best is null || _trainer.Average is not null)
            yield return ("last epoch", _trainer.Model.StateDict());
        if (_trainer.SaveAverage() is { } average)
            yield return ($"average, {_options.Average!.Rule.Name}", average.Arrays);
    }

    private int Stopped()
    {
        // A state that is done is on disk already.
        if (!IsDone)
        {
            Checkpoint checkpoint = _trainer.Save();
            Rest();
            _folder.KeepTrained(_trainer.State.Epoch, _trainer.State.Batch, _trained);
            SaveLast(checkpoint);
        }

        _screen.Line($"stopped at {Where}; go on with: deat train --resume {FolderFromHere}");
        return _stop.ExitCode;
    }

    private void ThrowIfStopped()
    {
        if (_stop.IsRequested)
            throw new OperationCanceledException();
    }

    private string Progress(long start, (int Batch, double Done) first)
    {
        // Waits for the device; the time before that would be that of queueing.
        EpochSums sums = _trainer.Fold();
        TimeSpan elapsed = _screen.Time.GetElapsedTime(start);
        TrainerState state = _trainer.State;
        double rate = (state.Batch - first.Batch) * _options.BatchSize / elapsed.TotalSeconds;
        TimeSpan remaining = elapsed * ((1 - _trainer.Done) / (_trainer.Done - first.Done));
        string place = $"epoch {state.Epoch}, batch {state.Batch} of {_trainer.Batches}, replays {_trainer.Replays.Count}";
        string shown = FormattableString.Invariant($"loss {sums.MeanLoss:F3}, accuracy {sums.Accuracy:P1}, {rate:F0} images/s");
        return $"{place}, {shown}, {EpochTable.Duration(remaining)} left at this rate";
    }
}
