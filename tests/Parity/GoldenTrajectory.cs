using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using Deat.Twins;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The golden batches through a training method of the product: what each pass showed, and the state at the end.</summary>
internal sealed class GoldenTrajectory
{
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
        Assert.That(options.Adversary.Alpha?.Value, Is.EqualTo(file.Setting("method", "alpha")));
        using PreActResNet18 model = GoldenNetwork.Place(device, ElementType.Float64, file.Seed, change);
        using Sgd sgd = new(model, file.Setting("sgd", "weight_decay"));
        using Workspace workspace = new(device, MemoryCategory.Data);
        Minibatch batch = Minibatch.Allocate(
            workspace, GoldenNetwork.BatchShape, ElementType.Float64, options.Objective().SeesNatural);
        using AdversarialPass pass = TrainingPass.Create(
            options, model, GoldenNetwork.Normalization, batch,
            () => sgd.Step(file.Setting("sgd", "lr"), file.Setting("sgd", "momentum")));
        pass.Observer = Record;

        double[] steps = file["steps"];
        (int Epoch, int Batch)[] places = [.. file["batches_per_epoch"]
            .SelectMany((count, epoch) => Enumerable.Range(0, (int)count).Select(batch => (epoch, batch)))];
        for (int i = 0; i < Math.Min(batches, steps.Length); i++)
        {
            batch.X.CopyFrom<double>(GoldenWeights.Images(file.Seed, i));
            batch.Labels.CopyFrom<int>(GoldenWeights.Labels(file.Seed, i));
            RandomKey key = new(options.Seed, Purpose.Delta, places[i].Epoch, places[i].Batch);
            TrainingPass.Start(pass, options, file["step_sizes"][i], places[i].Epoch, key);
            options.Method.Loop.Run(pass, (int)steps[i]);
            if (places[i].Batch == 0)
                EpochMagnitudes.Add(0);
            EpochMagnitudes[^1] += Magnitudes[^1];
        }

        State = model.StateDict();
    }

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
