using System.Numerics;
using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Eight consecutive batches of a training method in float64 against libtorch: the product's passes, inner loops, losses, defaults and
/// optimizer. Only in float64 do two right implementations stay together: in float32 rounding flips signs of input gradients.
/// </summary>
public sealed class TrajectoryParityTests : WholeRuns
{
    private const double Tolerance = 1e-9;

    // On devices after the first, where the same passes run on kernels that are compared one by one.
    private const int FewBatches = 1;

    // TRADES and MART start closer to the images, where the divergence is so small that its own rounding is beyond the tolerance.
    private const string Uniform = "--delta-init uniform --init-tau 8";

    private static readonly Dictionary<string, string> Lines = new()
    {
        ["pgd7"] = "--method pgd",
        ["free4"] = "--method free",
        ["mdeat"] = "--method mdeat --gamma 0.85 --max-replays 3",
        ["trades3"] = $"--method trades {Uniform}",
        ["mart3"] = $"--method mart {Uniform}",
        ["mtrades"] = $"--method mtrades --gamma 0.85 --max-replays 3 {Uniform}",
        ["natural"] = "--method natural",
        ["fgsm"] = "--method fgsm",
        ["u-fgsm"] = "--method u-fgsm",
        ["n-fgsm"] = "--method n-fgsm",
        ["free-previous"] = "--method free --replays 2 --delta-init previous",
        ["yopo"] = "--method yopo --replays 2 --first-steps 2",
        ["fat"] = "--method fat --replays 3 --patience 1",
        ["ftrades"] = "--method ftrades --replays 3 --patience 1 --delta-init uniform --init-tau 64",
        ["fmart"] = $"--method fmart --replays 3 --patience 1 {Uniform}",
        ["amata"] = "--method amata --min-replays 1 --max-replays 4 --alpha 5 --epochs 4",
        ["deat-d"] = "--method deat-d --delay 1 --max-replays 3",
        ["deat-p"] = "--method deat-p --target-accuracy 0.1 --max-replays 3",
        ["mpgd"] = "--method mpgd --gamma 0.85 --max-replays 3",
        ["mmart"] = $"--method mmart --gamma 0.75 --max-replays 3 {Uniform}",
        ["mpgd-table1"] = "--method mpgd --max-replays 3 --compat table1",
        ["mtrades-table1"] = $"--method mtrades --max-replays 3 --compat table1 {Uniform}",
        ["mmart-table1"] = $"--method mmart --max-replays 3 --compat table1 {Uniform}",
        ["cat"] = "--method cat --target-accuracy 0.1 --max-replays 3",
        ["fosc"] = "--method fosc --replays 3 --fosc 1.2 --epochs 4",
        ["awp"] = "--method pgd --replays 2 --awp-gamma 0.01",
        ["grad-align"] = "--method u-fgsm --grad-align 0.2",
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
        bool isWhole = id == Drivers.First();
        GoldenTrajectory run = new(device, file, Lines[name], isWhole ? int.MaxValue : FewBatches);
        Deviations deviations = new();
        Add("steps", run.Steps);
        Add("step_sizes", run.StepSizes);
        Add("loss", run.Losses);
        Add("magnitude", run.Magnitudes);
        if (isWhole)
        {
            Add("epoch_magnitude", run.EpochMagnitudes);
            Add("epoch_accuracy", run.Accuracies);
            foreach (NamedArray entry in run.State)
                GoldenPart.Compare(deviations, file, entry.Name, GoldenPart.Values(entry));
        }

        deviations.RequireWithin(Tolerance);
        Assert.That(Flips(run, file), Is.Zero, "signs of input gradients");

        void Add(string array, List<double> values)
        {
            if (file.Holds(array))
                deviations.AddEach(array, values, isWhole ? file[array] : file[array][..values.Count]);
        }
    }

    [Test]
    public void CoversEveryMethod() => Assert.That(
        TrainingMethods.All.Select(method => method.Name), Is.SubsetOf(Lines.Values.Select(line => line.Split(' ')[1])));

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
