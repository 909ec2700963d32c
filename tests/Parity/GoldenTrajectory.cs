using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using Deat.Twins;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The golden batches through a training method of the product: what each pass showed, and the state at the end.</summary>
internal sealed class GoldenTrajectory
{
    public GoldenTrajectory(ComputeDevice device, GoldenFile file, string name, int batches = int.MaxValue, double change = 0)
    {
        TrainingMethod method = TrainingMethods.Find(name);
        AdversaryOptions adversary = method.Defaults;
        Assert.That(adversary.Epsilon.Value, Is.EqualTo(file.Setting("method", "epsilon")));
        Assert.That(adversary.Alpha?.Value, Is.EqualTo(file.Setting("method", "alpha")));
        using PreActResNet18 model = GoldenNetwork.Place(device, ElementType.Float64, file.Seed, change);
        using Sgd sgd = new(model, file.Setting("sgd", "weight_decay"));
        using Workspace workspace = new(device, MemoryCategory.Data);
        AdversarialPass pass = new(model, method.Loss, GoldenNetwork.Normalization)
        {
            Batch = Minibatch.Allocate(workspace, GoldenNetwork.BatchShape, ElementType.Float64),
            Ball = new LinfBall { Epsilon = adversary.Epsilon.Value, Alpha = adversary.Alpha!.Value.Value },
            Update = () => sgd.Step(file.Setting("sgd", "lr"), file.Setting("sgd", "momentum")),
            Observer = Record,
        };

        double[] steps = file["steps"];
        (int Epoch, int Batch)[] places = [.. file["batches_per_epoch"]
            .SelectMany((count, epoch) => Enumerable.Range(0, (int)count).Select(batch => (epoch, batch)))];
        for (int i = 0; i < Math.Min(batches, steps.Length); i++)
        {
            Prepare(pass.Batch, method, file.Seed, i, places[i]);
            pass.Start();
            method.Loop(pass, (int)steps[i]);
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

    private static void Prepare(Minibatch batch, TrainingMethod method, ulong seed, int number, (int Epoch, int Batch) place)
    {
        batch.X.CopyFrom<double>(GoldenWeights.Images(seed, number));
        batch.Labels.CopyFrom<int>(GoldenWeights.Labels(seed, number));
        RandomKey key = new(seed, Purpose.Delta, place.Epoch, place.Batch);
        AdversaryOptions adversary = method.Defaults;
        Ops.InitializeDelta(batch.Delta, batch.X, adversary.Start!.Value, adversary.Tau!.Value.Value, method.ClampsStart, key);
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
