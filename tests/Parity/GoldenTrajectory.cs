using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using Deat.Twins;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The golden batches through a training method of the product: what each pass showed, and the state at the end.</summary>
internal sealed class GoldenTrajectory
{
    private readonly GoldenFile _file;
    private readonly TrainOptions _options;
    private readonly AdversarialPass _pass;
    private readonly Tensor _previous;
    private int _left;

    /// <summary>Runs the batches.</summary>
    /// <param name="device">Where.</param>
    /// <param name="file">The golden trajectory.</param>
    /// <param name="line">The options of the run as on the command line.</param>
    /// <param name="batches">How many batches at most.</param>
    /// <param name="change">What is added to a weight.</param>
    public GoldenTrajectory(ComputeDevice device, GoldenFile file, string line, int batches = int.MaxValue, double change = 0)
    {
        TrainOptions options = TinyRuns.Options(line) with { Seed = file.Seed };
        Assert.That(options.Adversary.Epsilon.Value, Is.EqualTo(file.Setting("method", "epsilon")));
        Assert.That(options.Adversary.Alpha?.Value ?? 0, Is.EqualTo(file.Setting("method", "alpha")));
        using PreActResNet18 model = GoldenNetwork.Place(device, ElementType.Float64, file.Seed, change);
        using Sgd sgd = new(model, file.Setting("sgd", "weight_decay"));
        using Workspace workspace = new(device, MemoryCategory.Data);
        Minibatch batch = Minibatch.Allocate(
            workspace, GoldenNetwork.BatchShape, ElementType.Float64, options.Objective().SeesNatural);
        IReadOnlyList<IUpdatePart> parts = TrainingPass.Parts(options, model, GoldenNetwork.Normalization);
        using AdversarialPass pass = TrainingPass.Create(
            options, model, GoldenNetwork.Normalization, batch,
            () => sgd.Step(file.Setting("sgd", "lr"), file.Setting("sgd", "momentum")), parts);
        pass.Observer = Record;
        Tensor previous = workspace.Activation(GoldenNetwork.BatchShape, ElementType.Float64);
        previous.CopyFrom<double>(new double[GoldenNetwork.BatchShape.Count]);
        (_file, _options, _pass, _left, _previous) = (file, options, pass, batches, previous);
        ReplayState replays = options.Replays().First;
        for (int epoch = 0; epoch < file["batches_per_epoch"].Length && _left > 0; epoch++)
            replays = options.Replays().Next(replays, Epoch(epoch, replays));
        foreach (IUpdatePart part in parts)
            part.Dispose();
        State = model.StateDict();
    }

    /// <summary>Adversarial iterations of every minibatch.</summary>
    public List<double> Steps { get; } = [];

    /// <summary>Their step sizes.</summary>
    public List<double> StepSizes { get; } = [];

    /// <summary>The training accuracy of every epoch.</summary>
    public List<double> Accuracies { get; } = [];

    /// <summary>The loss of every pass.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>The gradient magnitude of every pass that moves delta, summed over the images.</summary>
    public List<double> Magnitudes { get; } = [];

    /// <summary>The magnitudes of the last such passes of an epoch's batches, summed.</summary>
    public List<double> EpochMagnitudes { get; } = [];

    /// <summary>One bit for each element of each input gradient: set where it is positive.</summary>
    public List<byte> Signs { get; } = [];

    /// <summary>The state dictionary after the last batch.</summary>
    public IReadOnlyList<NamedArray> State { get; }

    // The schedule decides, except where the golden file has a table instead.
    private EpochOutcome Epoch(int epoch, ReplayState replays)
    {
        bool decides = _file.Holds("epoch_accuracy");
        Minibatch batch = _pass.Batch;
        (double magnitude, int hits) = (0, 0);
        int count = Math.Min(_left, (int)_file["batches_per_epoch"][epoch]);
        for (int i = 0; i < count; i++)
        {
            int place = Steps.Count;
            Steps.Add(decides ? replays.Count : _file["steps"][place]);
            StepSizes.Add(decides ? replays.StepSize : _file["step_sizes"][place]);
            batch.X.CopyFrom<double>(GoldenWeights.Images(_file.Seed, place));
            batch.Labels.CopyFrom<int>(GoldenWeights.Labels(_file.Seed, place));
            RandomKey key = new(_options.Seed, Purpose.Delta, epoch, i);
            Tensor? previous = _options.Adversary.CarriesDelta ? _previous : null;
            TrainingPass.Start(_pass, _options, StepSizes[^1], epoch, key, previous: previous);
            int before = Magnitudes.Count;
            _options.Method.Loop.Run(_pass, (int)Steps[^1]);
            double last = Magnitudes.Count > before ? Magnitudes[^1] : 0;
            magnitude = _options.Method.MeasuresLastBatch(_options.Compatibility) ? last : magnitude + last;
            Ops.Keep(batch.Delta, _previous);
            hits += batch.Correct.ToArray<int>().Sum();
        }

        _left -= count;
        EpochMagnitudes.Add(magnitude);
        Accuracies.Add((double)hits / (count * batch.Count));
        return new EpochOutcome(magnitude, Accuracies[^1]);
    }

    private void Record(PassObservation shown)
    {
        Losses.Add(shown.Loss.ToArray<double>()[0]);
        if (shown.InputGradient is null)
            return;
        Magnitudes.Add(shown.Batch.Magnitude.ToArray<double>().Sum());
        double[] gradient = shown.InputGradient.ToArray<double>();
        byte[] bits = new byte[gradient.Length / 8];
        for (int i = 0; i < gradient.Length; i++)
        {
            if (gradient[i] > 0)
                bits[i / 8] |= (byte)(1 << (i % 8));
        }

        Signs.AddRange(bits);
    }
}
