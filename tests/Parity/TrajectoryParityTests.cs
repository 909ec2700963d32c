using System.Numerics;
using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Eight consecutive batches of a training method in float64 against libtorch: the product's passes, inner loops, losses, defaults and
/// optimizer. Only in float64 do two right implementations stay together: in float32 rounding flips signs of input gradients.
/// </summary>
public sealed class TrajectoryParityTests : WholeRuns
{
    private const double Tolerance = 1e-9;

    // As the generator stores them.
    private const int Stride = 7;

    // The kernels of GPUs on an OpenCL CPU are slow there; one batch of the network is enough to compare them.
    private static IEnumerable<string> Drivers => TestDevices.Ids.Where(id => !id.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal));

    [Test]
    public void MatchesLibtorch(
        [ValueSource(nameof(Drivers))] string id, [Values("pgd7", "free4", "mdeat")] string method)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assume.That(device.Traits.HasFloat64);
        GoldenFile file = GoldenFile.Open(method);
        GoldenTrajectory run = new(device, file, method.TrimEnd('4', '7'));
        Deviations deviations = new();
        deviations.AddEach("loss", run.Losses, file["loss"]);
        deviations.AddEach("magnitude", run.Magnitudes, file["magnitude"]);
        deviations.AddEach("epoch magnitude", run.EpochMagnitudes, file["epoch_magnitude"]);
        foreach (NamedArray entry in run.State)
            CompareEntry(deviations, entry, file);
        deviations.RequireWithin(Tolerance);
        Assert.That(Flips(run, file), Is.Zero, "signs of input gradients");
    }

    [Test]
    public void SeesOneChangedWeight()
    {
        GoldenFile file = GoldenFile.Open("free4");
        GoldenTrajectory run = new(TestDevices.Get("cpu"), file, "free", batches: 1, change: GoldenRun.Change);
        Deviations losses = new();
        losses.AddEach("loss", run.Losses, file["loss"][..run.Losses.Count]);
        Deviations magnitudes = new();
        magnitudes.AddEach("magnitude", run.Magnitudes, file["magnitude"][..run.Magnitudes.Count]);
        Deviations weights = new();
        CompareEntry(weights, run.State[0], file);
        Assert.Multiple(() =>
        {
            Assert.That(losses.Largest, Is.GreaterThan(Tolerance));
            Assert.That(magnitudes.Largest, Is.GreaterThan(Tolerance));
            Assert.That(weights.Largest, Is.GreaterThan(Tolerance));
            Assert.That(Flips(run, file), Is.Positive);
        });
    }

    private static void CompareEntry(Deviations deviations, NamedArray entry, GoldenFile file)
    {
        double[] values = entry.Type == ElementType.Int64 ? [.. entry.ToInt64s().Select(value => (double)value)] : entry.ToDoubles();
        deviations.Add(entry.Name, [.. values.Where((_, i) => i % Stride == 0)], file[$"weights/{entry.Name}"]);
        if (entry.Type == ElementType.Int64)
            return;
        double[] golden = file[$"sums/{entry.Name}"];
        double squares = values.Sum(value => value * value);
        // A sum can be small where its terms are not.
        deviations.Add($"sum of {entry.Name}", [values.Sum()], golden[..1], Math.Sqrt(values.Length * golden[1]));
        deviations.Add($"squares of {entry.Name}", [squares], golden[1..]);
    }

    private static int Flips(GoldenTrajectory run, GoldenFile file) =>
        run.Signs.Zip(file.Bytes("signs"), (a, b) => BitOperations.PopCount((uint)(a ^ b))).Sum();
}
