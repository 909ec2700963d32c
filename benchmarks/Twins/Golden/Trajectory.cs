using System.Runtime.InteropServices;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>A training method as the golden trajectories run it.</summary>
/// <param name="Name">File name without extension.</param>
/// <param name="Alpha">Step size, pixel range [0,1].</param>
/// <param name="UniformStart">Start from <see cref="GoldenWeights.UniformDelta"/>, not from zero.</param>
/// <param name="ClampStart">Clamp the start so that x + delta is in [0,1].</param>
/// <param name="UpdateEveryStep">Weights follow every adversarial step (FREE, DEAT), not one training pass after them (PGD).</param>
/// <param name="Steps">Adversarial steps per batch; one array per epoch, one number per batch.</param>
internal sealed record TrajectoryMethod(
    string Name, double Alpha, bool UniformStart, bool ClampStart, bool UpdateEveryStep, int[][] Steps)
{
    public static readonly TrajectoryMethod[] All =
    [
        new("pgd7", 2 / 255.0, true, false, false, [[7, 7, 7, 7, 7, 7, 7, 7]]),
        new("free4", 8 / 255.0, false, false, true, [[4, 4, 4, 4, 4, 4, 4, 4]]),
        new("mdeat", 10 / 255.0, true, true, true, [[1, 1], [2, 2, 2], [3, 3, 3]]),
    ];
}

/// <summary>Eight consecutive training batches of one method in float64, in the order of operations of TrustAI/DEAT.</summary>
internal sealed class Trajectory
{
    public const double Epsilon = 8 / 255.0;
    public const double LearningRate = 0.05;
    public const double Momentum = 0.9;
    public const double WeightDecay = 5e-4;

    /// <summary>Cross-entropy of every forward pass.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>Sum of |dloss/dz| over the batch, z the normalised input, of every adversarial step.</summary>
    public List<double> Magnitudes { get; } = [];

    /// <summary>Sum of the last magnitudes of the batches, per epoch.</summary>
    public List<double> EpochMagnitudes { get; } = [];

    /// <summary>One bit per element and adversarial step: set where the input gradient is positive, clear where negative.</summary>
    public List<byte> Signs { get; } = [];

    /// <summary>Gradients that are exactly zero, over all steps; a golden run has none.</summary>
    public long ZeroGradients { get; private set; }

    /// <summary>The smallest |dloss/dz| of all steps over the root mean square of its step.</summary>
    public double SmallestGradient { get; private set; } = double.PositiveInfinity;

    public (string Name, Tensor Value)[] Entries { get; private set; } = [];

    public static Trajectory Run(TrajectoryMethod method, ulong seed, double perturbation = 0)
    {
        var trajectory = new Trajectory();
        using PreActResNet18 network = GoldenSetting.Network(seed, perturbation);
        using var sgd = optim.SGD(network.parameters(), LearningRate, Momentum, weight_decay: WeightDecay);
        network.train();
        int image = 0;
        for (int epoch = 0; epoch < method.Steps.Length; epoch++)
        {
            trajectory.EpochMagnitudes.Add(0);
            for (int batch = 0; batch < method.Steps[epoch].Length; batch++)
            {
                using var scope = NewDisposeScope();
                Tensor x = GoldenSetting.Images(seed, image);
                Tensor labels = GoldenSetting.Labels(seed, image++);
                Tensor delta = method.UniformStart ? GoldenSetting.UniformDelta(seed, epoch, batch, Epsilon) : zeros_like(x);
                if (method.ClampStart) delta = LinfBall.KeepPixelsValid(delta, x);
                trajectory.TrainBatch(method, network, sgd, x, delta, labels, method.Steps[epoch][batch]);
                trajectory.EpochMagnitudes[epoch] += trajectory.Magnitudes[^1];
            }
        }

        trajectory.Entries = [.. network.Entries().Select(entry => (entry.Name, entry.Value.detach().clone()))];
        return trajectory;
    }

    private void TrainBatch(
        TrajectoryMethod method, PreActResNet18 network, optim.Optimizer sgd, Tensor x, Tensor delta, Tensor labels, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            Tensor leaf = delta.detach().requires_grad_();
            Backward(network, sgd, x + leaf, labels);
            Tensor gradient = leaf.grad!;
            Record(gradient);
            delta = LinfBall.Step(delta, gradient, x, method.Alpha, Epsilon);
            if (method.UpdateEveryStep) sgd.step();
        }

        if (method.UpdateEveryStep) return;
        Backward(network, sgd, x + delta, labels);
        sgd.step();
    }

    private void Backward(PreActResNet18 network, optim.Optimizer sgd, Tensor pixels, Tensor labels)
    {
        Tensor input = (pixels - GoldenSetting.Mean()) / GoldenSetting.Std();
        Tensor loss = functional.cross_entropy(network.forward(input), labels);
        Losses.Add(loss.item<double>());
        sgd.zero_grad();
        loss.backward();
    }

    private void Record(Tensor gradient)
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
}
