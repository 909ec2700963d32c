using System.Text.Json.Nodes;
using Deat.Benchmarks;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class TimingTests
{
    [Test]
    public void AllWhoDoTheSameWorkTakeTurnsAfterAWarmUp()
    {
        List<string> log = [];
        IReadOnlyList<Timing> timings = Rounds.Measure(
            [new Logged("a", "one", log), new Logged("b", "one", log), new Logged("a", "two", log)], rounds: 2, runs: 3);
        Assert.That(timings.Select(timing => (timing.What, timing.Who, timing.N)), Is.EqualTo(
            new[] { ("a", "one", 2), ("a", "two", 2), ("b", "one", 2) }));
        Assert.That(log.TakeWhile(entry => !entry.StartsWith('b')), Is.EqualTo(
            new[] { "a one prepare", "a two prepare" }
                .Concat(Enumerable.Repeat((string[])[.. Turn("a one"), .. Turn("a two")], 2 + Rounds.WarmUps).SelectMany(turns => turns))
                .Concat(["a one dispose", "a two dispose"])));

        static string[] Turn(string who) =>
            [$"{who} before 3", $"{who} run", $"{who} run", $"{who} run", $"{who} finish"];
    }

    [Test]
    public void AllTakeTurnsTogetherWhateverTheyDo()
    {
        List<string> log = [];
        IReadOnlyList<Timing> timings = Rounds.Measure(
            [new Logged("a", "one", log), new Logged("b", "one", log)], rounds: 2, together: true);
        Assert.That(timings.Select(timing => (timing.What, timing.N)), Is.EqualTo(new[] { ("a", 2), ("b", 2) }));
        Assert.That(log.Where(entry => entry.EndsWith("run", StringComparison.Ordinal)), Is.EqualTo(
            Enumerable.Repeat((string[])["a one run", "b one run"], 2 + Rounds.WarmUps).SelectMany(turns => turns)));
    }

    [Test]
    public void MethodsTakeTurnsAndDiscardedGradientsAreCounted()
    {
        TrainOptions options = TinyRuns.Options("--method pgd --train-images 30 --data procedural");
        TrainOptions discarding = options with { Adversary = options.Adversary with { ComputesDiscarded = true } };
        ComputeDevice device = TestDevices.Get("cpu");
        long live = device.Pool.LiveBytes;
        IReadOnlyList<Timing> timings = Rounds.Measure(
            [new MethodBatch("PGD", "discards", device, discarding, 1), new MethodBatch("PGD", "needed", device, options, 1)],
            rounds: 2, together: true);
        Assert.That(timings.Select(timing => (timing.Failure, timing.N, timing.IsBaseline)), Is.EqualTo(
            new (string?, int, bool)[] { (null, 2, true), (null, 2, false) }));
        Assert.That(timings[0].Flops, Is.GreaterThan(timings[1].Flops).And.LessThan(2 * timings[1].Flops));
        Assert.That(device.Pool.LiveBytes, Is.EqualTo(live));
    }

    [Test]
    public void TheCostOfTimingIsThatOfBatchesInTurnsWithThoseThatAreNotTimed()
    {
        CostProfile profile = TestProfiles.Of(
            [TestProfiles.Launch(0, 10, flops: 3), TestProfiles.Launch(10, 20, flops: 5)], 2_000_000, 5_000_000);
        IReadOnlyList<Timing> timings = ProfileTimings.Overhead(profile with { UntimedMilliseconds = [2, 2] }, "PGD-7");
        Assert.That(timings.Select(timing => timing.Flops), Is.All.EqualTo(4), "of a batch");
        Assert.That(TimingTable.Of(timings), Does.Contain("| ms | n | launches not timed | every launch timed | over launches not timed |")
            .And.Contain("| PGD-7 | 2 | 2.00 ±0% | 2.50 ±10% | 1.25 |"));
    }

    [Test]
    public void WhoFailsDoesNotLoseTheOthers()
    {
        IReadOnlyList<Timing> timings = Rounds.Measure(
            [new Logged("a", "broken", []) { Failure = "out of memory" }, new Logged("a", "sound", [])], rounds: 4);
        Assert.That(timings[0].Failure, Is.EqualTo("out of memory"));
        Assert.That(timings[0].N, Is.Zero);
        Assert.That(timings[1].Failure, Is.Null);
        Assert.That(timings[1].N, Is.EqualTo(4));
        Assert.That(TimingTable.Of(timings), Does.Contain("failed"));
    }

    [Test]
    public void MedianAndSpreadAreThoseOfTheSortedRounds()
    {
        Timing timing = new("a", "one") { Milliseconds = [8, 1, 4, 2, 3], Flops = 6_000_000 };
        Assert.That(timing.Median, Is.EqualTo(3));
        Assert.That((timing.Min, timing.Max), Is.EqualTo((1, 8)));
        Assert.That(timing.Spread, Is.EqualTo((4.0 - 2) / 3));
        Assert.That(timing.GigaflopsPerSecond, Is.EqualTo(2));
        Assert.That((timing with { Milliseconds = [1, 2] }).Median, Is.EqualTo(1.5));
    }

    [Test]
    public void TheTableComparesEverybodyWithEachBaseline()
    {
        Timing[] timings =
        [
            new("a", "Torch") { Milliseconds = [10, 10], IsBaseline = true },
            new("a", "Torch, less work") { Milliseconds = [8, 8], IsBaseline = true },
            new("a", "cpu") { Milliseconds = [4, 4] },
            new("b", "Torch") { Milliseconds = [0.5], IsBaseline = true },
            new("b", "cpu") { Milliseconds = [1.0] },
        ];
        Assert.That(TimingTable.Of(timings).Split('\n'), Is.EqualTo(new[]
        {
            "| ms | n | Torch | Torch, less work | cpu | cpu over Torch | cpu over Torch, less work |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            "| a | 2 | 10.0 ±0% | 8.00 ±0% | 4.00 ±0% | 0.40 | 0.50 |",
            "| b | 1 | 0.500 ±0% |  | 1.00 ±0% | 2.00 |  |",
            "",
        }));
    }

    [Test]
    public void MoreThanTwoBaselinesMakeARowForEach()
    {
        Timing[] timings =
        [
            new("a", "cpu") { Milliseconds = [4] },
            new("a", "Torch") { Milliseconds = [2], IsBaseline = true },
            new("a", "Torch, bf16") { Milliseconds = [1], IsBaseline = true },
            new("a", "Torch, TF32") { Milliseconds = [], IsBaseline = true, Failure = "none here" },
        ];
        Assert.That(ReportText.Tables(timings).Split('\n'), Is.EqualTo(new[]
        {
            "|  |  | n | ms | over the first |",
            "| --- | --- | --- | --- | --- |",
            "| a | Torch | 1 | 2.00 ±0% | 1.00 |",
            "| a | Torch, bf16 | 1 | 1.00 ±0% | 0.50 |",
            "| a | Torch, TF32 | 0 | failed |  |",
            "| a | cpu | 1 | 4.00 ±0% | 2.00 |",
            "",
            "a, Torch, TF32 failed: none here",
            "",
            "",
        }));
    }

    // 100 GFLOP/s and 10 GB/s: 1 ms for the operations, 0.4 ms for the bytes of the first work; 0.5 and 1 ms for the second.
    [Test]
    public void TheRooflineIsTheLargerOfArithmeticAndMemory()
    {
        Timing[] timings =
        [
            new(Roofline.Copy, "cpu") { Milliseconds = [2], Bytes = 20_000_000 },
            new(Roofline.MultiplyAdds, "cpu") { Milliseconds = [3], Flops = 300_000_000 },
            new("dense", "cpu") { Milliseconds = [2], Flops = 100_000_000, Bytes = 4_000_000 },
            new("sparse", "cpu") { Milliseconds = [2], Flops = 50_000_000, Bytes = 10_000_000 },
            new("uncounted", "cpu") { Milliseconds = [2] },
        ];
        Assert.That(Roofline.Of(timings, "cpu"), Is.EqualTo(new Roofline(100, 10)));
        Assert.That(Roofline.Of(timings, "opencl:0"), Is.Null);
        string[] table = ReportText.Tables(timings).Split('\n');
        Assert.That(table, Has.Member("cpu: 100 GFLOP/s, 10 GB/s at most, measured."));
        Assert.That(table, Has.Member("| dense | 1 | 2.00 ±0% | 50 | 2 | 50% |"));
        Assert.That(table, Has.Member("| sparse | 1 | 2.00 ±0% | 25 | 5 | 50% |"));
        Assert.That(table.Where(line => line.Contains("uncounted")), Is.EqualTo(new[] { "| uncounted | 1 | 2.00 ±0% |" }));
    }

    [Test]
    public void AReportComesBackAsItWasWritten()
    {
        TemporaryFolder folder = new();
        string path = folder["report.json"];
        TimingReport report = new()
        {
            Title = "title",
            Date = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
            Environment = new JsonObject { ["cores"] = 2 },
            Devices = ["cpu: 2 cores"],
            Settings = new() { ["batch"] = "32" },
            Timings = [new("a", "one") { Milliseconds = [1, 2, 4] }, new("a", "two") { Milliseconds = [], Failure = "no" }],
        };
        report.Write(path);
        TimingReport read = TimingReport.Read(path);
        Assert.That(read.Timings[0].Milliseconds, Is.EqualTo(report.Timings[0].Milliseconds));
        Assert.That(read.Timings[1].Failure, Is.EqualTo("no"));
        Assert.That((read.Title, read.Date, read.Devices[0]), Is.EqualTo((report.Title, report.Date, report.Devices[0])));
        read.Write(path + "2");
        Assert.That(File.ReadAllText(path + "2"), Is.EqualTo(File.ReadAllText(path)));
        folder.Delete();
    }

    [Test]
    public void APrecisionOfTensorCoresHasItsOwnPeakAndTheDevicesBandwidth()
    {
        Timing[] timings =
        [
            new(Roofline.Copy, "cuda:0") { Milliseconds = [1], Bytes = 3_000_000 },
            new(Roofline.MultiplyAdds, "cuda:0") { Milliseconds = [1], Flops = 50_000_000 },
            new(Roofline.MatrixProducts, "cuda:0 tf32") { Milliseconds = [1], Flops = 400_000_000 },
        ];
        Assert.That(Roofline.Of(timings, "cuda:0"), Is.EqualTo(new Roofline(50, 3)));
        Assert.That(Roofline.Of(timings, "cuda:0 tf32"), Is.EqualTo(new Roofline(400, 3)));
        Assert.That(Roofline.Of(timings, "cuda:0 bf16"), Is.Null);
    }

    [Test]
    public void StepsAreTimedWithGraphsAndWithoutWhereADeviceHasThem()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.That(StepSuite.Of(device, 4, 2, Precision.Float32).Select(step => step.Who).Distinct(), Is.EqualTo(new[] { "cpu" }));
        bool poison = device.Pool.Poison;
        device.Pool.Poison = false;
        WatchedGraphs graphs = WatchedGraphs.On(device);
        try
        {
            IReadOnlyList<Timing> timings = Rounds.Measure(StepSuite.Of(device, 4, 2, Precision.Float32), rounds: 2);
            Assert.That(timings.Select(timing => timing.Failure), Is.All.Null);
            string[] inTurns = ["cpu", "cpu graphs", "cpu", "cpu graphs", "cpu", "cpu graphs"];
            Assert.That(timings.Select(timing => timing.Who), Is.EqualTo(inTurns));
            // A pass each for replay and natural step, two for PGD-7; warming up and two rounds are graphs already.
            Assert.That((graphs.Made, graphs.Disposed), Is.EqualTo((4, 4)));
            Assert.That(graphs.Launches, Is.GreaterThanOrEqualTo(3 * (1 + 8 + 1)));
        }
        finally
        {
            WatchedGraphs.Restore(device);
            device.Pool.Poison = poison;
        }
    }

    [Test]
    public void IterationsOfMethodsInTurnsHaveTheirOwnPrices()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using LaunchTimer timer = device.Time(int.MaxValue);
        PricedBatch[] batches = [Priced("free"), Priced("pgd")];
        IReadOnlyList<Timing> measured = Rounds.Measure(batches, rounds: 2, together: true);
        Assert.That(measured.Select(timing => timing.Failure), Is.All.Null);
        IReadOnlyList<Timing> free = batches[0].Prices(2), pgd = batches[1].Prices(2);
        Assert.That(free.Select(price => price.What), Is.EqualTo(new[] { "k = 1", "k = 2", "once a batch" }));
        string[] parts = ["k = 1", "k = 2", "update after the steps", "once a batch"];
        Assert.That(pgd.Select(price => price.What), Is.EqualTo(parts));
        TimedBatch[] timed = [.. timer.Batches.TakeLast(4)];
        foreach ((IReadOnlyList<Timing> prices, int first) in new[] { (free, 0), (pgd, 1) })
            for (int round = 0; round < 2; round++)
                Assert.That(
                    prices.Sum(price => price.Milliseconds[round]), Is.EqualTo(timed[first + (2 * round)].Duration / 1e6).Within(1e-9));
        Assert.That(free[0].Flops, Is.GreaterThan(pgd[0].Flops), "a replay computes gradients of weights, a step does not");

        PricedBatch Priced(string method) => new(
            method, "a batch", device, TinyRuns.Options($"--method {method} --replays 2 --batch-size 4 --width 2 --train-images 16"), 2,
            timer);
    }

    private sealed class Logged(string what, string who, List<string> log) : Measured(what, who)
    {
        public string? Failure { get; init; }

        public override void Prepare() => Log("prepare");

        public override void Before(int runs) => Log($"before {runs}");

        public override void Run()
        {
            if (Failure is not null)
                throw new InvalidOperationException(Failure);
            Log("run");
        }

        public override void Finish() => Log("finish");

        protected override void Dispose(bool disposing)
        {
            Log("dispose");
            base.Dispose(disposing);
        }

        private void Log(string step) => log.Add($"{What} {Who} {step}");
    }
}
