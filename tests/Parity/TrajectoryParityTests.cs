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

    // TRADES and MART start closer to the images, where the divergence is so small that its own rounding is beyond the tolerance.
    private const string Uniform = "--delta-init uniform --init-tau 8";

    private static readonly Dictionary<string, string> Lines = new()
    {
        ["pgd7"] = "--method pgd",
        ["free4"] = "--method free",
        ["mdeat"] = "--method mdeat",
        ["trades3"] = $"--method trades {Uniform}",
        ["mart3"] = $"--method mart {Uniform}",
        ["mtrades"] = $"--method mtrades {Uniform}",
    };

    private static IEnumerable<string> Names => Lines.Keys;

    // The kernels of GPUs on an OpenCL CPU are slow there; one batch of the network is enough to compare them.
    private static IEnumerable<string> Drivers => TestDevices.Ids.Where(id => !id.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal));

    [Test]
    public void MatchesLibtorch(
        [ValueSource(nameof(Drivers))] string id, [ValueSource(nameof(Names))] string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assume.That(device.Traits.HasFloat64);
        GoldenFile file = GoldenFile.Open(name);
        GoldenTrajectory run = new(device, file, Lines[name]);
        Deviations deviations = new();
        deviations.AddEach("loss", run.Losses, file["loss"]);
        deviations.AddEach("magnitude", run.Magnitudes, file["magnitude"]);
        deviations.AddEach("epoch magnitude", run.EpochMagnitudes, file["epoch_magnitude"]);
        foreach (NamedArray entry in run.State)
            GoldenPart.Compare(deviations, file, entry.Name, GoldenPart.Values(entry));
        deviations.RequireWithin(Tolerance);
        Assert.That(Flips(run, file), Is.Zero, "signs of input gradients");
    }

    [Test]
    public void SeesOneChangedWeight()
    {
        GoldenFile file = GoldenFile.Open("free4");
        GoldenTrajectory run = new(TestDevices.Get("cpu"), file, "--method free", batches: 1, change: GoldenRun.Change);
        Deviations losses = new();
        losses.AddEach("loss", run.Losses, file["loss"][..run.Losses.Count]);
        Deviations magnitudes = new();
        magnitudes.AddEach("magnitude", run.Magnitudes, file["magnitude"][..run.Magnitudes.Count]);
        Deviations weights = new();
        GoldenPart.Compare(weights, file, run.State[0].Name, GoldenPart.Values(run.State[0]));
        Assert.Multiple(() =>
        {
            Assert.That(losses.Largest, Is.GreaterThan(Tolerance));
            Assert.That(magnitudes.Largest, Is.GreaterThan(Tolerance));
            Assert.That(weights.Largest, Is.GreaterThan(Tolerance));
            Assert.That(Flips(run, file), Is.Positive);
        });
    }

    private static int Flips(GoldenTrajectory run, GoldenFile file) =>
        run.Signs.Zip(file.Bytes("signs"), (a, b) => BitOperations.PopCount((uint)(a ^ b))).Sum();
}
