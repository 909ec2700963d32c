using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>
/// Eight consecutive training batches of one method in float64, in the order of operations of TrustAI/DEAT and the scripts it cites.
/// </summary>
internal sealed class Trajectory
{
    public const double Epsilon = 8 / 255.0;
    public const double LearningRate = 0.05;
    public const double Momentum = 0.9;
    public const double WeightDecay = 5e-4;

    /// <summary>Adversarial steps of every batch, and their size.</summary>
    public List<(int Count, double Size)> Steps { get; } = [];

    /// <summary>The loss of every pass.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>Sum of |dloss/dz| over the batch, z the normalised input, of every adversarial step.</summary>
    public List<double> Magnitudes { get; } = [];

    /// <summary>What each epoch showed.</summary>
    public List<EpochShown> Epochs { get; } = [];

    /// <summary>One bit per element and adversarial step: set where the input gradient is positive, clear where negative.</summary>
    public List<byte> Signs { get; } = [];

    /// <summary>Gradients that are exactly zero, over all steps; a golden run has none.</summary>
    public long ZeroGradients { get; private set; }

    /// <summary>The smallest |dloss/dz| of all steps over the root mean square of its step.</summary>
    public double SmallestGradient { get; private set; } = double.PositiveInfinity;

    /// <summary>Images that an attack left as they were, over all steps.</summary>
    public long Left { get; set; }

    /// <summary>How near the closest of all decisions came to its limit, relative to that.</summary>
    public double NearestDecision { get; private set; } = double.PositiveInfinity;

    public (string Name, Tensor Value)[] Entries { get; private set; } = [];

    public static Trajectory Run(TrajectoryMethod method, ulong seed, double perturbation = 0)
    {
        var trajectory = new Trajectory();
        using PreActResNet18 network = GoldenSetting.Network(seed, perturbation);
        using var sgd = optim.SGD(network.parameters(), LearningRate, Momentum, weight_decay: WeightDecay);
        network.train();
        var passes = new TrajectoryPasses(method, network, sgd, trajectory);
        Tensor previous = zeros_like(GoldenSetting.Images(seed, 0));
        int image = 0;
        foreach ((int epoch, int batches) in method.Epochs.Index())
        {
            (int Count, double Size) steps = method.Pace(trajectory.Epochs);
            (double magnitude, long hits) = (0, 0);
            for (int batch = 0; batch < batches; batch++)
            {
                using var scope = NewDisposeScope();
                Tensor x = GoldenSetting.Images(seed, image);
                TrajectoryBatch shown = new(seed, epoch, batch, x, GoldenSetting.Labels(seed, image++));
                int before = trajectory.Magnitudes.Count;
                previous.copy_(passes.Train(shown, Start(method, shown, previous), steps.Count, steps.Size));
                trajectory.Steps.Add(steps);
                double last = trajectory.Magnitudes.Count > before ? trajectory.Magnitudes[^1] : 0;
                magnitude = method.MeasureLastBatch ? last : magnitude + last;
                hits += passes.Hits;
            }

            trajectory.Epochs.Add(new EpochShown(steps.Count, magnitude, (double)hits / (batches * GoldenWeights.BatchSize)));
        }

        trajectory.Entries = [.. network.Entries().Select(entry => (entry.Name, entry.Value.detach().clone()))];
        return trajectory;
    }

    /// <summary>Keeps the nearest of decisions by a comparison of two numbers.</summary>
    public void Decide(Tensor value, Tensor limit) => NearestDecision = Math.Min(
        NearestDecision, ((value - limit).abs() / maximum(value.abs(), limit.abs())).min().item<double>());

    /// <summary>Keeps the gradient of an adversarial step with respect to the pixels.</summary>
    public void Record(Tensor gradient)
    {
        Tensor normalised = (gradient * GoldenSetting.Std()).abs();
        Magnitudes.Add(normalised.sum().item<double>());
        SmallestGradient = Math.Min(SmallestGradient, (normalised.min() / normalised.square().mean().sqrt()).item<double>());
        double[] values = MemoryMarshal.Cast<byte, double>(gradient.contiguous().bytes).ToArray();
        byte[] bits = new byte[values.Length / 8];
        for (int i = 0; i < values.Length; i++)
            if (values[i] > 0) bits[i >> 3] |= (byte)(1 << (i & 7));
        Signs.AddRange(bits);
        ZeroGradients += values.LongCount(value => value == 0);
    }

    private static Tensor Start(TrajectoryMethod method, TrajectoryBatch batch, Tensor previous)
    {
        Tensor delta = method.Start switch
        {
            TrajectoryStart.Uniform => GoldenSetting.UniformDelta(batch.Seed, batch.Epoch, batch.Index, method.Tau),
            TrajectoryStart.Previous => previous.clone(),
            _ => zeros_like(batch.X),
        };
        return method.ClampStart ? LinfBall.KeepPixelsValid(delta, batch.X) : delta;
    }
}
