using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// Trains a network by a method, one minibatch at a time. Images, deltas and what each image shows stay on the device; inside a minibatch
/// the host waits for nothing. All that happens is a function of options, images, state, weights and momentum: a run that was saved
/// between two minibatches goes on with the same bits.
/// </summary>
public sealed partial class Trainer : IDisposable
{
    private readonly TrainOptions _options;
    private readonly IReplaySchedule _replays;
    private readonly ILearningRateSchedule _rates;
    private readonly ImageSet _images;
    private readonly TrainingBatches _batches;
    private readonly Workspace _workspace;
    private readonly Sgd _optimizer;
    private readonly TrainingAverage? _average;
    private readonly IReadOnlyList<IUpdatePart> _parts;
    private readonly AdversarialPass _pass;
    private readonly Tensor _losses;
    private readonly Tensor _correct;
    private readonly Tensor _magnitudes;
    private readonly Tensor? _previous;
    private (double LearningRate, double Momentum) _rate;

    /// <summary>Starts a run on a device.</summary>
    /// <param name="device">Where everything happens.</param>
    /// <param name="options">The options.</param>
    /// <param name="images">The training images.</param>
    /// <param name="type">Float32 for work, Float64 for checking.</param>
    /// <param name="model">A network that is not yet placed, which the trainer then owns; that of the options if null.</param>
    public Trainer(
        ComputeDevice device, TrainOptions options, ImageSet images, ElementType type = ElementType.Float32, Module? model = null)
    {
        (_options, _images) = (options, images);
        Model = model ?? options.Network.Create(options.Width, images);
        Model.Place(device, type, options.Seed);
        _optimizer = new Sgd(Model, options.Optimizer.WeightDecay);
        _average = options.Average is { } average ? new TrainingAverage(options, average, Model) : null;
        _batches = new TrainingBatches(device, options, images, type);
        _replays = options.Replays();
        _rates = options.Optimizer.Over(options.Epochs, _batches.Count);
        _workspace = new Workspace(device, MemoryCategory.Data);
        _losses = _workspace.Plain(new Shape(images.Count, 1), type);
        _correct = _workspace.Plain(new Shape(images.Count, 1), ElementType.Int32);
        _magnitudes = _workspace.Plain(new Shape(images.Count, 1), type);
        if (options.Adversary.CarriesDelta)
        {
            _previous = _workspace.Activation(_batches.First.Delta.Shape, type);
            Ops.InitializeDelta(_previous, _previous, DeltaInit.Zero, tau: 0, clampPixels: false, default);
        }

        Normalization normalization = options.Data.NormalizationOf(images);
        _parts = TrainingPass.Parts(options, Model, normalization);
        _pass = TrainingPass.Create(
            options, Model, normalization, _batches.First, () => _optimizer.Step(_rate.LearningRate, _rate.Momentum), _parts);
        State = new TrainerState
        {
            Epoch = 0,
            Batch = 0,
            Replay = _replays.First,
            Sums = EpochSums.None,
            Passes = 0,
            Data = images.Digest,
        };
    }

    /// <summary>The network.</summary>
    public Module Model { get; }

    /// <summary>The average of the network over the run; null where there is none, or none yet.</summary>
    public WeightAverage? Average => _average?.Weights is { Updates: > 0 } average ? average : null;

    /// <summary>Where the run stands.</summary>
    public TrainerState State { get; private set; }

    /// <summary>Minibatches per epoch.</summary>
    public int Batches => _batches.Count;

    /// <summary>Images of a minibatch; the last one of an epoch may have fewer.</summary>
    public int BatchSize => _batches.First.Count;

    /// <summary>Whether all minibatches of the epoch are done.</summary>
    public bool IsEpochDone => State.Batch == Batches || HasNoPassLeft;

    /// <summary>Whether the run has made as many passes over the training images as it may.</summary>
    public bool HasNoPassLeft => RunPasses >= (long?)_options.MaxPasses * Batches;

    /// <summary>The part of the run that is done, in [0,1]: by its epochs, or by its passes where that is more.</summary>
    public double Done => Math.Max(
        (State.Epoch + ((double)State.Batch / Batches)) / _options.Epochs,
        Math.Min(1, RunPasses / ((double?)_options.MaxPasses * Batches) ?? 0));

    /// <summary>The learning rate of the next minibatch.</summary>
    public double LearningRate => RateAt(State).LearningRate;

    /// <summary>Is told about each pass.</summary>
    public Action<PassObservation>? Observer
    {
        get => _pass.Observer;
        set => _pass.Observer = value;
    }

    /// <summary>Trains on the next minibatch.</summary>
    /// <param name="iterations">Adversarial iterations; those of the schedule if null.</param>
    public void TrainBatch(int? iterations = null)
    {
        if (IsEpochDone)
            throw new InvalidOperationException("The epoch is done: call EndEpoch.");
        TrainerState now = State;
        (long passes, long flops) = (_pass.Forwards, Model.Device.Ledger.Flops);
        Prepare(now);
        _options.Method.Loop.Run(_pass, iterations ?? Replays.Count);
        Keep(now);
        State = now with { Batch = now.Batch + 1 };
        _average?.After(State, _batches, _pass);
        State = State with
        {
            Passes = now.Passes + _pass.Forwards - passes,
            Flops = now.Flops + Model.Device.Ledger.Flops - flops,
        };
    }

    /// <summary>Reads what the minibatches since the last call showed and adds it to the state's sums. Waits for the device.</summary>
    /// <exception cref="NumericException">A loss or gradient magnitude is not finite.</exception>
    public EpochSums Fold()
    {
        EpochSums sums = State.Sums;
        int end = Math.Min(State.Batch * _options.BatchSize, _images.Count);
        Shape part = new(end - sums.Images, 1);
        if (part.N == 0)
            return sums;
        double[] losses = _losses.Slice(sums.Images, part).ToDoubles();
        int[] correct = _correct.Slice(sums.Images, part).ToArray<int>();
        double[]? magnitudes = HasMagnitude ? _magnitudes.Slice(sums.Images, part).ToDoubles() : null;
        for (int i = 0; i < part.N; i++)
        {
            if (MeasuresLastBatch && sums.Images % _options.BatchSize == 0)
                sums = sums with { Magnitude = 0 };
            RequireFinite(losses[i], "loss", sums.Images);
            RequireFinite(magnitudes?[i] ?? 0, "gradient magnitude", sums.Images);
            sums = sums.And(losses[i], correct[i], magnitudes?[i]);
        }

        State = State with { Sums = sums };
        return sums;
    }

    /// <summary>
    /// What the schedule says, with one iteration more and half the step for each time that the run went back to a good state.
    /// </summary>
    public ReplayState Replays => _options.Method.HasAdversary
        ? State.Replay with
        {
            Count = State.Replay.Count + State.Rollbacks,
            StepSize = Math.ScaleB(State.Replay.StepSize, -State.Rollbacks),
        }
        : State.Replay;

    /// <summary>Whether the magnitude of the epoch is that of its last minibatch alone.</summary>
    public bool MeasuresLastBatch => _options.Method.MeasuresLastBatch(_options.Compatibility);

    /// <summary>Whether the method sees gradient magnitudes in this epoch: those of its attack steps, or of the update itself.</summary>
    public bool HasMagnitude => Replays.Count > 0 || _pass.UpdateWants.HasFlag(Wanted.Input);

    /// <summary>Lets the replay schedule see the epoch and goes on to the next.</summary>
    /// <param name="best">The best epoch so far, this one included; null without validation.</param>
    /// <exception cref="NumericException">A loss or gradient magnitude is not finite.</exception>
    public void EndEpoch(BestEpoch? best)
    {
        if (!IsEpochDone)
            throw new InvalidOperationException($"The epoch has {Batches - State.Batch} minibatches left.");
        EpochSums sums = Fold();
        State = State with
        {
            Epoch = State.Epoch + 1,
            Batch = 0,
            Replay = _replays.Next(State.Replay, new EpochOutcome(sums.Magnitude, sums.Accuracy)),
            Sums = EpochSums.None,
            Passes = 0,
            EarlierPasses = RunPasses,
            Flops = 0,
            Best = best,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass.Dispose();
        foreach (IUpdatePart part in _parts)
            part.Dispose();
        _batches.Dispose();
        _workspace.Dispose();
        _optimizer.Dispose();
        _average?.Dispose();
        Model.Dispose();
    }

    private long RunPasses => State.EarlierPasses + State.Passes;

    private void Prepare(TrainerState now)
    {
        _pass.Batch = _batches.Gather(now.Epoch, now.Batch);
        _rate = RateAt(now);
        Model.Reseed(new RandomKey(_options.Seed, Purpose.Dropout, now.Epoch, now.Batch));
        RandomKey key = new(_options.Seed, Purpose.Delta, now.Epoch, now.Batch);
        TrainingPass.Start(_pass, _options, Replays.StepSize, now.Epoch, key, previous: _previous);
    }

    // Passes over the same tensors can be recorded, so what the images show comes to its place afterwards.
    private void Keep(TrainerState now)
    {
        int start = _batches.Start(now.Batch);
        Minibatch batch = _pass.Batch;
        Shape part = new(batch.Count, 1);
        using (Model.Device.Ledger.In(Phase.Data))
        {
            if (_previous is not null)
                Ops.Keep(batch.Delta, _previous.First(batch.Count));
            Ops.Keep(batch.Losses, _losses.Slice(start, part));
            Ops.Keep(batch.Correct, _correct.Slice(start, part));
            if (HasMagnitude)
                Ops.Keep(batch.Magnitude, _magnitudes.Slice(start, part));
        }
    }

    // Half the rate for each time that the run went back to a good state.
    private (double LearningRate, double Momentum) RateAt(TrainerState now)
    {
        int steps = _options.Epochs * Batches;
        // A budget of passes spreads the schedule over them, so that it comes to its end whatever an epoch costs.
        int step = _options.MaxPasses is { } most
            ? (int)Math.Min(steps, (now.EarlierPasses + now.Passes) * _options.Epochs / most)
            : now.Epoch * Batches + now.Batch;
        (double rate, double momentum) = _rates.At(step);
        return (Math.ScaleB(rate, -now.Rollbacks), momentum);
    }

    private void RequireFinite(double value, string what, int image)
    {
        if (!double.IsFinite(value))
            throw new NumericException($"{what} is {value} at epoch {State.Epoch}, batch {image / _options.BatchSize}");
    }
}
