using System.Runtime.InteropServices;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// Trains a network by a method, one minibatch at a time. Images, deltas and what each image shows stay on the device; inside a minibatch
/// the host waits for nothing. All that happens is a function of options, images, state, weights and momentum: a run that was saved
/// between two minibatches goes on with the same bits.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainOptions _options;
    private readonly IReplaySchedule _replays;
    private readonly ILearningRateSchedule _rates;
    private readonly BatchOrder _order;
    private readonly ImageSet _images;
    private readonly Workspace _workspace;
    private readonly DeviceImages _source;
    private readonly Sgd _optimizer;
    private readonly AdversarialPass _pass;
    private readonly Minibatch _full;
    private readonly Minibatch _last;
    private readonly Tensor _losses;
    private readonly Tensor _correct;
    private readonly Tensor _magnitudes;
    private int _orderedEpoch = -1;
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
        _order = new BatchOrder(images.Count, options.BatchSize, options.Seed);
        _replays = options.Replays();
        _rates = options.Optimizer.Over(options.Epochs, _order.Batches);
        _workspace = new Workspace(device, MemoryCategory.Data);
        _source = new DeviceImages(device, images, images.Count);
        _losses = _workspace.Plain(new Shape(images.Count, 1), type);
        _correct = _workspace.Plain(new Shape(images.Count, 1), ElementType.Int32);
        _magnitudes = _workspace.Plain(new Shape(images.Count, 1), type);
        int size = Math.Min(options.BatchSize, images.Count);
        int rest = images.Count % size;
        bool seesNatural = options.Objective().SeesNatural;
        _full = Minibatch.Allocate(_workspace, new Shape(size, images.Channels, images.Height, images.Width), type, seesNatural);
        _last = rest == 0 ? _full : Minibatch.Allocate(_workspace, _full.X.Shape with { N = rest }, type, seesNatural);
        _pass = TrainingPass.Create(
            options, Model, options.Data.NormalizationOf(images), _full, () => _optimizer.Step(_rate.LearningRate, _rate.Momentum));
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

    /// <summary>Where the run stands.</summary>
    public TrainerState State { get; private set; }

    /// <summary>Minibatches per epoch.</summary>
    public int Batches => _order.Batches;

    /// <summary>Images of a minibatch; the last one of an epoch may have fewer.</summary>
    public int BatchSize => _full.Count;

    /// <summary>Whether passes that only attack compute the gradients of weights too, which nobody uses: to see what that costs.</summary>
    public bool ComputesDiscarded
    {
        get => _pass.ComputesDiscarded;
        init => _pass.ComputesDiscarded = value;
    }

    /// <summary>Whether all minibatches of the epoch are done.</summary>
    public bool IsEpochDone => State.Batch == Batches;

    /// <summary>The learning rate of the next minibatch.</summary>
    public double LearningRate => _rates.At(State.Epoch * Batches + State.Batch).LearningRate;

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
        Prepare(now);
        long passes = _pass.Forwards;
        _options.Method.Loop.Run(_pass, iterations ?? now.Replay.Count);
        Keep(now);
        State = now with { Batch = now.Batch + 1, Passes = now.Passes + _pass.Forwards - passes };
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
        double[] magnitudes = HasMagnitude ? _magnitudes.Slice(sums.Images, part).ToDoubles() : new double[part.N];
        (double loss, double magnitude) = (sums.Loss, sums.Magnitude);
        bool lastOnly = _options.Method.MeasuresLastBatch(_options.Compatibility);
        for (int i = 0; i < part.N; i++)
        {
            if (lastOnly && (sums.Images + i) % _options.BatchSize == 0)
                magnitude = 0;
            RequireFinite(losses[i], "loss", sums.Images + i);
            RequireFinite(magnitudes[i], "gradient magnitude", sums.Images + i);
            loss += losses[i];
            magnitude += magnitudes[i];
        }

        State = State with { Sums = new EpochSums(end, sums.Correct + correct.Sum(), loss, magnitude) };
        return State.Sums;
    }

    /// <summary>Whether the method sees gradient magnitudes in this epoch: those of its attack steps, or of the update itself.</summary>
    public bool HasMagnitude => State.Replay.Count > 0 || _pass.UpdateWants.HasFlag(Wanted.Input);

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
            Best = best,
        };
    }

    /// <summary>All that a run needs to go on.</summary>
    /// <exception cref="NumericException">A loss, weight or momentum is not finite: such a state is not to be kept.</exception>
    public Checkpoint Save()
    {
        Fold();
        IReadOnlyList<NamedArray> arrays = [.. Model.StateDict(), .. _optimizer.StateDict()];
        foreach (NamedArray array in arrays)
        {
            if (CountNotFinite(array) is > 0 and long count)
                throw new NumericException(
                    $"{array.Name} is not finite at epoch {State.Epoch}, batch {State.Batch} "
                    + $"({count} of {array.Data.Length / array.Type.Bytes()})");
        }

        return Checkpoint.Of(arrays, State);
    }

    /// <summary>Takes over what <see cref="Save"/> gave.</summary>
    /// <exception cref="CheckpointException">It is of another network, other images or another version.</exception>
    public void Restore(Checkpoint checkpoint)
    {
        TrainerState state = checkpoint.StateAs<TrainerState>();
        if (state.Data != _images.Digest)
            throw new CheckpointException(
                $"the checkpoint was trained on other images (digest {state.Data[..12]}, now {_images.Digest[..12]})");
        try
        {
            (NamedArray[] optimizer, NamedArray[] model) = Split(checkpoint);
            Model.LoadStateDict(model);
            _optimizer.LoadStateDict(optimizer);
        }
        catch (StateFileException e)
        {
            throw new CheckpointException(e.Message, e);
        }

        (State, _orderedEpoch) = (state, -1);
    }

    /// <summary>The arrays of a checkpoint: those of the optimizer, and those of the model.</summary>
    public static (NamedArray[] Optimizer, NamedArray[] Model) Split(Checkpoint checkpoint)
    {
        ILookup<bool, NamedArray> parts = checkpoint.Arrays.ToLookup(array => array.Name.StartsWith(Sgd.Prefix, StringComparison.Ordinal));
        return ([.. parts[true]], [.. parts[false]]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass.Dispose();
        _source.Dispose();
        _workspace.Dispose();
        _optimizer.Dispose();
        Model.Dispose();
    }

    private void Prepare(TrainerState now)
    {
        int start = now.Batch * _options.BatchSize;
        Minibatch batch = _images.Count - start < _full.Count ? _last : _full;
        if (_orderedEpoch != now.Epoch)
            _source.SetOrder(_order.Epoch(now.Epoch));
        _orderedEpoch = now.Epoch;
        using (Model.Device.Ledger.In(Phase.Data))
        {
            RandomKey augmentation = new(_options.Seed, Purpose.Augmentation, now.Epoch, now.Batch);
            _source.Gather(batch, start, _images.Augment ? augmentation : null);
        }

        _rate = _rates.At(now.Epoch * Batches + now.Batch);
        _pass.Batch = batch;
        Model.Reseed(new RandomKey(_options.Seed, Purpose.Dropout, now.Epoch, now.Batch));
        TrainingPass.Start(
            _pass, _options, now.Replay.StepSize, new RandomKey(_options.Seed, Purpose.Delta, now.Epoch, now.Batch));
    }

    // Passes over the same tensors can be recorded, so what the images show comes to its place afterwards.
    private void Keep(TrainerState now)
    {
        int start = now.Batch * _options.BatchSize;
        Minibatch batch = _pass.Batch;
        Shape part = new(batch.Count, 1);
        using (Model.Device.Ledger.In(Phase.Data))
        {
            Ops.Keep(batch.Losses, _losses.Slice(start, part));
            Ops.Keep(batch.Correct, _correct.Slice(start, part));
            if (HasMagnitude)
                Ops.Keep(batch.Magnitude, _magnitudes.Slice(start, part));
        }
    }

    private void RequireFinite(double value, string what, int image)
    {
        if (!double.IsFinite(value))
            throw new NumericException($"{what} is {value} at epoch {State.Epoch}, batch {image / _options.BatchSize}");
    }

    private static long CountNotFinite(NamedArray array) => array.Type switch
    {
        ElementType.Float32 => MemoryMarshal.Cast<byte, float>(array.Data).ToArray().LongCount(value => !float.IsFinite(value)),
        ElementType.Float64 => MemoryMarshal.Cast<byte, double>(array.Data).ToArray().LongCount(value => !double.IsFinite(value)),
        _ => 0,
    };
}
