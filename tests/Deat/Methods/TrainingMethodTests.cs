using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class TrainingMethodTests : WholeRuns
{
    [Test]
    public void DeatWithAConstantCountIsFreeBitForBit(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values("deat-d", "deat-p", "mdeat")] string method)
    {
        TrainOptions free = TinyRuns.Options("--method free --replays 3 --alpha 8 --delta-init zero");
        TrainOptions deat = TinyRuns.Options($"--method {method} --alpha 8 --delta-init zero");
        deat = deat with
        {
            Method = deat.Method with { Schedule = o => new FixedReplays { Count = 3, StepSize = o.Alpha!.Value.Value } },
        };
        Assert.That(Weights(id, deat), Is.EqualTo(Weights(id, free)));
    }

    [Test]
    public void OneReplayWithoutRoomToMoveIsNaturalTrainingBitForBit(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        byte[] natural = Weights(id, TinyRuns.Options("--method natural"));
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 1 --epsilon 0 --alpha 0")), Is.EqualTo(natural));
        string still = "--method mdeat --max-replays 1 --epsilon 0 --alpha 0 --delta-init zero";
        Assert.That(Weights(id, TinyRuns.Options(still)), Is.EqualTo(natural));
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 1")), Is.EqualTo(natural), "the last delta is not used");
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 2")), Is.Not.EqualTo(natural));
    }

    [Test]
    public void AttackStepsMoveNoWeightAndComputeNoGradientOfOne()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method pgd --replays 2"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        bool IsWeightGradient(LedgerKey key) => key.Direction == Direction.WeightGradient;
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && IsWeightGradient(key)).Launches, Is.Zero);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Update && IsWeightGradient(key)).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Update && key.Iteration == 2).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Iteration == 1).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Step).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Optimizer).Launches, Is.EqualTo(1));
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Setup).Launches, Is.Zero);
    }

    [Test]
    public void NaturalTrainingComputesNoGradientOfTheImages()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method natural"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        Assert.That(
            device.Ledger.Total(key => key.Layer == "conv1" && key.Direction == Direction.InputGradient).Launches, Is.Zero);
    }

    [Test]
    public void EveryMethodIsFoundByItsNameAndTakesItsDefaults()
    {
        foreach (TrainingMethod method in TrainingMethods.All)
        {
            TrainOptions options = TinyRuns.Options($"--method {method.Name}");
            Assert.That(options.Method, Is.SameAs(method));
            Assert.That(options.Adversary, Is.EqualTo(method.Defaults));
        }
    }

    // The weights, running statistics and momentum of a whole run, without the state that names schedules.
    private static byte[] Weights(string id, TrainOptions options)
    {
        using Trainer trainer = new(TestDevices.Get(id), options, TinyRuns.Images());
        TinyRuns.Train(trainer, options.Epochs);
        return [.. trainer.Save().Arrays.SelectMany(array => array.Data)];
    }
}
