using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AveragingTests : WholeRuns
{
    [Test]
    public void AnAverageChangesNoBitOfTheNetwork(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values("ema", "swa --average-start 0")] string average)
    {
        byte[] without = Network(id, "--method free --replays 2");
        Assert.That(Network(id, $"--method free --replays 2 --average {average}"), Is.EqualTo(without));
    }

    [Test]
    public void AnExponentialAverageFollowsTheNetwork([Values("off", "on")] string warmUp)
    {
        using Trainer trainer = New($"--method natural --average ema --average-decay 0.9 --average-warm-up {warmUp}");
        double[] expected = trainer.Model.Weights.ToDoubles();
        for (int moves = 0; moves < 6; moves++)
        {
            if (trainer.IsEpochDone)
                trainer.EndEpoch(null);
            trainer.TrainBatch();
            double decay = warmUp == "on" ? Math.Min(0.9, (1.0 + moves) / (10 + moves)) : 0.9;
            expected = [.. expected.Zip(trainer.Model.Weights.ToDoubles(), (a, w) => (decay * a) + ((1 - decay) * w))];
        }

        using (trainer.Average!.InModel())
            Assert.That(trainer.Model.Weights.ToDoubles(), Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void AMeanIsThatOfTheEndsOfEpochsWithStatisticsOfItsOwn()
    {
        using Trainer trainer = New("--method free --replays 2 --average swa --average-start 1");
        List<double[]> ends = [];
        for (int epoch = 0; epoch < 3; epoch++)
        {
            while (!trainer.IsEpochDone)
            {
                Assert.That(trainer.Average is null, Is.EqualTo(epoch < 2), "from the end of epoch 1 on");
                trainer.TrainBatch();
            }

            ends.Add(trainer.Model.Weights.ToDoubles());
            if (epoch < 2)
                trainer.EndEpoch(null);
        }

        double[] mean = [.. ends[1].Zip(ends[2], (a, b) => (a + b) / 2)];
        double[] ofNetwork = trainer.Model.Statistics.ToDoubles();
        using (trainer.Average!.InModel())
        {
            Assert.That(trainer.Model.Weights.ToDoubles(), Is.EqualTo(mean).Within(1e-6));
            Assert.That(trainer.Model.Statistics.ToDoubles(), Is.EqualTo(Estimated(trainer)).Within(1e-5));
            Assert.That(trainer.Model.Statistics.ToDoubles(), Is.Not.EqualTo(ofNetwork));
        }

        Assert.That(trainer.Model.BatchShare, Is.EqualTo(0.1));
        Assert.That(trainer.State.Passes, Is.EqualTo((3 * 2) + 3), "the statistics cost a pass of each minibatch");
    }

    [TestCase("--average-decay 0.9", "--average-decay 0.9 conflicts with --average none, which has none")]
    [TestCase("--average swa --average-decay 0.9", "--average-decay 0.9 conflicts with --average swa")]
    [TestCase("--average ema --average-start 1", "--average-start 1 conflicts with --average ema")]
    [TestCase("--average swa --average-start 3", "--average-start '3' is not a whole number from 0 to 2")]
    [TestCase("--average mean", "--average 'mean' is not known; choose ema, swa")]
    public void WhatAnAverageDoesNotTakeIsRefused(string line, string message) =>
        Assert.That(() => TinyRuns.Options(line), Throws.TypeOf<UsageException>().With.Message.Contains(message));

    // The batches of the epoch, as they are, through the averaged network: each with its share.
    private static double[] Estimated(Trainer trainer)
    {
        TrainOptions options = TinyRuns.Options();
        ImageSet images = TinyRuns.Images();
        using TrainingBatches batches = new(trainer.Model.Device, options, images, ElementType.Float32);
        double[] sum = new double[trainer.Model.Statistics.Shape.Count];
        for (int i = 0; i < batches.Count; i++)
        {
            Minibatch batch = batches.Gather(trainer.State.Epoch, i);
            Ops.InitializeDelta(batch.Delta, batch.X, DeltaInit.Zero, 0, false, default);
            Ops.AdversarialInput(batch.Z, batch.X, batch.Delta, options.Data.NormalizationOf(images));
            trainer.Model.BatchShare = 1;
            using Tape tape = new(trainer.Model.Device, Wanted.None);
            trainer.Model.Forward(tape, batch.Z);
            sum = [.. sum.Zip(trainer.Model.Statistics.ToDoubles(), (a, b) => a + b)];
        }

        trainer.Model.BatchShare = 0.1;
        return [.. sum.Select(s => s / batches.Count)];
    }

    private static byte[] Network(string id, string line)
    {
        using Trainer trainer = new(TestDevices.Get(id), TinyRuns.Options(line), TinyRuns.Images());
        TinyRuns.Train(trainer, 3);
        return [.. trainer.Model.StateDict().SelectMany(array => array.Data)];
    }

    private static Trainer New(string line) => new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images());
}
