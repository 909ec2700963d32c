using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Profiles that are measured on every device.</summary>
public sealed class ProfileRunTests : WholeRuns
{
    private static readonly ProfileSettings Two = new() { Batches = 2, MaxLaunches = 10_000 };

    [Test]
    public void ThreeBatchesAreTimedKernelByKernelAndAsAWhole([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        CostProfile profile = TestProfiles.Measure(id, "--method free --replays 2", Two with { Batches = 3 });
        Assert.That((profile.Batches.Count, profile.UntimedMilliseconds.Count, profile.Missed), Is.EqualTo((3, 3, 0L)));
        Assert.That(profile.TrainingMilliseconds, Has.Count.EqualTo(3).And.All.Positive);
        // Kernels and gaps are the whole batch, and none is negative, as clocks that drift apart would make them: they agree within 20 us.
        TimeSplit[] splits = [.. profile.Batches.SelectMany(batch => TimeSplit.Of(batch, [.. profile.LaunchesOf(batch)]))];
        Assert.That(
            splits.SelectMany(split => new[] { split.Kernels, split.WaitingForHost, split.WaitingForKernel }),
            Is.All.GreaterThan(-20_000));
        Assert.That(splits.Sum(split => split.Wall), Is.EqualTo(profile.Batches.Sum(batch => batch.Duration)));
        int[] launches = [.. profile.Batches.Select(batch => profile.LaunchesOf(batch).Count())];
        Assert.That(launches, Is.All.EqualTo(launches[0]));
        CostSum[] replays = [.. IterationPrice.Of(profile).Where(price => price.Iteration is not null).Select(price => price.Kernels)];
        Assert.That(replays, Has.Length.EqualTo(2));
        Assert.That((replays[1].Launches, replays[1].Flops), Is.EqualTo((replays[0].Launches, replays[0].Flops)));
        Assert.That(profile.Launches.Select(launch => launch.Kernel).Distinct(), Is.SubsetOf(profile.Kernels.Keys));
        Assert.That(profile.Overhead(), Is.Not.Null);
    }

    // What the ledger counts and what the timer sees are the same launches.
    [Test]
    public void TheLedgerCountsWhatIsTimed()
    {
        CostProfile profile = TestProfiles.Measure("cpu", "--method trades", Two with { Batches = 1, Iterations = 1 });
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method trades"), TinyRuns.Images());
        trainer.TrainBatch(iterations: 1);
        device.Ledger.Clear();
        trainer.TrainBatch(iterations: 1);
        LedgerEntry all = device.Ledger.Total();
        CostSum timed = CostSum.Of(profile.Launches);
        Assert.That((timed.Launches, timed.Flops, timed.Bytes), Is.EqualTo((all.Launches, (double)all.Flops, (double)all.Bytes)));
    }

    [Test]
    public void TheEstimateOfDiscardedWorkIsWhatIsThenComputed([Values("pgd", "mart")] string method)
    {
        ProfileSettings settings = Two with { Batches = 1, Iterations = 3 };
        DiscardedWork estimate = DiscardedWork.Of(TestProfiles.Measure("cpu", $"--method {method}", settings));
        DiscardedWork measured = DiscardedWork.Of(
            TestProfiles.Measure("cpu", $"--method {method} --attack-weight-gradients on", settings));
        Assert.That((estimate.IsMeasured, measured.IsMeasured), Is.EqualTo((false, true)));
        Assert.That(measured.Discarded.Flops, Is.Positive);
        Assert.That(estimate.Necessary.Flops, Is.EqualTo(measured.Necessary.Flops));
        // MART's update runs the network twice, each attack once.
        if (method == "pgd")
            Assert.That(estimate.Discarded.Flops, Is.EqualTo(measured.Discarded.Flops).Within(1e-3).Percent);
    }

    [Test]
    public void ABatchBeyondTheCapDoesNotCountUnlessItIsTheOnlyOne()
    {
        int launches = TestProfiles.Measure("cpu", "--method natural", Two with { Batches = 1 }).Launches.Count;
        CostProfile cut = TestProfiles.Measure("cpu", "--method natural", Two with { Batches = 3, MaxLaunches = launches + 5 });
        Assert.That((cut.Batches.Count, cut.Launches.Count, cut.Missed), Is.EqualTo((1, launches, (long)launches - 5)));
        CostProfile part = TestProfiles.Measure("cpu", "--method natural", Two with { Batches = 3, MaxLaunches = 10 });
        Assert.That((part.Batches.Count, part.Launches.Count, part.Missed), Is.EqualTo((1, 10, (long)launches - 10)));
        Assert.That(TimeSplit.Of(part).Wall, Is.EqualTo(part.Batches[0].Duration));
        Assert.That((cut.IsCut, part.IsCut), Is.EqualTo((false, true)));
        Assert.That((cut.Overhead().HasValue, part.Overhead()), Is.EqualTo((true, (double?)null)));
    }

    [Test]
    public void WhoStopsItGetsTheBatchesUntilThen()
    {
        int asked = 0;
        ProfileRun run = new(TestDevices.Get("cpu"), TinyRuns.Options("--method natural"), TinyRuns.Images(), Two with { Batches = 9 })
        {
            Peaks = TestProfiles.Peaks,
            ShouldStop = () => ++asked > 2,
        };
        Assert.That(run.Execute().Batches, Has.Count.EqualTo(2));
    }

    // Twenty images in batches of eight: the third batch of an epoch has four, and is no batch of the profile.
    [Test]
    public void BatchesThatAreNotFullAreLeftOut()
    {
        CostProfile profile = TestProfiles.Measure("cpu", "--method natural", Two with { Batches = 5 });
        double[] flops = [.. profile.Batches.Select(batch => CostSum.Of(profile.LaunchesOf(batch)).Flops)];
        Assert.That(flops, Has.Length.EqualTo(5).And.All.EqualTo(flops[0]));
        Assert.That(profile.BatchSize, Is.EqualTo(8));
    }

    [Test]
    public void MemoryOfALargerBatchIsWhatTheProfilePredicts([Values("natural", "pgd")] string method)
    {
        ImageSet images = TinyRuns.Images(count: 512);
        ComputeDevice device = TestDevices.Get("cpu");
        TrainOptions options = TinyRuns.Options($"--method {method} --batch-size 32");
        ProfileRun run = new(device, options, images, Two with { Batches = 1, Iterations = 0 }) { Peaks = TestProfiles.Peaks };
        MemoryNeed need = run.Execute().MemoryNeed!;
        device.Pool.Trim();
        long before = device.Pool.ReservedBytes;
        using Trainer trainer = new(device, options with { BatchSize = 256 }, images);
        trainer.TrainBatch(iterations: 0);
        trainer.TrainBatch(iterations: 0);
        Assert.That(device.Pool.ReservedBytes - before, Is.EqualTo(need.Of(256)).Within(5).Percent);
    }
}
