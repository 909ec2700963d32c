using System.Globalization;
using System.Numerics;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>Writes the trajectories, and shows by perturbed repetitions that they do not hang by a thread.</summary>
internal static class TrajectoryFiles
{
    /// <summary>Every 29th weight is stored: 29 shares no factor with the nine taps of a kernel.</summary>
    public const int Stride = 29;

    private const double Doubtful = 1e-9;

    public static GoldenFile Make(TrajectoryMethod method, ulong seed)
    {
        Trajectory run = Trajectory.Run(method, seed);
        Report(method, seed, run);

        var file = new GoldenFile();
        int planeBytes = GoldenWeights.BatchSize * 3 * 32 * 32 / 8;
        file.Remark("seed", $"{seed}");
        file.Remark("method", $"{method.Name} alpha={method.Alpha:R} epsilon={Trajectory.Epsilon:R}");
        file.Remark("sgd", $"lr={Trajectory.LearningRate:R} momentum={Trajectory.Momentum:R} weight_decay={Trajectory.WeightDecay:R}");
        file.Remark("weights", $"every {Stride}th element; sums: [sum, sum of squares] of all elements");
        file.Add("steps", [.. run.Steps.Select(steps => steps.Count)], run.Steps.Count);
        file.Add("step_sizes", [.. run.Steps.Select(steps => steps.Size)], run.Steps.Count);
        file.Add("batches_per_epoch", method.Epochs, method.Epochs.Length);
        file.Add("loss", [.. run.Losses], run.Losses.Count);
        file.Add("magnitude", [.. run.Magnitudes], run.Magnitudes.Count);
        file.Add("epoch_magnitude", [.. run.Epochs.Select(epoch => epoch.Magnitude)], run.Epochs.Count);
        if (!method.HasTable) file.Add("epoch_accuracy", [.. run.Epochs.Select(epoch => epoch.Accuracy)], run.Epochs.Count);
        file.Add("signs", [.. run.Signs], run.Magnitudes.Count, planeBytes);
        foreach ((string name, Tensor value) in run.Entries) AddPart(file, name, value);
        return file;
    }

    /// <summary>Adds every 29th element, and of floating point values the sum and the sum of squares of all.</summary>
    public static void AddPart(GoldenFile file, string name, Tensor value)
    {
        Tensor flat = value.detach().flatten();
        file.Add($"weights/{name}", flat[TensorIndex.Slice(step: Stride)]);
        if (!flat.is_floating_point()) return;
        file.Add($"sums/{name}", [flat.sum().item<double>(), flat.square().sum().item<double>()], 2);
    }

    private static void Report(TrajectoryMethod method, ulong seed, Trajectory run)
    {
        Console.WriteLine($"{method.Name}: {run.Losses.Count} passes, losses {Shorten(run.Losses)}");
        foreach (EpochShown epoch in run.Epochs)
            Console.WriteLine($"  epoch of {epoch.Steps} steps: magnitude {epoch.Magnitude:F3}, accuracy {epoch.Accuracy:F3}");
        Console.WriteLine(
            $"  zero gradients {run.ZeroGradients}, smallest |g| / rms(g) {run.SmallestGradient:E1}, "
            + $"nearest decision {run.NearestDecision:E1}, steps that left an image as it was {run.Left}");
        if (run.ZeroGradients > 0) throw Unfit(method, seed, "zero gradients");
        if (run.NearestDecision < Doubtful) throw Unfit(method, seed, "a decision that rounding can turn");
        foreach (double perturbation in new[] { 1e-15, 1e-13, 1e-12 })
        {
            Trajectory other = Trajectory.Run(method, seed, perturbation);
            int flips = run.Signs.Zip(other.Signs, (a, b) => BitOperations.PopCount((uint)(a ^ b))).Sum();
            double loss = run.Losses.Zip(other.Losses, (a, b) => Math.Abs(a / b - 1)).Max();
            double magnitude = run.Magnitudes.Zip(other.Magnitudes, (a, b) => Math.Abs(a / b - 1)).DefaultIfEmpty().Max();
            double weights = run.Entries.Zip(other.Entries, (a, b) => LargestDifference(a.Value, b.Value)).Max();
            Console.WriteLine(
                $"  weights +- {perturbation:E0}: {flips} signs flipped, loss {loss:E1}, magnitude {magnitude:E1}, weights {weights:E1}");
            if (flips > 0 && perturbation <= 1e-13) throw Unfit(method, seed, "signs that rounding can flip");
        }
    }

    private static double LargestDifference(Tensor a, Tensor b) => (a - b).abs().max().to(ScalarType.Float64).item<double>();

    private static InvalidOperationException Unfit(TrajectoryMethod method, ulong seed, string reason) =>
        new($"{method.Name} with seed {seed} has {reason}: take another seed");

    private static string Shorten(IEnumerable<double> values) =>
        string.Join(" ", values.Select(value => value.ToString("F3", CultureInfo.InvariantCulture)));
}
