using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Ratios with their intervals, prices of batches and plans, by numbers that can be checked by hand.</summary>
public sealed class ComparisonTests
{
    [Test]
    public void APairedRatioIsTheMedianQuotientBetweenOrderStatistics()
    {
        // The machine slows down in the last rounds; the quotients do not.
        double[] times = [1, 1, 1, 1, 8, 8, 8];
        double[] factors = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7];
        TimeRatio ratio = TimeRatio.Paired([.. times.Zip(factors, (a, b) => a * b)], times)!;
        Assert.That(ratio.Median, Is.EqualTo(1.4).Within(1e-12));
        Assert.That((ratio.Low, ratio.High), Is.EqualTo((1.1, 1.7)).Within(1e-12), "of seven, only the ends reach 95 %");
        Assert.That(ratio.Confidence, Is.EqualTo(1 - (2.0 / 128)).Within(1e-12));
        Assert.That((ratio.IsSlower, ratio.IsFaster, ratio.N), Is.EqualTo((true, false, 7)));
    }

    // Tables of the sign test and of the Mann-Whitney test at 5 %, two-sided: ends of the interval and the confidence.
    [TestCase(5, 1, 0.9375)]
    [TestCase(6, 1, 0.96875)]
    [TestCase(9, 2, 0.9609375)]
    [TestCase(20, 6, 0.9586105346679688)]
    public void SignTestIntervalsAreThoseOfTheTables(int n, int k, double confidence)
    {
        double[] ones = [.. Enumerable.Repeat(1.0, n)];
        double[] times = [.. Enumerable.Range(1, n).Select(i => (double)i)];
        TimeRatio ratio = TimeRatio.Paired(times, ones)!;
        Assert.That((ratio.Low, ratio.High), Is.EqualTo(((double)k, (double)(n + 1 - k))));
        Assert.That(ratio.Confidence, Is.EqualTo(confidence).Within(1e-12));
    }

    [TestCase(2, 2, 1, 2.0 / 3)]
    [TestCase(4, 4, 1, 1 - (2.0 / 70))]
    [TestCase(5, 5, 3, 1 - (2.0 * 4 / 252))]
    public void MannWhitneyIntervalsAreThoseOfAllOrders(int n, int m, int k, double confidence)
    {
        // Quotients that are all different: 2^i over 2^(8 j).
        double[] left = [.. Enumerable.Range(0, n).Select(i => Math.ScaleB(1, i))];
        double[] right = [.. Enumerable.Range(0, m).Select(j => Math.ScaleB(1, 8 * j))];
        double[] quotients = [.. left.SelectMany(a => right.Select(b => a / b)).Order()];
        TimeRatio ratio = TimeRatio.Unpaired(left, right)!;
        Assert.That((ratio.Low, ratio.High), Is.EqualTo((quotients[k - 1], quotients[^k])));
        Assert.That(ratio.Confidence, Is.EqualTo(confidence).Within(1e-12));
    }

    [Test]
    public void ManyTimesHaveNarrowIntervals()
    {
        double[] times = [.. Enumerable.Range(0, 2000).Select(i => 100.0 + (i * 37 % 2000 / 100.0))];
        double[] twice = [.. times.Select(time => 2 * time).Reverse()];
        double[] some = [.. times.Take(40)];
        TimeRatio?[] ratios = [TimeRatio.Paired(twice, times), TimeRatio.Unpaired(twice, times), TimeRatio.Unpaired(twice, some)];
        foreach (TimeRatio? ratio in ratios)
        {
            Assert.That(ratio!.Confidence, Is.InRange(0.95, 0.97));
            Assert.That((ratio.Low, ratio.High), Is.EqualTo((2.0, 2.0)).Within(0.1));
            Assert.That(ratio.Low, Is.LessThan(ratio.Median).And.LessThan(ratio.High));
        }
    }

    [Test]
    public void WithoutTimesThereIsNoRatio()
    {
        Assert.That(TimeRatio.Paired([], [1]), Is.Null);
        Assert.That(TimeRatio.Unpaired([1], []), Is.Null);
    }

    [Test]
    public void ProfilesAreComparedLayerByLayerAndOthersRefused()
    {
        CostProfile before = Profile("pgd", 100), after = Profile("pgd", 250);
        IReadOnlyList<Comparison> all = Comparison.Of(before, after, acrossDevices: false);
        Comparison layer = all.Single(row => row.What.StartsWith("conv1", StringComparison.Ordinal));
        Assert.That(layer.Time.Median, Is.EqualTo(2.5).Within(1e-12));
        Assert.That(layer.Loss, Is.EqualTo(150e-6).Within(1e-12));
        CostProfile wider = after with { BatchSize = 9 };
        Assert.That(() => Comparison.Of(before, wider, false), Refused("batches of images 8 and 9"));
        CostProfile elsewhere = after with { Device = "cpu" };
        Assert.That(() => Comparison.Of(before, elsewhere, false), Refused("device"));
        Assert.That(Comparison.Of(before, elsewhere, true), Is.Not.Empty);
        Assert.That(() => Comparison.Of(before, Profile("free", 100), false), Refused("method pgd and free"));
    }

    [Test]
    public void WhatTwoProfilesDoDifferentlyIsSaid()
    {
        CostProfile before = Pgd(), after = before with
        {
            Options = new System.Text.Json.Nodes.JsonObject { ["method"] = "pgd", ["precision"] = "tf32" },
            ComputesDiscarded = true,
            Launches = [.. before.Launches.Where(launch => launch.Iteration != 1)],
        };
        const string Work = "iterations 2 (A), 1 (B); precision fp32 (A), tf32 (B); attack-precision fp32 (A), tf32 (B); "
            + "attack-weight-gradients off (A), on (B)";
        Assert.That(Differences.OfWork(before, after), Is.EqualTo(Work));
        Assert.That(Differences.OfWork(before, before with { Date = DateTime.UnixEpoch }), Is.Null);
        TemporaryFolder folder = new();
        File.WriteAllText(folder["a.json"], before.ToJson());
        File.WriteAllText(folder["b.json"], after.ToJson());
        (int code, string output, string errors) = CommandLineTests.Run($"compare {folder["a.json"]} {folder["b.json"]}");
        (int Code, string, string Errors) ignored = CommandLineTests.Run($"compare {folder["a.json"]} {folder["b.json"]} --baseline cpu");
        folder.Delete();
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.StartWith($"note: not the same work: {Work}\n"));
        Assert.That((ignored.Code, ignored.Errors), Is.EqualTo(
            (ExitCodes.Usage, "deat: --baseline is for one file of timings; two files are A and B\n")));
        Assert.That(() => Comparison.Of(before, after with { IsCut = true }, false), Refused("cut off by --max-launches"));
    }

    [Test]
    public void TheCpuOfOneMachineIsNotThatOfAnother()
    {
        CostProfile here = On("EPYC", "AVX2"), there = On("EPYC", "AVX-512");
        Assert.That(Comparison.Of(here, On("EPYC", "AVX2"), acrossDevices: false), Is.Not.Empty);
        Assert.That(() => Comparison.Of(here, there, false), Refused("cannot compare: SIMD AVX2 (A), AVX-512 (B); --across-devices on"));
        Assert.That(Comparison.Of(here, there, true), Is.Not.Empty);
        Assert.That(Comparison.Of(here, On("EPYC", null), false), Is.Not.Empty, "earlier profiles do not say it");
        Assert.That(() => Comparison.Of(here, On("Xeon", null), false), Refused("processor EPYC (A), Xeon (B)"));

        static CostProfile On(string cpu, string? simd) => Profile("pgd", 100) with
        {
            Device = "cpu",
            Environment = new System.Text.Json.Nodes.JsonObject { ["device"] = "2 cores", ["cpu"] = cpu, ["cores"] = 2, ["simd"] = simd },
        };
    }

    [Test]
    public void DevicesOfTwoFilesOfTimingsThatDifferAreNamed()
    {
        TimingReport here = Of("opencl:0: haswell, PoCL 6.0", "cpu: 2 cores, .NET");
        Assert.That(Differences.OfDevices(here, Of("cpu: 2 cores, .NET")), Is.Null, "who is in both was measured on the same");
        Assert.That(Differences.OfDevices(here, Of("opencl:0: skylake, PoCL 6.0")), Is.EqualTo(
            "device opencl:0 haswell, PoCL 6.0 (A), skylake, PoCL 6.0 (B)"));
        Assert.That(Differences.OfDevices(Of("PyTorch cuda: H100"), Of("cuda:0: H100, 550")), Is.EqualTo(
            "devices PyTorch cuda: H100 (A), cuda:0: H100, 550 (B)"));
        TimingReport other = here with { Environment = new System.Text.Json.Nodes.JsonObject { ["cores"] = 1000 } };
        Assert.That(Differences.OfDevices(here, other), Does.EndWith("(A), 1000 (B)").And.StartWith("cores "));
        static TimingReport Of(params string[] devices) => TimingReport.Of("", [], [], []) with { Devices = devices };
    }

    [Test]
    public void FilesOfTimingsAreComparedByWhoAndOfDifferentLibrariesByWork()
    {
        Timing[] torch = [new("conv", "Torch") { Milliseconds = [4, 4] }, new("conv", "Torch TF32") { Milliseconds = [1, 1] }];
        Timing[] engine = [new("conv", "cuda:0") { Milliseconds = [2, 2] }, new("pool", "cuda:0") { Milliseconds = [1] }];
        Assert.That(Rows(Report(torch), Report([.. torch, .. engine])), Is.EqualTo(
            new[] { ("conv, Torch", 1.0), ("conv, Torch TF32", 1.0) }));
        Assert.That(Rows(Report(torch), Report(engine)), Is.EqualTo(
            new[] { ("conv, Torch (A), cuda:0 (B)", 0.5), ("conv, Torch TF32 (A), cuda:0 (B)", 2.0) }));
        Assert.That(() => Rows(Report(torch), Report(engine[1..])), Refused("no work in common"));
        Assert.That(() => Rows(Report(torch), Report(engine) with { Settings = new() { ["batch"] = "9" } }), Refused("batch 8 and 9"));

        static TimingReport Report(Timing[] timings) => TimingReport.Of("", [], new() { ["batch"] = "8" }, timings);
        static IEnumerable<(string, double)> Rows(TimingReport before, TimingReport after) =>
            Comparison.Of(before, after).Select(row => (row.What, row.Time.Median));
    }

    // PGD: two attack iterations of 10 and 20 ns, an update of 40, 5 ns before, and a wait of 5 ns at the end.
    [TestCase(0, 50)]
    [TestCase(1, 60)]
    [TestCase(2, 80)]
    [TestCase(4, 120)]
    public void AnAttacksBatchCostsItsIterationsAndTheUpdate(int iterations, double nanoseconds) =>
        Assert.That(BatchPrice.Of(Pgd()).Milliseconds(iterations), Is.EqualTo(nanoseconds * 1e-6).Within(1e-15));

    [Test]
    public void AReplaysBatchCostsItsIterations()
    {
        CostProfile profile = Pgd() with { Options = new System.Text.Json.Nodes.JsonObject { ["method"] = "free" } };
        BatchPrice price = BatchPrice.Of(profile);
        Assert.That(price.Update, Is.Null);
        Assert.That(price.Milliseconds(5), Is.EqualTo((10 + 10 + 20 + 40 + 40 + 40) * 1e-6).Within(1e-15));
    }

    [Test]
    public void APlanSumsBatchesPassesAndOperations()
    {
        // 20 images in batches of 8; the profile's batches take 80 ns timed and 40 ns untimed.
        CostProfile profile = Pgd() with { UntimedMilliseconds = [40e-6], Joules = 2, StartSeconds = 3 };
        CostPlan plan = CostPlan.Of(profile, 20, [0, 2]);
        Assert.That(plan.Seconds[0], Is.EqualTo(2.5 * 50e-9 / 2).Within(1e-18));
        Assert.That(plan.Seconds[1], Is.EqualTo(2.5 * 80e-9 / 2).Within(1e-18));
        Assert.That(plan.Passes, Is.EqualTo(3 * (1 + 3)), "three minibatches, the last one smaller");
        Assert.That(plan.Flops, Is.EqualTo(2.5 * (400 + 700)).Within(1e-9));
        Assert.That(plan.Joules, Is.EqualTo(2.5 * 130 * 2 / 80).Within(1e-9));
        Assert.That(plan.Total, Is.EqualTo(3 + plan.Seconds.Sum()).Within(1e-15));
        // A machine of half the speed, and a start of five seconds.
        Assert.That(plan.StartOf([(2 * plan.Seconds[0]) + 5, 2 * plan.Seconds[1]]), Is.EqualTo(5).Within(1e-12));
        Assert.That(plan.StartOf([7]), Is.Null);
        CostProfile withoutAttack = profile with { Launches = [.. profile.Launches.Where(launch => launch.Iteration == 2)] };
        Assert.That(() => CostPlan.Of(withoutAttack, 20, [1]), Throws.TypeOf<UsageException>().With.Message.Contains("--iterations"));
    }

    [Test]
    public void APlanEndsWithItsPasses()
    {
        CostPlan plan = CostPlan.Of(Pgd(), 20, [2, 2, 2, 2], maxPasses: 4);
        Assert.That(plan.Replays, Is.EqualTo(new[] { 2, 2 }), "of three passes each");
        Assert.That(plan.Seconds[1], Is.EqualTo(plan.Seconds[0] / 3).Within(1e-18));
        Assert.That(plan.Passes, Is.EqualTo(3 * 4).Within(1e-12));
        Assert.That(plan.Flops, Is.EqualTo(2.5 * 700 * 4 / 3).Within(1e-9));
        Assert.That(CostPlan.Of(Pgd(), 20, [2, 2], maxPasses: 6).Seconds[1], Is.EqualTo(plan.Seconds[0]));
    }

    [Test]
    public void AProfileThatWasStoppedBeforeItsFirstBatchIsRefused()
    {
        CostProfile empty = Profile("natural", 1) with { Batches = [], Launches = [] };
        Assert.That(() => CostPlan.Of(empty, 20, [0]), Refused("the profile holds no batch"));
        Assert.That(() => Comparison.Of(empty, empty, acrossDevices: false), Refused("the profile holds no batch"));
        using StringWriter output = new();
        ProfileText.Show(empty, new Screen(output, output, false, TimeProvider.System));
        Assert.That(output.ToString(), Does.Contain("not measured").And.Not.Contain("NaN"));
    }

    [Test]
    public void ADynamicSchedulesExtremesAreItsFirstAndItsLargestNumber()
    {
        (IReadOnlyList<int> fewest, IReadOnlyList<int> most) = CostPlan.Extremes(
            TinyRuns.Options("--method deat-p --max-replays 3 --epochs 5").Replays(), 5);
        Assert.That(fewest, Is.EqualTo(new[] { 1, 1, 1, 1, 1 }));
        Assert.That(most, Is.EqualTo(new[] { 1, 2, 3, 3, 3 }));
        (fewest, most) = CostPlan.Extremes(TinyRuns.Options("--method mdeat --max-replays 4 --epochs 6").Replays(), 6);
        Assert.That(fewest.Max(), Is.LessThanOrEqualTo(2));
        Assert.That(most[^1], Is.EqualTo(4));
        (fewest, most) = CostPlan.Extremes(TinyRuns.Options("--method pgd --replays 7").Replays(), 3);
        Assert.That(fewest, Is.EqualTo(most).And.EqualTo(new[] { 7, 7, 7 }));
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Refused(string why) =>
        Throws.TypeOf<UsageException>().With.Message.Contains(why);

    private static CostProfile Profile(string method, long nanoseconds) => TestProfiles.Of(
        [
            .. Enumerable.Range(0, 4).Select(batch => TestProfiles.Launch(
                batch * 1000, (batch * 1000) + nanoseconds, iteration: 0, batch: batch)),
        ],
        1000, 2000, 3000, 4000) with
    { Options = new System.Text.Json.Nodes.JsonObject { ["method"] = method } };

    private static CostProfile Pgd() => TestProfiles.Of(
        [
            TestProfiles.Launch(0, 5, Phase.Data, layer: ""),
            TestProfiles.Launch(5, 15, Phase.Attack, 0, "linear", flops: 100),
            TestProfiles.Launch(15, 35, Phase.Attack, 1, "linear", flops: 200),
            TestProfiles.Launch(35, 75, Phase.Update, 2, "linear", flops: 400),
        ],
        80);
}
