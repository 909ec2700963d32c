using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Tables as functions of launches that were made by hand.</summary>
public sealed class CostTests
{
    [Test]
    public void KernelsAndGapsAreTheWallTimeAndTheHostHasWhatItHadNotLaunched()
    {
        LaunchRecord[] launches =
        [
            TestProfiles.Launch(30, 50, submitted: 20), TestProfiles.Launch(50, 60, submitted: 25),
            TestProfiles.Launch(100, 130, submitted: 90),
        ];
        CostProfile profile = TestProfiles.Of(launches, 150);
        IReadOnlyList<TimeSplit> splits = TimeSplit.Of(profile.Batches[0], launches);
        Assert.That(splits, Is.EqualTo(new TimeSplit[]
        {
            new(20, 20, 10), new(10, 0, 0), new(30, 30, 10), new(0, 20, 0),
        }));
        Assert.That(TimeSplit.Of(profile), Is.EqualTo(new TimeSplit(60, 70, 20)));
        Assert.That(TimeSplit.Of(profile).Wall, Is.EqualTo(profile.Batches[0].Duration));
    }

    // Two clocks may disagree by a little: the sum must hold all the same.
    [Test]
    public void TheSumHoldsWhereClocksDisagree()
    {
        LaunchRecord[] launches = [TestProfiles.Launch(-5, 10, submitted: 0), TestProfiles.Launch(8, 40, submitted: 60)];
        CostProfile profile = TestProfiles.Of(launches, 35);
        Assert.That(TimeSplit.Of(profile).Wall, Is.EqualTo(35));
    }

    [Test]
    public void PartsAreSummedByIterationAndDataHasNone()
    {
        CostProfile profile = TestProfiles.Of(
            [
                TestProfiles.Launch(0, 5, Phase.Data, layer: ""),
                TestProfiles.Launch(5, 15, Phase.Attack, flops: 100, bytes: 20),
                TestProfiles.Launch(15, 35, Phase.Attack, direction: Direction.InputGradient, flops: 200, bytes: 40),
                TestProfiles.Launch(35, 36, Phase.Step, direction: Direction.InputGradient, layer: ""),
                TestProfiles.Launch(36, 46, Phase.Attack, iteration: 1, flops: 100, bytes: 20),
            ],
            50);
        CostMatrix<WorkPart, int?> parts = CostMatrix.PartsByIteration(profile.Launches);
        Assert.That(parts.Rows.Select(part => part.Title), Is.EqualTo(new[]
        {
            "data", "attack forward", "attack input gradient", "step and projection",
        }));
        Assert.That(parts.Columns, Is.EqualTo(new int?[] { null, 0, 1 }));
        WorkPart forward = new(Phase.Attack, Direction.Forward);
        Assert.That(parts[forward, 1], Is.EqualTo(new CostSum(1, 10, 100, 20)));
        Assert.That(parts.Row(forward), Is.EqualTo(new CostSum(2, 20, 200, 40)));
        Assert.That(parts.Column(0), Is.EqualTo(new CostSum(3, 31, 300, 60)));
        Assert.That(parts.Total, Is.EqualTo(CostSum.Of(profile.Launches)));
        Assert.That(parts[forward, null], Is.EqualTo(default(CostSum)));
        Assert.That(
            IterationPrice.Of(profile).Select(price => (price.Iteration, price.Milliseconds[0] * 1e6, price.Kernels.Launches)),
            Is.EqualTo(new (int?, double, long)[] { (null, 9, 1), (0, 31, 3), (1, 10, 1) }));
    }

    [Test]
    public void LayersStandInTheOrderOfTheirFirstLaunch()
    {
        CostMatrix<string, WorkPart> layers = CostMatrix.LayersByPart(
        [
            TestProfiles.Launch(0, 1, layer: ""), TestProfiles.Launch(0, 1, layer: "conv1"), TestProfiles.Launch(0, 2, layer: "bn"),
            TestProfiles.Launch(0, 4, layer: "conv1", direction: Direction.WeightGradient),
        ]);
        Assert.That(layers.Rows, Is.EqualTo(new[] { "conv1", "bn", "" }));
        Assert.That(layers["conv1", new WorkPart(Phase.Update, Direction.WeightGradient)].Nanoseconds, Is.EqualTo(4));
    }

    // 100 GFLOP/s, 10 GB/s, a launch 10 ns: all numbers are per nanosecond.
    [TestCase(4000, 100, 1000, Bound.Compute, 0.04)]
    [TestCase(1000, 400, 1000, Bound.Memory, 0.04)]
    [TestCase(0, 0, 19, Bound.Launch, 0)]
    [TestCase(0, 0, 21, Bound.Compute, 0)]
    public void AKernelIsBoundByTheRoofThatIsNearest(long flops, long bytes, long time, Bound bound, double share)
    {
        KernelCost kernel = KernelCost.Of(TestProfiles.Of([TestProfiles.Launch(0, time, flops: flops, bytes: bytes)], time)).Single();
        Assert.That((kernel.Bound, kernel.RoofShare), Is.EqualTo((bound, share)));
        Assert.That(kernel.Resources.Registers, Is.EqualTo(40));
    }

    [Test]
    public void AKernelsTimesAreSummarised()
    {
        LaunchRecord[] launches = [.. Enumerable.Range(1, 101).Select(i => TestProfiles.Launch(0, 1000 * i))];
        KernelCost kernel = KernelCost.Of(TestProfiles.Of(launches, 1)).Single();
        Assert.That((kernel.P50, kernel.P95, kernel.Mean, kernel.Share), Is.EqualTo((51, 96, 51, 1)));
    }

    [Test]
    public void KernelsOfTensorCoresHaveTheirOwnRoof()
    {
        DevicePeaks peaks = new()
        {
            GigaflopsPerSecond = 1,
            TensorFloat32GigaflopsPerSecond = 2,
            BFloat16GigaflopsPerSecond = 3,
            GigabytesPerSecond = 1,
            LaunchMicroseconds = 1,
            WaitMicroseconds = 1,
        };
        string[] kernels = ["K.Contract<Single>", "K.Contract<PixelOrder, TensorFloat32>", "K.Contract<PixelOrder, BFloat16>"];
        Assert.That(kernels.Select(peaks.GigaflopsOf), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public void DiscardedWorkIsThatOfTheUpdateForEachForwardPassThatAttacks()
    {
        CostProfile profile = TestProfiles.Of(
            [
                TestProfiles.Launch(0, 10, Phase.Attack, flops: 100), TestProfiles.Launch(10, 20, Phase.Attack, iteration: 1, flops: 100),
                TestProfiles.Launch(20, 30, flops: 100),
                TestProfiles.Launch(30, 50, direction: Direction.WeightGradient, flops: 90, bytes: 7),
                TestProfiles.Launch(50, 60, layer: "linear", direction: Direction.WeightGradient, flops: 1000),
            ],
            60);
        DiscardedWork work = DiscardedWork.Of(profile);
        Assert.That(work.IsMeasured, Is.False);
        Assert.That(work.Discarded, Is.EqualTo(new CostSum(2, 40, 180, 14)), "the linear layer has no forward pass here");
        Assert.That(work.Published, Is.EqualTo(work.Necessary + work.Discarded));
        Assert.That(work.Necessary, Is.EqualTo(CostSum.Of(profile.Launches)));
    }

    [Test]
    public void TheLargestBatchFollowsFromTwoMeasurements()
    {
        MemoryNeed need = MemoryNeed.Of((8, 180), (16, 260), available: 1000)!;
        Assert.That((need.FixedBytes, need.BytesPerImage, need.LargestBatch, need.Of(90)), Is.EqualTo((100L, 10L, 90L, 1000L)));
        Assert.That(MemoryNeed.Of((8, 180), (8, 180), 1000), Is.Null);
        static string Text(MemoryNeed need) => need.Describe(megabytes => $"{1e6 * megabytes:F0}");
        Assert.That(Text(need), Is.EqualTo("10 MB an image, 100 MB whatever the batch: the largest batch that fits is 90"));
        MemoryNeed steep = MemoryNeed.Of((8, 80), (16, 240), available: 1000)!;
        Assert.That(steep.FixedBytes, Is.LessThan(0));
        Assert.That(Text(steep), Is.EqualTo("20 MB an image: the largest batch that fits is 54"));
    }

    [Test]
    public void ThePeakOfMemoryHasItsCategories()
    {
        MemoryPeak peak = MemoryPeak.Of(
        [
            new(0, MemoryCategory.Data, 5), new(1, MemoryCategory.Activations, 10), new(2, MemoryCategory.Data, 1),
            new(3, MemoryCategory.Gradients, 3),
        ]);
        Assert.That((peak.Time, peak.Total, peak.Live[MemoryCategory.Activations]), Is.EqualTo((1L, 15L, 10L)));
    }

    [Test]
    public void QuantilesInterpolate()
    {
        Assert.That(Quantiles.Of([3, 1, 2], 0.25), Is.EqualTo(1.5));
        Assert.That(Quantiles.Median([1, 2]), Is.EqualTo(1.5));
        Assert.That(Quantiles.Spread([1, 2, 3]), Is.EqualTo(0.5));
        Assert.That(Quantiles.Median([]), Is.NaN);
    }
}
