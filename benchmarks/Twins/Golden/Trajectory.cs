using System.Runtime.InteropServices;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>What an adversary raises and a network lowers.</summary>
internal enum TrajectoryLoss
{
    /// <summary>Cross-entropy at x + delta.</summary>
    CrossEntropy,

    /// <summary>Summed divergence in the attack, the loss of TRADES in training.</summary>
    Trades,

    /// <summary>Cross-entropy in the attack, the loss of MART in training.</summary>
    Mart,
}

/// <summary>A training method as the golden trajectories run it.</summary>
/// <param name="Name">File name without extension.</param>
/// <param name="Alpha">Step size, pixel range [0,1].</param>
/// <param name="Steps">Adversarial steps per batch; one array per epoch, one number per batch.</param>
internal sealed record TrajectoryMethod(string Name, double Alpha, int[][] Steps)
{
    public static readonly TrajectoryMethod[] All =
    [
        new("pgd7", 2 / 255.0, [[7, 7, 7, 7, 7, 7, 7, 7]]) { UniformStart = true },
        new("free4", 8 / 255.0, [[4, 4, 4, 4, 4, 4, 4, 4]]) { UpdateEveryStep = true },
        new("mdeat", 10 / 255.0, [[1, 1], [2, 2, 2], [3, 3, 3]]) { UniformStart = true, ClampStart = true, UpdateEveryStep = true },
        new("trades3", 2 / 255.0, [[3, 3, 3, 3, 3, 3, 3, 3]]) { UniformStart = true, Loss = TrajectoryLoss.Trades },
        new("mart3", 2 / 255.0, [[3, 3, 3, 3, 3, 3, 3, 3]]) { UniformStart = true, ClampStart = true, Loss = TrajectoryLoss.Mart },
        new("mtrades", 2 / 255.0, [[0, 0], [1, 1, 1], [2, 2, 2]])
        {
            UniformStart = true,
            Loss = TrajectoryLoss.Trades,
            MeasureUpdate = true,
        },
    ];

    /// <summary>Start from <see cref="GoldenWeights.UniformDelta"/>, not from zero.</summary>
    public bool UniformStart { get; init; }

    /// <summary>Clamp the start so that x + delta is in [0,1].</summary>
    public bool ClampStart { get; init; }

    /// <summary>Weights follow every adversarial step (FREE, DEAT), not one training pass after them (PGD).</summary>
    public bool UpdateEveryStep { get; init; }

    /// <summary>
    /// The training pass takes the gradient of the images too, and the step size follows the number of steps (M+PGD and the like).
    /// </summary>
    public bool MeasureUpdate { get; init; }

    public TrajectoryLoss Loss { get; init; }

    /// <summary>The step size in an epoch.</summary>
    public double StepSize(int epoch) =>
        MeasureUpdate && Steps[epoch][0] > 0 ? Math.Max(Trajectory.Epsilon / Steps[epoch][0], Alpha) : Alpha;
}

/// <summary>Eight consecutive training batches of one method in float64, in the order of operations of TrustAI/DEAT.</summary>
internal sealed class Trajectory
{
    public const double Epsilon = 8 / 255.0;
    public const double LearningRate = 0.05;
    public const double Momentum = 0.9;
    public const double WeightDecay = 5e-4;

    /// <summary>The loss of every pass.</summary>
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
                trajectory.TrainBatch(method, network, sgd, new Batch(x, labels), delta, epoch, method.Steps[epoch][batch]);
                trajectory.EpochMagnitudes[epoch] += trajectory.Magnitudes[^1];
            }
        }

        trajectory.Entries = [.. network.Entries().Select(entry => (entry.Name, entry.Value.detach().clone()))];
        return trajectory;
    }

    private sealed record Batch(Tensor X, Tensor Labels);

    private void TrainBatch(
        TrajectoryMethod method, PreActResNet18 network, optim.Optimizer sgd, Batch batch, Tensor delta, int epoch, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            Tensor leaf = delta.detach().requires_grad_();
            Backward(sgd, method.UpdateEveryStep
                ? TrainingLoss(method.Loss, network, batch, leaf)
                : AttackLoss(method.Loss, network, batch, leaf));
            Tensor gradient = leaf.grad!;
            Record(gradient);
            delta = LinfBall.Step(delta, gradient, batch.X, method.StepSize(epoch), Epsilon);
            if (method.UpdateEveryStep) sgd.step();
        }

        if (method.UpdateEveryStep) return;
        Tensor last = delta.detach().requires_grad_();
        Backward(sgd, TrainingLoss(method.Loss, network, batch, last));
        if (method.MeasureUpdate) Record(last.grad!);
        sgd.step();
    }

    private static Tensor AttackLoss(TrajectoryLoss loss, PreActResNet18 network, Batch batch, Tensor delta)
    {
        Tensor adversarial = Forward(network, batch.X + delta);
        return loss == TrajectoryLoss.Trades
            ? TorchLosses.Divergence(Forward(network, batch.X), adversarial)
            : functional.cross_entropy(adversarial, batch.Labels);
    }

    private static Tensor TrainingLoss(TrajectoryLoss loss, PreActResNet18 network, Batch batch, Tensor delta)
    {
        if (loss == TrajectoryLoss.CrossEntropy) return functional.cross_entropy(Forward(network, batch.X + delta), batch.Labels);
        Tensor natural = Forward(network, batch.X);
        Tensor adversarial = Forward(network, batch.X + delta);
        return loss == TrajectoryLoss.Trades
            ? TorchLosses.Trades(natural, adversarial, batch.Labels)
            : TorchLosses.Mart(natural, adversarial, batch.Labels);
    }

    private static Tensor Forward(PreActResNet18 network, Tensor pixels) =>
        network.forward((pixels - GoldenSetting.Mean()) / GoldenSetting.Std());

    private void Backward(optim.Optimizer sgd, Tensor loss)
    {
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
