using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class EvaluationTests : WholeRuns
{
    private static readonly Pixels Zero = Pixels.Parse("0", "--epsilon");

    // One training for each device; every test gets a network of its own with its weights.
    private static readonly Dictionary<string, Checkpoint> Checkpoints = [];

    [Test]
    public void ResultsDoNotDependOnTheBatchSize(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values("clean", "fgsm", "pgd3", "cw3")] string name)
    {
        using Trainer trainer = Trained(id);
        Attack attack = Attack.Parse(name, Levels(3), Levels(1), restarts: 2);
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

    /// <summary>
    /// For a linear classifier of two classes the worst case in ball and box is known: each pixel moves against the margin as far as
    /// both allow. PGD and FGSM must reach it exactly, which shows any fault of sign, projection, normalisation or labels.
    /// </summary>
    [TestCase("fgsm")]
    [TestCase("pgd10")]
    [TestCase("cw10")]
    public void OnALinearModelAttacksReachTheWorstCase(string name)
    {
        ImageSet images = TinyRuns.Images(200, size: 8) with { ClassNames = ["first", "second"], Labels = new int[200] };
        Normalization normalization = TinyRuns.Options().Data.NormalizationOf(images);
        using LinearModel model = new(8);
        model.Place(TestDevices.Get("cpu"), ElementType.Float64, 5);
        LinearOracle oracle = new(model, images, normalization);
        // Most labels as the model sees them, so that there is something to lose.
        images = images with
        {
            Labels = [.. Enumerable.Range(0, 200).Select(i => (oracle.Margin(i, 0, 0) > 0 ? 0 : 1) ^ (i % 10 == 0 ? 1 : 0))],
        };
        Pixels epsilon = Pixels.Parse("0.7/255", "--epsilon");
        Attack attack = Attack.Parse(name, epsilon, Pixels.Parse("0.18/255", "--alpha"));
        EvaluationResult result = Evaluate(model, images, attack, 64, normalization);
        bool[] robust = [.. Enumerable.Range(0, 200).Select(i => oracle.Margin(i, images.Labels[i], epsilon.Value) > 0)];
        Assert.That(robust.Count(r => r), Is.InRange(40, 160), "the oracle must not be one-sided");
        Assert.That(result.Correct, Is.EqualTo(robust));
        for (int i = 0; i < 200; i++)
        {
            if (robust[i])
            {
                double worst = Math.Log(1 + Math.Exp(-oracle.Margin(i, images.Labels[i], epsilon.Value)));
                Assert.That(result.Losses[i], Is.EqualTo(worst).Within(1e-12));
            }
        }
    }

    private static Pixels Levels(int count) => Pixels.Parse($"{count}/255", "--epsilon");

    private static EvaluationResult Evaluate(
        Module model, ImageSet images, Attack attack, int batchSize, Normalization? normalization = null)
    {
        using Evaluator evaluator = new(model, images, normalization ?? TinyRuns.Options().Data.NormalizationOf(images), batchSize);
        return evaluator.Run(attack, seed: 3);
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

    private sealed class LinearModel : Module
    {
        private readonly Conv2d _weights;

        // One window as large as the image is one product with the image.
        public LinearModel(int size) => _weights = Add("weights", new Conv2d(3, 2, size, stride: 1, padding: 0));

        protected override Tensor Compute(Tape tape, Tensor x) => _weights.Forward(tape, x);
    }

    private sealed class LinearOracle(Module model, ImageSet images, Normalization normalization)
    {
        private readonly double[] _weights = model.StateDict()[0].ToDoubles();

        /// <summary>The least margin of the label over the other class in the ball and the pixel range.</summary>
        public double Margin(int image, int label, double epsilon)
        {
            int plane = images.Height * images.Width;
            double margin = 0;
            for (int i = 0; i < images.ImageBytes; i++)
            {
                double x = images.Pixels[image * images.ImageBytes + i] / 255.0;
                double slope = _weights[(label * images.ImageBytes) + i] - _weights[((1 - label) * images.ImageBytes) + i];
                double delta = slope > 0 ? Math.Max(-epsilon, -x) : Math.Min(epsilon, 1 - x);
                margin += slope * (x + delta - normalization.Mean[i / plane]) / normalization.Std[i / plane];
            }

            return margin;
        }
    }
}
