using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Runs that end after a number of passes, and what they cost.</summary>
public sealed class BudgetTests : WholeRuns
{
    // Of three minibatches an epoch; the second epoch of three replays has one of them.
    [TestCase("--method free --replays 1 --max-passes 2", 6, 2)]
    [TestCase("--method free --replays 3 --max-passes 4", 12, 2)]
    [TestCase("--method pgd --replays 3 --max-passes 3 --epochs 2", 12, 1)]
    public void ABudgetOfPassesEndsTheRunAndSpreadsTheRateOverIt(string line, int passes, int epochs)
    {
        TrainOptions options = TinyRuns.Options($"{line} --lr-schedule cosine --lr-max 1");
        using Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images());
        List<double> rates = [];
        while (!(trainer.HasNoPassLeft && trainer.State.Batch == 0))
        {
            while (!trainer.IsEpochDone)
            {
                rates.Add(trainer.LearningRate);
                trainer.TrainBatch();
            }

            trainer.EndEpoch(best: null);
        }

        Assert.That((trainer.State.Epoch, trainer.State.EarlierPasses), Is.EqualTo((epochs, passes)));
        Assert.That(rates[0], Is.EqualTo(1));
        Assert.That(rates, Is.Ordered.Descending);
        Assert.That((trainer.LearningRate, trainer.Done), Is.EqualTo((0.0, 1.0)).Within(1e-12));
    }

    [Test]
    public void ARunKnowsWhatItsTrainingComputed()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method pgd --replays 2"), TinyRuns.Images());
        long before = device.Ledger.Total().Flops;
        trainer.TrainBatch();
        trainer.TrainBatch();
        Assert.That(trainer.State.Flops, Is.EqualTo(device.Ledger.Total().Flops - before).And.GreaterThan(1_000_000));
    }

    [Test]
    public void ARunWithABudgetGoesOnWithTheSameBits()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        TrainOptions options = TinyRuns.Options("--method free --replays 3 --max-passes 4 --lr-schedule cosine");
        byte[] Run(int cut)
        {
            Trainer trainer = new(device, options, TinyRuns.Images());
            for (int batch = 0; batch < 4; batch++)
            {
                if (batch == cut)
                {
                    Checkpoint saved = trainer.Save();
                    trainer.Dispose();
                    trainer = new Trainer(device, options, TinyRuns.Images());
                    trainer.Restore(saved);
                }

                trainer.TrainBatch();
                if (trainer.IsEpochDone)
                    trainer.EndEpoch(best: null);
            }

            Assert.That(trainer.HasNoPassLeft);
            byte[] file = TinyRuns.File(trainer);
            trainer.Dispose();
            return file;
        }

        byte[] whole = Run(-1);
        Assert.That(Run(2), Is.EqualTo(whole));
        Assert.That(Run(3), Is.EqualTo(whole));
    }
}
