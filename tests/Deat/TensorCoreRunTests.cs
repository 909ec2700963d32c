using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole runs in TF32 and BF16, on tensor cores or their emulation: attack passes in one, updates in the other.</summary>
public sealed class TensorCoreRunTests : WholeRuns
{
    private const string Training = "--method pgd --replays 2 --width 16 --epochs 1 --lr-max 0.01";

    private static IEnumerable<string> Devices => TestDevices.Ids.Where(id => TestDevices.Get(id).Traits.HasTensorCores);

    [TearDown]
    public void RestoreGraphs()
    {
        foreach (string id in Devices)
            WatchedGraphs.Restore(TestDevices.Get(id));
    }

    [Test]
    public void ARunRepeatsItsBitsWithAndWithoutGraphs(
        [ValueSource(nameof(Devices))] string id, [Values("--precision bf16 --attack-precision tf32", "--precision tf32")] string precision)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options($"{Training} {precision}"), plain = TinyRuns.Options(Training);
        WatchedGraphs.Off(device);
        (byte[] first, double loss) = Run(device, options);
        (byte[] float32, double exact) = Run(device, plain);
        Assert.That(first, Is.Not.EqualTo(float32), "the precision is used");
        Assert.That(loss, Is.EqualTo(exact).Within(2).Percent);
        Assert.That(device.Ledger.Entries.Keys.Where(IsContraction), Is.Empty, "in float32");
        WatchedGraphs graphs = WatchedGraphs.On(device);
        Assert.That(Run(device, options).File, Is.EqualTo(first));
        Assert.That(graphs.Launches, Is.GreaterThan(graphs.Made).And.Positive);
        string[] kernels = [.. device.Ledger.Entries.Keys.Where(IsContraction).Select(key => $"{key.Phase} {key.Kernel}")];
        string update = precision.Contains("bf16", StringComparison.Ordinal) ? "BFloat16" : "TensorFloat32";
        Assert.That(kernels, Has.Some.Matches($"^Update .*{update}").And.Some.Matches("^Attack .*TensorFloat32"));
        Assert.That(kernels, Has.None.Matches("^Attack .*BFloat16"));
    }

    private static bool IsContraction(LedgerKey key) => key.Kernel.StartsWith("TensorCoreKernels", StringComparison.Ordinal);

    private static (byte[] File, double Loss) Run(ComputeDevice device, TrainOptions options)
    {
        using Trainer trainer = new(device, options, TinyRuns.Images(16));
        device.Ledger.Clear();
        for (int batch = 0; batch < trainer.Batches; batch++)
            trainer.TrainBatch();
        return (TinyRuns.File(trainer), trainer.State.Sums.MeanLoss);
    }
}
