using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class TrainerTests : WholeRuns
{
    // Each with its number of replays changing between epochs where the method can.
    private static readonly string[] Methods =
    [
        "--method natural",
        "--method free --replays 2",
        "--method pgd --replays 2",
        "--method deat-d --delay 1 --max-replays 3",
        "--method deat-p --target-accuracy 0",
        "--method mdeat --gamma 0.5",
        "--method n-fgsm",
        "--method amata --max-replays 5",
        "--method trades --replays 2 --attack-bn eval",
        "--method mtrades --gamma 0.5",
        "--method mmart --gamma 0.5 --compat table1",
        "--method ftrades --replays 2 --patience 0",
        "--method yopo --replays 2 --first-steps 2",
        "--method cat --target-accuracy 0",
        "--method fosc --replays 2 --fosc 0.1",
        "--method free --replays 2 --delta-init previous",
        "--method free --replays 2 --average ema",
        "--method free --replays 2 --average swa --average-start 1",
        "--method free --replays 2 --awp-gamma 0.01 --grad-align 0.2",
    ];

    // Three batches of 8, 8 and 4 images: after the first, at the end of an epoch before it is closed (where the number of replays
    // changes next), before the first of the next, before the last, and in the last epoch.
    private static readonly (int Epoch, int Batch)[] Cuts = [(0, 1), (0, 3), (1, 0), (1, 2), (2, 2)];

    // All methods where runs are cheapest, and everywhere the two that differ most.
    private static IEnumerable<TestCaseData> Cases =>
        from id in TestDevices.Ids
        from method in Methods
        where id == TestDevices.Ids.First() || method.Contains("pgd") || method.Contains("mdeat")
        select new TestCaseData(id, method);

    [TestCaseSource(nameof(Cases))]
    public void ARunCutAndResumedEndsInTheSameFileAsOneThatWasNot(string id, string method)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options(method);
        ImageSet images = TinyRuns.Images();
        byte[] whole = TinyRuns.Run(device, options, images);
        Assert.That(TinyRuns.Run(device, options, images), Is.EqualTo(whole), "the same run again");
        Assert.That(Resumed(device, options, images, Cuts[3]), Is.EqualTo(whole), "cut once");
        Assert.That(Resumed(device, options, images, Cuts), Is.EqualTo(whole), "cut everywhere");
    }

    [Test]
    public void TheNumberOfReplaysChangesInTheRunsThatAreCut()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        (string, int[])[] expected =
        [
            (Methods[3], [1, 2, 3]), (Methods[4], [1, 2, 3]), (Methods[5], [1, 2, 2]), (Methods[7], [2, 3, 4]), (Methods[9], [0, 1, 1]),
        ];
        foreach ((string method, int[] counts) in expected)
        {
            using Trainer trainer = new(device, TinyRuns.Options(method), TinyRuns.Images());
            List<int> seen = [];
            for (int epoch = 0; epoch < 3; epoch++)
            {
                seen.Add(trainer.State.Replay.Count);
                TinyRuns.Train(trainer, epoch + 1);
            }

            Assert.That(seen, Is.EqualTo(counts), method);
        }
    }

    [Test]
    public void AnotherSeedMakesAnotherRun([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        ImageSet images = TinyRuns.Images();
        Assert.That(
            TinyRuns.Run(device, TinyRuns.Options("--epochs 1 --seed 1"), images),
            Is.Not.EqualTo(TinyRuns.Run(device, TinyRuns.Options("--epochs 1"), images)));
    }

    [TestCase("--method natural", 1)]
    [TestCase("--method free --replays 3", 3)]
    [TestCase("--method pgd --replays 3", 4)]
    [TestCase("--method deat-d", 1)]
    [TestCase("--method u-fgsm", 2)]
    [TestCase("--method amata", 3)]
    [TestCase("--method trades --replays 3", 8)]
    [TestCase("--method trades --replays 3 --compat table1", 9)]
    [TestCase("--method mart --replays 3", 5)]
    [TestCase("--method fat", 6)]
    [TestCase("--method yopo", 5)]
    [TestCase("--method cat", 1)]
    [TestCase("--method fosc", 11)]
    [TestCase("--method mpgd", 1)]
    [TestCase("--method mtrades", 2)]
    public void PassesOfAnEpochAreTheSumOverItsMinibatches(string method, int passesPerBatch)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options(method), TinyRuns.Images());
        for (int batch = 0; batch < 3; batch++)
            trainer.TrainBatch();
        Assert.That(trainer.State.Passes, Is.EqualTo(3 * passesPerBatch));
    }

    [Test]
    public void DeltaStaysInTheBallAndImagesInThePixelRangeAfterEveryStep(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values("pgd", "mdeat", "trades")] string method,
        [Values("uniform", "zero", "normal", "bernoulli")] string start)
    {
        Assume.That((method, start), Is.Not.EqualTo(("trades", "zero")), "refused");
        TrainOptions options = TinyRuns.Options(
            $"--method {method} --delta-init {start} --epochs 2 --max-replays 2 --epsilon 20 --alpha 7");
        using Trainer trainer = new(TestDevices.Get(id), options, TinyRuns.Images());
        int steps = 0;
        trainer.Observer = pass =>
        {
            if (pass.InputGradient is null)
                return;
            steps++;
            float epsilon = (float)options.Adversary.Epsilon.Value;
            float[] delta = pass.Batch.Delta.ToArray<float>();
            float[] x = pass.Batch.X.ToArray<float>();
            Assert.That(delta.All(d => Math.Abs(d) <= epsilon), "delta outside the ball");
            Assert.That(delta.Zip(x, (d, p) => p + d).All(p => p is >= 0 and <= 1), "image outside the pixel range");
            Assert.That(delta.Any(d => d != 0), "delta never moved");
        };
        TinyRuns.Train(trainer, 2);
        Assert.That(steps, Is.GreaterThanOrEqualTo(6));
    }

    [Test]
    public void NothingIsAllocatedAfterTheFirstMinibatch([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        device.Pool.Trim();
        using Trainer trainer = new(device, TinyRuns.Options("--method mdeat"), TinyRuns.Images(24));
        trainer.TrainBatch();
        long reserved = device.Pool.ReservedBytes;
        TinyRuns.Train(trainer, 3);
        Assert.That(device.Pool.ReservedBytes, Is.EqualTo(reserved));
    }

    [Test]
    public void NothingIsReadThatWasNotWritten([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        TrainOptions options = TinyRuns.Options("--method mdeat --width 2 --epochs 2");
        byte[] clean = TinyRuns.Run(device, options, TinyRuns.Images(12));
        device.Pool.Poison = true;
        Assert.That(TinyRuns.Run(device, options, TinyRuns.Images(12)), Is.EqualTo(clean), "with memory full of NaN");
    }

    [Test]
    public void LearningOneBatchByHeartLowersTheLoss([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ImageSet images = TinyRuns.Images(8) with { Augment = false };
        TrainOptions options = TinyRuns.Options("--method natural --epochs 40 --lr-schedule flat");
        using Trainer trainer = new(TestDevices.Get(id), options, images);
        trainer.TrainBatch();
        double first = trainer.Fold().MeanLoss;
        trainer.EndEpoch(null);
        TinyRuns.Train(trainer, 39);
        trainer.TrainBatch();
        Assert.That(trainer.Fold().MeanLoss, Is.LessThan(0.2 * first));
    }

    [Test]
    public void ALossThatIsNotFiniteIsReportedWithItsBatch([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Trainer trainer = new(TestDevices.Get(id), TinyRuns.Options("--method free"), TinyRuns.Images());
        trainer.TrainBatch();
        Assert.That(trainer.Fold().Images, Is.EqualTo(8));
        float[] weights = trainer.Model.Weights.ToArray<float>();
        weights[^1] = float.NaN;
        weights[0] = float.NaN;
        trainer.Model.Weights.CopyFrom<float>(weights);
        trainer.TrainBatch();
        Assert.That(trainer.Fold, Throws.TypeOf<NumericException>().With.Message.Contains("epoch 0, batch 1"));
        Assert.That(trainer.Save, Throws.TypeOf<NumericException>());
    }

    [Test]
    public void AWeightThatIsNotFiniteIsNotSaved()
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(), TinyRuns.Images());
        float[] weights = trainer.Model.Weights.ToArray<float>();
        weights[3] = float.PositiveInfinity;
        trainer.Model.Weights.CopyFrom<float>(weights);
        Assert.That(trainer.Save, Throws.TypeOf<NumericException>().With.Message.Contains("conv1.weight").And.Message.Contains("1 of 108"));
    }

    [Test]
    public void ACheckpointOfAnotherNetworkOrOtherImagesIsRefused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        ImageSet images = TinyRuns.Images();
        using Trainer trainer = new(device, TinyRuns.Options(), images);
        Checkpoint checkpoint = trainer.Save();
        using Trainer wider = new(device, TinyRuns.Options("--width 5"), images);
        Assert.That(() => wider.Restore(checkpoint),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("conv1.weight [4,3,3,3], model needs [5,3,3,3]"));
        using Trainer other = new(device, TinyRuns.Options(), TinyRuns.Images(seed: 2));
        Assert.That(() => other.Restore(checkpoint), Throws.TypeOf<CheckpointException>().With.Message.Contains("other images"));
    }

    [Test]
    public void SumsAreTheSameWhetherReadAtOnceOrInParts()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        TrainOptions options = TinyRuns.Options("--method free");
        using Trainer atOnce = new(device, options, TinyRuns.Images());
        using Trainer inParts = new(device, options, TinyRuns.Images());
        for (int batch = 0; batch < 3; batch++)
        {
            atOnce.TrainBatch();
            inParts.TrainBatch();
            inParts.Fold();
        }

        Assert.That(inParts.Fold(), Is.EqualTo(atOnce.Fold()));
        Assert.That(atOnce.State.Sums.Images, Is.EqualTo(20));
        Assert.That(atOnce.State.Sums.Magnitude, Is.GreaterThan(0));
    }

    private static byte[] Resumed(ComputeDevice device, TrainOptions options, ImageSet images, params (int Epoch, int Batch)[] cuts)
    {
        Checkpoint? checkpoint = null;
        foreach ((int Epoch, int Batch) cut in cuts)
        {
            using Trainer part = new(device, options, images);
            if (checkpoint is not null)
                part.Restore(checkpoint);
            TinyRuns.Train(part, options.Epochs, cut);
            checkpoint = Reread(part.Save());
        }

        using Trainer rest = new(device, options, images);
        rest.Restore(checkpoint!);
        TinyRuns.Train(rest, options.Epochs);
        return TinyRuns.File(rest);
    }

    // Through a file, as a process that begins anew has it.
    private static Checkpoint Reread(Checkpoint checkpoint)
    {
        string path = Path.GetTempFileName();
        try
        {
            using (FileStream stream = File.Create(path))
                checkpoint.Write(stream);
            return Checkpoint.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
