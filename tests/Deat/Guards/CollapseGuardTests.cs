using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CollapseGuardTests : WholeRuns
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    // The held-out images are what the untrained network takes them for: it resists, and no more so once it learns other labels.
    [Test]
    public void ARunWhoseNetworkLosesWhatItResistedIsSaidToCollapseOnce()
    {
        TrainOptions options = TinyRuns.Options("--method free --replays 2 --epochs 16 --lr-schedule cyclic --lr-max 0.1 --epsilon 1");
        using Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images());
        // The first rate of the schedule is 0.
        trainer.TrainBatch();
        ImageSet seen = TinyRuns.AsSeenBy(trainer.Model, TinyRuns.Images(64, seed: 2));
        using Evaluator heldOut = new(trainer.Model, seen, options.Data.NormalizationOf(seen), seen.Count);
        using RunFolder folder = RunFolder.Create(_folder["run"], new JsonObject());
        using StringWriter output = new();
        Attack attack = Attack.Parse("pgd3", options.Adversary.Epsilon, Pixels.Parse("1/255", "--attack-step"));
        CollapseGuard guard = new(
            trainer, folder, new Screen(output, output, isTerminal: false, TimeProvider.System), () => heldOut.Run(attack, 0).Total);
        List<Alarm> consequences = [];
        while (trainer.State.Epoch < options.Epochs)
        {
            consequences.AddRange(guard.Look());
            if (trainer.IsEpochDone)
                trainer.EndEpoch(best: null);
            if (trainer.State.Epoch < options.Epochs)
                trainer.TrainBatch();
        }

        Assert.That(consequences, Has.Member(Alarm.Collapse));
        Assert.That(consequences.Count(alarm => alarm == Alarm.Collapse), Is.GreaterThan(1));
        Assert.That(output.ToString().Split('\n').Count(line => line.Contains("catastrophic overfitting:")), Is.EqualTo(1));
        Assert.That(output.ToString(), Does.Contain("of held-out images resist PGD").And.Contain("while the training loss fell from"));
    }
}
