using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What holds whatever the seed of an evaluation is.</summary>
public sealed class EvaluationTests : WholeRuns
{
    private static readonly Pixels Zero = Pixels.Parse("0", "--epsilon");

    // One training for each device; every test gets a network of its own with its weights.
    private static readonly Dictionary<string, Checkpoint> Checkpoints = [];

    [Test]
    public void ResultsDoNotDependOnTheBatchSize(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values("clean", "fgsm", "pgd3", "cw3 L2", "mim3 L2", "apgd-dlr-5", "apgd-t-1 L2")] string text)
    {
        using Trainer trainer = Trained(id);
        string[] parts = text.Split(' ');
        Attack attack = parts.Length == 1
            ? Attack.Parse(text, Levels(3), Levels(1), restarts: 2)
            : Attack.Parse(parts[0], Levels(40), Levels(12), restarts: 2, Norm.L2);
        ImageSet images = TinyRuns.Images(9);
        EvaluationResult[] results = [.. new[] { 1, 5, 300 }.Select(size => Evaluate(trainer.Model, images, attack, size))];
        foreach (EvaluationResult result in results)
        {
            Assert.That(result.Losses, Is.EqualTo(results[0].Losses));
            Assert.That(result.Correct, Is.EqualTo(results[0].Correct));
        }
    }

    [Test]
    public void AnImagesResultDoesNotDependOnTheOthers([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Trainer trainer = Trained(id);
        Attack attack = Attack.Parse("pgd3", Levels(3), Levels(1));
        ImageSet images = TinyRuns.Images(12);
        EvaluationResult all = Evaluate(trainer.Model, images, attack, 8);
        EvaluationResult first = Evaluate(trainer.Model, images.Take(5), attack, 8);
        Assert.That(first.Losses, Is.EqualTo(all.Losses.Take(5)));
    }

    [Test]
    public void EvaluationLeavesNothingChanged([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Trainer trainer = Trained(id);
        byte[] before = TinyRuns.File(trainer);
        Evaluate(trainer.Model, TinyRuns.Images(12), Attack.Parse("pgd2", Levels(3), Levels(1)), 8);
        Assert.That(TinyRuns.File(trainer), Is.EqualTo(before));
        Assert.That(trainer.Model.Training, Is.True);
    }

    [Test]
    public void WithoutRoomToMoveAnAttackLeavesTheCleanResult(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values("fgsm", "pgd3", "cw3")] string name)
    {
        using Trainer trainer = Trained(id);
        ImageSet images = TinyRuns.Images(12);
        EvaluationResult clean = Evaluate(trainer.Model, images, Attack.Parse("clean", Zero, Zero), 8);
        EvaluationResult attacked = Evaluate(trainer.Model, images, Attack.Parse(name, Zero, Levels(2)), 8);
        Assert.That(attacked.Losses, Is.EqualTo(clean.Losses));
        Assert.That(clean.Total.Hits, Is.Positive, "nothing to lose");
    }

    [Test]
    public void ALargeBallLeavesNothing([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Trainer trainer = Trained(id);
        EvaluationResult result = Evaluate(trainer.Model, TinyRuns.Images(12), Attack.Parse("pgd20", Levels(255), Levels(20)), 8);
        Assert.That(result.Total.Hits, Is.Zero);
    }

    [Test]
    public void PassesAreCountedAndABatchWithoutCorrectImagesEndsEarly()
    {
        using Trainer trainer = Trained("cpu");
        ImageSet images = TinyRuns.Images(12);
        EvaluationResult clean = Evaluate(trainer.Model, images, Attack.Parse("clean", Zero, Zero), 8);
        Assert.That((clean.Passes.Forwards, clean.Passes.Backwards), Is.EqualTo((2, 0)));
        EvaluationResult all = Evaluate(trainer.Model, images, Attack.Parse("pgd3", Zero, Zero), 8);
        Assert.That((all.Passes.Forwards, all.Passes.Backwards), Is.EqualTo((10, 6)), "images that no attack can move stay to the end");
        EvaluationResult none = Evaluate(trainer.Model, images, Attack.Parse("pgd20", Levels(255), Levels(20)), 8);
        Assert.That(none.Passes.Forwards, Is.LessThan(44));
        Assert.That(none.Passes.Forwards, Is.EqualTo(none.Passes.Backwards + 4), "as they are, and at the end");
    }

    [Test]
    public void TotalsAreThoseOfTheClasses()
    {
        using Trainer trainer = Trained("cpu");
        EvaluationResult result = Evaluate(trainer.Model, TinyRuns.Images(25), Attack.Parse("fgsm", Levels(1), Levels(1)), 8);
        Assert.That(result.PerClass.Sum(part => part.Hits), Is.EqualTo(result.Total.Hits).And.EqualTo(result.Correct.Count(c => c)));
        Assert.That(result.PerClass.Select(part => part.Count), Is.EqualTo(new[] { 3, 3, 3, 3, 3, 2, 2, 2, 2, 2 }));
        Assert.That(result.Loss, Is.EqualTo(result.Losses.Average()).Within(1e-12));
    }

    [Test]
    public void RestartsKeepTheWorstCaseOfEachImage([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Trainer trainer = Trained(id);
        ImageSet images = TinyRuns.Images(40);
        EvaluationResult[] results =
            [.. Enumerable.Range(1, 4).Select(n => Evaluate(trainer.Model, images, Attack.Parse("pgd1", Levels(4), Levels(1), n), 8))];
        foreach ((EvaluationResult fewer, EvaluationResult more) in results.Zip(results.Skip(1)))
        {
            Assert.That(more.Losses.Zip(fewer.Losses, (m, f) => m >= f), Is.All.True);
            Assert.That(more.Correct.Zip(fewer.Correct, (m, f) => f || !m), Is.All.True);
        }

        Assert.That(results[3].Loss, Is.GreaterThan(results[0].Loss), "restarts start elsewhere");
    }

    [Test]
    public void EvaluationStopsWhenAskedTo()
    {
        using Trainer trainer = Trained("cpu");
        using Evaluator evaluator = new(trainer.Model, TinyRuns.Images(24), TinyRuns.Options().Data.NormalizationOf(TinyRuns.Images(1)), 8);
        int batches = 0;
        Assert.That(
            () => evaluator.Run(
                Attack.Parse("clean", Zero, Zero), 0, watch: new Watch { Progress = _ => batches++, Stop = () => batches == 2 }),
            Throws.TypeOf<OperationCanceledException>());
        Assert.That(batches, Is.EqualTo(2));
        Assert.That(trainer.Model.Training, Is.True);
    }

    private static Pixels Levels(int count) => Pixels.Parse($"{count}/255", "--epsilon");

    private static EvaluationResult Evaluate(Module model, ImageSet images, Attack attack, int batchSize)
    {
        using Evaluator evaluator = new(model, images, TinyRuns.Options().Data.NormalizationOf(images), batchSize);
        return evaluator.Run(attack, (ulong)FreshSeed.Value);
    }

    private static Trainer Trained(string id)
    {
        TrainOptions options = TinyRuns.Options("--method natural --epochs 10 --lr-schedule flat");
        Trainer trainer = new(TestDevices.Get(id), options, TinyRuns.Images(40) with { Augment = false });
        if (Checkpoints.TryGetValue(id, out Checkpoint? checkpoint))
        {
            trainer.Restore(checkpoint);
            return trainer;
        }

        TinyRuns.Train(trainer, options.Epochs);
        Checkpoints[id] = trainer.Save();
        return trainer;
    }
}
