using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What holds for every attack of the table, whatever the images, the network and the random starts are.</summary>
public sealed class AttackPropertyTests : WholeRuns
{
    private static readonly Dictionary<Norm, double> s_radii = [];
    private static ImageSet? s_images;
    private static Checkpoint? s_checkpoint;

    private static ImageSet Images => s_images ??= TinyRuns.Images(16, FreshSeed.Value);

    private static IEnumerable<TestCaseData> Cases =>
        from kind in Attacks.All
        where kind.Search is not null
        from norm in kind.OnlyNorm is { } only ? [only] : new[] { Norm.Linf, Norm.L2 }
        select new TestCaseData(kind.TakesSteps ? kind.NameOf(kind.IsBlackBox ? 150 : kind.OnlyNorm is null ? 6 : 180) : kind.Name, norm);

    [TestCaseSource(nameof(Cases))]
    public void ExamplesLieInBallAndRangeExactly(string name, Norm norm)
    {
        using Trainer trainer = Trained();
        Pixels epsilon = new(2 * SomeAreFooled(trainer, norm).Epsilon.Value, "as needed");
        Attack attack = Attack.Parse(name, epsilon, Pixels.Parse("40/255", "--attack-step"), norm: norm);
        int found = 0;
        Run(trainer, attack, new Watch
        {
            Found = example =>
            {
                (int image, double[] delta) = (example.Image, example.Delta);
                found++;
                double length = norm == Norm.Linf ? delta.Max(Math.Abs) : Math.Sqrt(delta.Sum(d => d * d));
                Assert.That(length, Is.LessThanOrEqualTo(norm == Norm.Linf ? (float)epsilon.Value : epsilon.Value));
                for (int i = 0; i < delta.Length; i++)
                {
                    float x = (float)(Images.Pixels[(image * Images.ImageBytes) + i] / 255.0);
                    Assert.That(x + (float)delta[i], Is.InRange(0f, 1f), $"image {image}, element {i}");
                }
            },
        });
        // Without gradients, few queries may find nothing in this ball.
        if (!attack.Kind.IsBlackBox)
            Assert.That(found, Is.Positive);
    }

    [TestCaseSource(nameof(Cases))]
    public void WithoutRoomToMoveTheAccuracyIsTheCleanOne(string name, Norm norm)
    {
        using Trainer trainer = Trained();
        Pixels none = Pixels.Parse("0", "--epsilon");
        EvaluationResult clean = Run(trainer, Attack.Clean(none));
        EvaluationResult attacked = Run(trainer, Attack.Parse(name, none, Pixels.Parse("2/255", "--attack-step"), norm: norm));
        Assert.That(attacked.Correct, Is.EqualTo(clean.Correct));
        Assert.That(attacked.Losses, Is.EqualTo(clean.Losses));
        Assert.That(clean.Total.Hits, Is.Positive, "nothing to lose");
    }

    /// <summary>An image stops where it is fooled, so the steps of a shorter attack are those that a longer one begins with.</summary>
    [Test]
    public void MoreStepsOfOneSizeNeverLeaveMore([Values("pgd", "cw", "kl")] string name, [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using Trainer trainer = Trained();
        (Pixels epsilon, Pixels step) = SomeAreFooled(trainer, norm);
        EvaluationResult[] results = [.. new[] { 1, 3, 9 }.Select(
            steps => Run(trainer, Attack.Parse(name + steps, epsilon, step, norm: norm)))];
        foreach ((EvaluationResult fewer, EvaluationResult more) in results.Zip(results.Skip(1)))
            Assert.That(more.Correct.Zip(fewer.Correct, (m, f) => f || !m), Is.All.True);
    }

    /// <summary>APGD's step sizes depend on the number of steps, so that an image or two may go the other way.</summary>
    [Test]
    public void MoreStepsOfApgdLeaveNoMoreThanNoise([Values("apgd-ce", "apgd-dlr")] string name, [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using Trainer trainer = Trained();
        Pixels epsilon = SomeAreFooled(trainer, norm).Epsilon;
        EvaluationResult[] results = [.. new[] { 2, 20 }.Select(
            steps => Run(trainer, Attack.Parse($"{name}-{steps}", epsilon, default, norm: norm)))];
        Assert.That(results[1].Total.Hits, Is.LessThanOrEqualTo(results[0].Total.Hits + 2));
        if (name == "apgd-ce")
            Assert.That(results[1].Total.Hits, Is.LessThan(results[1].Attacked), "PGD fools some");
    }

    /// <summary>
    /// Up to an image or two: a larger ball fools more, several steps more than FGSM's one, and FGSM's more than a random corner of the
    /// ball.
    /// </summary>
    [Test]
    public void StrongerAdversariesLeaveNoMoreThanNoise([Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using Trainer trainer = Trained();
        (Pixels epsilon, Pixels step) = SomeAreFooled(trainer, norm);
        int Hits(string name, double part = 1) => Run(trainer, Attack.Parse(
            name, new(part * epsilon.Value, "as needed"), new(part * step.Value, "as needed"), norm: norm)).Total.Hits;
        int[] hits = [.. new[] { 0, 0.25, 0.5, 1, 2, 4 }.Select(part => Hits("pgd9", part))];
        foreach ((int smaller, int larger) in hits.Zip(hits.Skip(1)))
            Assert.That(larger, Is.LessThanOrEqualTo(smaller + 2));
        Assert.That(hits[^1], Is.LessThan(hits[0]));
        int one = Hits("fgsm");
        Assert.That(hits[3], Is.LessThanOrEqualTo(one + 2));
        if (norm == Norm.Linf)
            Assert.That(one, Is.LessThanOrEqualTo(Run(trainer, RandomCorner.Attack(epsilon)).Total.Hits + 2));
    }

    /// <summary>Each restart is on what those before it left, and starts as it does where more follow.</summary>
    [Test]
    public void MoreRestartsNeverLeaveMore(
        [Values("pgd3", "apgd-ce-5")] string name, [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using Trainer trainer = Trained();
        (Pixels epsilon, Pixels step) = SomeAreFooled(trainer, norm);
        EvaluationResult[] results = [.. new[] { 1, 3 }.Select(
            restarts => Run(trainer, Attack.Parse(name, epsilon, step, restarts, norm)))];
        Assert.That(results[1].Correct.Zip(results[0].Correct, (more, fewer) => fewer || !more), Is.All.True);
        Assert.That(
            results[1].Passes.ForwardImages > results[0].Passes.ForwardImages, Is.EqualTo(results[0].Total.Hits > 0),
            "there are restarts where something is left");
    }

    [Test]
    public void ImagesThatAreDoneCostNothingMore()
    {
        using Trainer trainer = Trained();
        Attack attack = Attack.Parse("apgd-ce-40", SomeAreFooled(trainer, Norm.Linf).Epsilon, default, restarts: 3);
        EvaluationResult result = Run(trainer, attack);
        Assert.That(result.Total.Hits, Is.LessThan(result.Attacked), "some are fooled");
        // One that is never done is looked at once, and then in all steps of all restarts.
        long each = 1 + (3L * (attack.Steps + 2));
        long done = Images.Count - result.Total.Hits;
        Assert.That(result.Passes.ForwardImages - (result.Total.Hits * each), Is.LessThan(done * each / 3));
    }

    [Test]
    public void LossesThatNeedMoreClassesAreRefused()
    {
        (Attack free, Attack aimed) = (Attack.Parse("apgd-dlr", default, default), Attack.Parse("apgd-t", default, default));
        Assert.That(() => free.Rounds(2), Throws.TypeOf<UsageException>().With.Message.Contains("3 classes"));
        Assert.That(() => aimed.Rounds(3), Throws.TypeOf<UsageException>().With.Message.Contains("4 classes"));
        Assert.That(aimed.Rounds(10).Select(round => round.Rank), Is.EqualTo(Enumerable.Range(1, 9)));
        Assert.That(aimed.Rounds(4).Select(round => round.Rank), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    /// <summary>A ball in which a few steps fool at least half of the images, and their size: 1/3 of its radius.</summary>
    private static (Pixels Epsilon, Pixels Step) SomeAreFooled(Trainer trainer, Norm norm)
    {
        (Pixels Epsilon, Pixels Step) Ball(double radius) => (new(radius, "as needed"), new(radius / 3, "as needed"));
        bool AreFooled(double radius)
        {
            (Pixels epsilon, Pixels step) = Ball(radius);
            EvaluationResult result = Run(trainer, Attack.Parse("pgd9", epsilon, step, norm: norm));
            return 2 * result.Total.Hits <= result.Attacked;
        }

        if (!s_radii.TryGetValue(norm, out double found))
        {
            double least = norm == Norm.Linf ? 3.0 / 255 : 40.0 / 255;
            s_radii[norm] = found = Enumerable.Range(0, 8).Select(i => Math.ScaleB(least, i)).First(AreFooled);
        }

        return Ball(found);
    }

    private static EvaluationResult Run(Trainer trainer, Attack attack, Watch? watch = null)
    {
        using Evaluator evaluator = new(trainer.Model, Images, TinyRuns.Options().Data.NormalizationOf(Images), 8);
        return evaluator.Run(attack, (ulong)FreshSeed.Value, watch: watch);
    }

    private static Trainer Trained()
    {
        TrainOptions options = TinyRuns.Options($"--method natural --epochs 10 --lr-schedule flat --seed {FreshSeed.Value}");
        Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images(40, FreshSeed.Value) with { Augment = false });
        if (s_checkpoint is null)
        {
            TinyRuns.Train(trainer, options.Epochs);
            s_checkpoint = trainer.Save();
        }

        trainer.Restore(s_checkpoint);
        return trainer;
    }
}
