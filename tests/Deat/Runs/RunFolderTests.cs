using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class RunFolderTests
{
    private TemporaryFolder _parent = null!;

    private string Location => _parent["run"];

    [SetUp]
    public void SetUp() => _parent = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _parent.Delete();

    [Test]
    public void ARunLeavesItsFiles()
    {
        using (var run = Create())
        {
            run.WriteEnvironment(RunEnvironment.Describe("a device", "CPU", driver: null));
            run.Append(Epoch(0));
            run.SaveBest(ChildProcess.Numbered(0, 0));
            run.SaveLast(ChildProcess.Numbered(0, 0));
            run.SaveLast(ChildProcess.Numbered(1, 0));
            run.AppendTest([new("Test", 0.5, 0.8), new("PGD20", 1.25, 0.45)]);
            Assert.That(run.Notes, Is.Empty);
        }
        Assert.That(Directory.GetFiles(Location).Select(Path.GetFileName), Is.EquivalentTo(new[]
        {
            "config.json", "env.json", "metrics.jsonl", "output.log", "magnitude.svg", "run.lock", "best.safetensors",
            "last.safetensors", "last.safetensors.prev",
        }));
        var environment = JsonNode.Parse(File.ReadAllText(Path.Combine(Location, "env.json")))!;
        Assert.That((string?)environment["device"], Is.EqualTo("a device"));
        Assert.That((string?)environment["ilgpu"], Is.EqualTo("1.5.3"));
        Assert.That((string?)environment["commit"], Does.Match("^[0-9a-f]{40}$"));
        Assert.That(File.ReadAllText(Path.Combine(Location, "output.log")), Does.EndWith(
            "Test Loss \t Test Acc \t PGD20 Loss \t PGD20 Acc\n[2021/03/20 16:09:44] - 0.5000 \t 0.8000 \t  1.2500 \t 0.4500\n"));
    }

    // The first two lines of the authors' mdeat_out/output_pre.log after the options.
    [Test]
    public void TheLogIsTheAuthorsTable()
    {
        using var run = Create();
        run.Append(Epoch(0) with
        {
            Seconds = 24.6,
            LearningRate = 0.05,
            TrainLoss = 1.4613,
            TrainAccuracy = 0.4678,
            ValidationAccuracy = 0.5945,
            Magnitude = 5824.8647,
            RobustAccuracy = 0.0039,
        });
        Assert.That(File.ReadAllText(run.In("output.log")), Is.EqualTo(
            "[2021/03/20 16:09:44] - Epoch \t Seconds \t LR \t \t Train Loss \t Train Acc \t Val Acc \t MG \t CW Acc\n" +
            "[2021/03/20 16:09:44] - 0 \t 24.6 \t \t 0.0500 \t 1.4613 \t 0.4678 \t 0.5945\t 5824.8647 \t 0.0039\n"));
    }

    [Test]
    public void AResumedRunsRecordsAreThoseOfAnUncutOne([Range(0, 4)] int completed, [Values] bool cutLine)
    {
        using (var run = Create())
            for (var e = 0; e < 5; e++)
                run.Append(Epoch(e));
        var uncut = Records();
        if (cutLine)
            File.AppendAllText(Path.Combine(Location, "metrics.jsonl"), """{"epoch":5,"sec""");
        File.AppendAllText(Path.Combine(Location, "output.log"), "[2021/03/20 16:09:44] - interrupted\n");
        using (var run = RunFolder.Resume(Location, Config(0.05), time: new Clock()))
        {
            run.KeepEpochs(completed);
            Assert.That(run.Metrics, Has.Count.EqualTo(completed));
            for (var e = completed; e < 5; e++)
                run.Append(Epoch(e));
        }
        Assert.That(Records(), Is.EqualTo(uncut));
    }

    [Test]
    public void AnotherRunIsNotOverwritten()
    {
        using (var run = Create())
            run.Append(Epoch(0));
        var e = Assert.Throws<StorageException>(() => Create())!;
        Assert.That(e.Message, Does.Contain("holds a run (1 epochs recorded); it has no checkpoint to go on from: delete it, or"));
        using (var run = RunFolder.Resume(Location, config: null))
            run.SaveLast(ChildProcess.Numbered(1, 0));
        Assert.That(() => Create(), Throws.TypeOf<StorageException>().With.Message.Contains("go on with it by --resume, or"));
        Assert.That(File.ReadLines(Path.Combine(Location, "metrics.jsonl")).Count(), Is.EqualTo(1));
    }

    [Test]
    public void ARunWithoutAnEpochIsReplaced()
    {
        Create().Dispose();
        using var run = Create(learningRate: 0.1);
        Assert.That((double?)RunFolder.ReadConfig(Location)["lrMax"], Is.EqualTo(0.1));
    }

    [Test]
    public void AForeignConfigIsNotOverwritten()
    {
        Directory.CreateDirectory(Location);
        File.WriteAllText(Path.Combine(Location, "config.json"), "mine");
        Assert.That(() => Create(), Throws.TypeOf<StorageException>().With.Message.Contains("not of a run"));
        Assert.That(Directory.GetFiles(Location), Has.Length.EqualTo(1));
    }

    [Test]
    public void OtherOptionsAreNotResumed()
    {
        Create().Dispose();
        Assert.That(() => RunFolder.Resume(Location, Config(0.1)),
            Throws.TypeOf<UsageException>().With.Message.Contains("lrMax 0.1 (was 0.05)"));
        RunFolder.Resume(Location, Config(0.1), new HashSet<string> { "lrMax" }).Dispose();
        RunFolder.Resume(Location, config: null).Dispose();
        Assert.That(() => RunFolder.Resume(_parent["none"], null), Throws.TypeOf<CheckpointException>().With.Message.Contains("no run"));
        Assert.That(Directory.Exists(_parent["none"]), Is.False);
    }

    [Test]
    public void TheLastCheckpointIsTakenAndElseTheOneBefore()
    {
        using var run = Create();
        Assert.That(() => run.LoadLast(), Throws.TypeOf<CheckpointException>().With.Message.Contains("no checkpoint"));
        for (var n = 1; n <= 3; n++)
            run.SaveLast(ChildProcess.Numbered(n, 0));
        Assert.That(run.LoadLast().StateAs<int>(), Is.EqualTo(3));
        File.Delete(run.In("last.safetensors"));
        Assert.That(run.LoadLast().StateAs<int>(), Is.EqualTo(2));
        Assert.That(run.Notes.Single(), Does.Contain("using the previous checkpoint"));
    }

    [Test]
    public void ADamagedCheckpointIsAnErrorThatNamesTheOneBefore()
    {
        using var run = Create();
        run.SaveLast(ChildProcess.Numbered(1, 0));
        run.SaveLast(ChildProcess.Numbered(2, 0));
        File.WriteAllText(run.In("last.safetensors"), "damaged");
        Assert.That(() => run.LoadLast(),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("damaged").And.Message.Contains(".prev"));
        Assert.That(File.ReadAllText(run.In("last.safetensors")), Is.EqualTo("damaged"));
    }

    [Test]
    public void TheTimeBeforeAStopIsThatOfThePlaceWhereItStopped()
    {
        using (var run = Create())
            run.KeepTrained(epoch: 2, batch: 3, TimeSpan.FromSeconds(12.5));
        using var resumed = RunFolder.Resume(Location, config: null);
        Assert.That(resumed.TrainedUntil(2, 3), Is.EqualTo(TimeSpan.FromSeconds(12.5)));
        Assert.That(resumed.TrainedUntil(2, 4), Is.EqualTo(TimeSpan.Zero));
        Assert.That(resumed.TrainedUntil(3, 0), Is.EqualTo(TimeSpan.Zero));
        File.WriteAllText(resumed.In("stopped.json"), "{");
        Assert.That(() => resumed.TrainedUntil(2, 3), Throws.TypeOf<CheckpointException>().With.Message.Contains("stopped.json"));
    }

    [Test]
    public void ARunThatBeginsAnewHasNoLooksOfTheOneBefore()
    {
        GuardCheck check = new() { Epoch = 0, Batch = 1, Replays = 1, Robust = new(1, 2), Loss = 1, Accuracy = 0.5 };
        for (int start = 0; start < 2; start++)
        {
            using var run = Create();
            run.Append(check);
            Assert.That(File.ReadAllLines(run.In("guard.jsonl")), Has.Length.EqualTo(1));
        }
    }

    [Test]
    public void ARunIsGoneOnWithAlsoWhereItsLockWasNotCopied()
    {
        Create().Dispose();
        File.Delete(Path.Combine(Location, "run.lock"));
        RunFolder.Resume(Location, config: null).Dispose();
    }

    [Test]
    public void EarlierEnvironmentsAreKept()
    {
        using var run = Create();
        foreach (var device in new[] { "first", "second", "third" })
            run.WriteEnvironment(new JsonObject { ["device"] = device });
        var environment = JsonNode.Parse(File.ReadAllText(run.In("env.json")))!;
        Assert.That((string?)environment["device"], Is.EqualTo("third"));
        Assert.That(environment["resumedFrom"]!.AsArray().Select(e => (string?)e!["device"]), Is.EqualTo(new[] { "first", "second" }));
        Assert.That(environment["resumedFrom"]!.AsArray(), Has.All.Property("Count").EqualTo(1));
    }

    [Test]
    public void AFolderThatCannotBeMadeIsAStorageException()
    {
        File.WriteAllText(Location, "a file");
        Assert.That(() => Create(), Throws.TypeOf<StorageException>().With.Message.Contains("cannot create the run folder"));
        Assert.That(() => RunFolder.Create("/proc/deat", []), Throws.TypeOf<StorageException>());
    }

    private RunFolder Create(double learningRate = 0.05) => RunFolder.Create(Location, Config(learningRate), new Clock());

    private static JsonObject Config(double learningRate) => new() { ["method"] = "mdeat", ["lrMax"] = learningRate };

    private static EpochMetrics Epoch(int epoch) => new()
    {
        Epoch = epoch,
        Seconds = 12.5 + epoch,
        LearningRate = 0.1 / (epoch + 1),
        TrainLoss = 2.0 / 3,
        TrainAccuracy = 0.25,
        Replays = Math.Min(epoch, 1) + 1,
        StepSize = 10.0 / 255,
        Passes = 79 * (epoch + 1),
        Magnitude = 3000 + epoch / 7.0,
        Threshold = epoch > 1 ? double.PositiveInfinity : null,
    };

    private string[] Records() =>
        [.. new[] { "metrics.jsonl", "output.log", "magnitude.svg" }.Select(f => File.ReadAllText(Path.Combine(Location, f)))];

    private sealed class Clock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2021, 3, 20, 16, 9, 44, TimeSpan.Zero);
    }
}
