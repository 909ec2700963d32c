using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole runs whose passes are recorded and launched as graphs, emulated ones where a device has none.</summary>
public sealed class GraphRunTests : WholeRuns
{
    // A learning rate and momentum that change with every minibatch; with 20 images the last of three minibatches is short.
    private const string Changing = " --lr-schedule cyclic --lr-max 0.1";

    private static readonly string[] Methods =
    [
        "--method natural",
        "--method free --replays 3",
        "--method pgd --replays 3",
        "--method trades --replays 2 --attack-bn eval",
        "--method mmart --gamma 0.5 --max-replays 2",
        "--method fat --replays 3 --patience 0",
        "--method mdeat --gamma 0.5 --max-replays 3",
    ];

    private static IEnumerable<TestCaseData> Cases =>
        from id in TestDevices.Ids
        from method in Methods
        where id == TestDevices.Ids.First() || method.Contains("pgd") || method.Contains("mdeat")
        select new TestCaseData(id, method);

    [TearDown]
    public void RestoreGraphs()
    {
        foreach (string id in TestDevices.Ids)
            WatchedGraphs.Restore(TestDevices.Get(id));
    }

    [TestCaseSource(nameof(Cases))]
    public void ARunWithGraphsEndsInTheSameBits(string id, string method)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options(method + Changing);
        WatchedGraphs.Off(device);
        (byte[] plain, LedgerCount[] counted) = Run(device, options);
        WatchedGraphs graphs = WatchedGraphs.On(device);
        (byte[] replayed, LedgerCount[] recounted) = Run(device, options);
        Assert.That(replayed, Is.EqualTo(plain));
        Assert.That(recounted, Is.EqualTo(counted), "what the ledger counted");
        Assert.That(graphs.Launches, Is.GreaterThan(graphs.Made).And.GreaterThan(5));
        Assert.That(graphs.Disposed, Is.EqualTo(graphs.Made), "graphs given back");
    }

    [Test]
    public void EachPassOverTheSameTensorsIsRecordedOnce()
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Ids.First());
        WatchedGraphs graphs = WatchedGraphs.On(device);
        using Trainer trainer = new(device, TinyRuns.Options("--method pgd --replays 3" + Changing), TinyRuns.Images());
        TinyRuns.Train(trainer, 3);
        // Attack and update, of full minibatches (6) and of short ones (3): all but the first of each is a graph.
        Assert.That(graphs.Made, Is.EqualTo(4));
        Assert.That(graphs.Launches, Is.EqualTo((6 * 3) - 1 + (3 * 3) - 1 + 6 - 1 + 3 - 1));
    }

    [Test]
    public void ARunResumedWithGraphsEndsInTheSameBitsAsOneWithout(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options(Methods[^1] + Changing);
        WatchedGraphs.Off(device);
        byte[] plain = TinyRuns.Run(device, options, TinyRuns.Images());
        WatchedGraphs graphs = WatchedGraphs.On(device);
        Checkpoint checkpoint;
        using (Trainer first = new(device, options, TinyRuns.Images()))
        {
            TinyRuns.Train(first, options.Epochs, (1, 2));
            checkpoint = first.Save();
        }

        using Trainer second = new(device, options, TinyRuns.Images());
        second.Restore(checkpoint);
        TinyRuns.Train(second, options.Epochs);
        Assert.That(TinyRuns.File(second), Is.EqualTo(plain));
        Assert.That(graphs.Made, Is.GreaterThan(2));
    }

    // Between two launches a graph's memory is the pool's: what others leave there must not matter.
    [Test]
    public void AGraphReadsNothingThatItDidNotWrite([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options(Methods[^1] + Changing + " --epochs 2");
        WatchedGraphs.Off(device);
        byte[] plain = TinyRuns.Run(device, options, TinyRuns.Images());
        WatchedGraphs graphs = WatchedGraphs.On(device);
        using Trainer trainer = new(device, options, TinyRuns.Images());
        trainer.Observer = _ => device.Pool.PoisonFree();
        TinyRuns.Train(trainer, options.Epochs);
        Assert.That(TinyRuns.File(trainer), Is.EqualTo(plain));
        Assert.That(graphs.Made, Is.EqualTo(2), "recorded once, and used");
    }

    [Test]
    public void WhereSomebodyHoldsAGraphsMemoryThePassIsRecordedAnew()
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Ids.First());
        TrainOptions options = TinyRuns.Options("--method free --replays 3 --epochs 2");
        WatchedGraphs.Off(device);
        device.Pool.Trim();
        ImageSet images = TinyRuns.Images(16);
        byte[] plain = TinyRuns.Run(device, options, images);
        WatchedGraphs graphs = WatchedGraphs.On(device);
        using Trainer trainer = new(device, options, images);
        trainer.TrainBatch();
        Assert.That(graphs.Made, Is.EqualTo(1));
        using Workspace others = new(device, MemoryCategory.Activations);
        Tensor[] held = [.. Enumerable.Range(0, 3).Select(_ => others.Activation(new Shape(8, 4, 16, 16), ElementType.Float32))];
        float[] theirs = [.. Enumerable.Range(0, (int)held[0].Shape.Count).Select(i => (float)i)];
        foreach (Tensor tensor in held)
            tensor.CopyFrom<float>(theirs);
        TinyRuns.Train(trainer, options.Epochs);
        Assert.That(graphs.Made, Is.GreaterThan(1));
        Assert.That(TinyRuns.File(trainer), Is.EqualTo(plain));
        Assert.That(held.Select(tensor => tensor.ToArray<float>()), Is.All.EqualTo(theirs));
        device.Pool.Trim();
    }

    [Test]
    public void AnAttackWithGraphsLeavesTheSameAccuracyAndLosses([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options("--method natural --epochs 1");
        using Trainer trainer = new(device, options, TinyRuns.Images());
        TinyRuns.Train(trainer, 1);
        ImageSet images = TinyRuns.Images(37, seed: 2);
        WatchedGraphs.Off(device);
        (EvaluationResult plain, LedgerCount[] counted) = Evaluate();
        WatchedGraphs graphs = WatchedGraphs.On(device);
        (EvaluationResult replayed, LedgerCount[] recounted) = Evaluate();
        Assert.That(replayed.Losses, Is.EqualTo(plain.Losses));
        Assert.That(replayed.Correct, Is.EqualTo(plain.Correct));
        Assert.That(replayed.Passes, Is.EqualTo(plain.Passes));
        Assert.That(recounted, Is.EqualTo(counted));
        Assert.That(graphs.Made, Is.EqualTo(2), "the step and the last look");

        (EvaluationResult Result, LedgerCount[] Counts) Evaluate()
        {
            using Evaluator evaluator = new(trainer.Model, images, options.Data.NormalizationOf(images), 16);
            Attack attack = Attack.Parse("pgd4", Pixels.Parse("2/255", ""), Pixels.Parse("1/255", ""));
            device.Ledger.Clear();
            return (evaluator.Run(attack, 3), LedgerCount.Of(device.Ledger));
        }
    }

    // One pass over a network is some hundred launches, whose tensors and views are objects; a graph's launch makes none of them. ILGPU's
    // own launches on the CPU accelerator make some, which is why the limit is not asked for there.
    [Test]
    public void ReplaysOfAGraphLeaveNothingToCollect()
    {
        const int Replays = 100, MostBytesEach = 1024;
        string id = TestDevices.Ids.FirstOrDefault(id => id != "cpu") ?? IgnoreForLack();
        ComputeDevice device = TestDevices.Get(id);
        WatchedGraphs.On(device);
        using Trainer trainer = new(device, TinyRuns.Options($"--method free --replays {Replays}"), TinyRuns.Images(24));
        trainer.TrainBatch();
        trainer.TrainBatch();
        long before = GC.GetAllocatedBytesForCurrentThread();
        trainer.TrainBatch();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(Replays * MostBytesEach));
    }

    [TestCase("begin")]
    [TestCase("end")]
    public void WhereTheDriverRefusesAGraphKernelsAreLaunchedOneByOneAndTheUserIsToldOnce(string failure)
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Ids.First());
        TrainOptions options = TinyRuns.Options(Methods[2] + Changing);
        WatchedGraphs.Off(device);
        (byte[] plain, LedgerCount[] counted) = Run(device, options);
        WatchedGraphs graphs = WatchedGraphs.On(device);
        graphs.Failure = failure;
        List<string> notices = [];
        device.Notices = notices.Add;
        (byte[] replayed, LedgerCount[] recounted) = Run(device, options);
        device.Notices = null;
        Assert.That(replayed, Is.EqualTo(plain));
        Assert.That(recounted, Is.EqualTo(counted));
        Assert.That((graphs.Begun, graphs.Launches), Is.EqualTo((1, 0)));
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(notices[0], Does.Contain($"no graphs on {device.Listing.Id}").And.Contain($"the driver does not {failure}"));
        Assert.That(device.UsesGraphs, Is.False);
    }

    private static string IgnoreForLack()
    {
        Assert.Ignore("the CPU accelerator alone");
        return "";
    }

    // Validation between epochs, as in deat train: it takes and gives back the same memory.
    private static (byte[] File, LedgerCount[] Counts) Run(ComputeDevice device, TrainOptions options)
    {
        using Trainer trainer = new(device, options, TinyRuns.Images());
        ImageSet images = TinyRuns.Images(9, seed: 3);
        using Evaluator evaluator = new(trainer.Model, images, options.Data.NormalizationOf(images), options.BatchSize);
        device.Ledger.Clear();
        for (int epoch = 1; epoch <= options.Epochs; epoch++)
        {
            TinyRuns.Train(trainer, epoch);
            evaluator.Run(Attack.Parse("cw2", options.Adversary.Epsilon, options.AttackStep), options.Seed);
        }

        return (TinyRuns.File(trainer), LedgerCount.Of(device.Ledger));
    }
}

/// <summary>A line of the ledger, to compare.</summary>
internal readonly record struct LedgerCount(LedgerKey Key, LedgerEntry Entry)
{
    /// <summary>All lines, in an order that follows from them.</summary>
    public static LedgerCount[] Of(Ledger ledger) =>
        [.. ledger.Entries.Select(entry => new LedgerCount(entry.Key, entry.Value))
            .OrderBy(count => count.Key.ToString(), StringComparer.Ordinal)];
}
