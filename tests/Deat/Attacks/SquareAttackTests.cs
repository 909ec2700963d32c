using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SquareAttackTests
{
    private static readonly Shape Cifar = new(1, 3, 32, 32);

    [TestCase(0, 0.8, 29, 29)]
    [TestCase(10, 0.8, 29, 29)]
    [TestCase(11, 0.4, 20, 21)]
    [TestCase(50, 0.4, 20, 21)]
    [TestCase(51, 0.2, 14, 15)]
    [TestCase(200, 0.2, 14, 15)]
    [TestCase(201, 0.1, 10, 11)]
    [TestCase(500, 0.1, 10, 11)]
    [TestCase(501, 0.05, 7, 7)]
    [TestCase(1000, 0.05, 7, 7)]
    [TestCase(1001, 0.025, 5, 5)]
    [TestCase(2000, 0.025, 5, 5)]
    [TestCase(2001, 0.0125, 4, 5)]
    [TestCase(4000, 0.0125, 4, 5)]
    [TestCase(4001, 0.00625, 3, 3)]
    [TestCase(4999, 0.00625, 3, 3)]
    [TestCase(6001, 0.003125, 2, 3)]
    [TestCase(8001, 0.0015625, 1, 3)]
    public void SquaresShrinkAsPublished(int query, double share, int side, int sideOfL2)
    {
        Assert.That(SquareAttack.Share(query), Is.EqualTo(share));
        Assert.That(SquareAttack.Side(query, Cifar, Norm.Linf), Is.EqualTo(side));
        Assert.That(SquareAttack.Side(query, Cifar, Norm.L2), Is.EqualTo(sideOfL2));
    }

    /// <summary>
    /// The attack decides as a plain one in double precision that is fed with the same random numbers: it ends at the same query with the
    /// same perturbation where it fools, and at the same loss where it does not.
    /// </summary>
    [Test]
    public void EveryDecisionIsThatOfThePlainAlgorithm([Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        const int Queries = 120;
        using LinearTask task = new("cpu", ElementType.Float64, classes: 4, count: 12);
        double epsilon = norm == Norm.Linf ? 8.0 / 255 : 0.4;
        Dictionary<int, double[]> found = [];
        EvaluationResult result = task.Run($"square-{Queries}", epsilon, norm, found: example => found[example.Image] = example.Delta);
        EvaluationResult clean = task.Run("clean", epsilon, norm);
        Assert.That(found, Has.Count.InRange(2, 10), "some are fooled, and some are not");
        int kept = 0;
        for (int i = 0; i < 12; i++)
        {
            (double[] delta, bool isFooled, int improvements) = Plain(task, i, norm, epsilon, Queries);
            kept += improvements;
            Assert.That(result.Correct[i], Is.EqualTo(!isFooled), $"image {i}");
            if (isFooled)
                Assert.That(found[i], Is.EqualTo(delta).Within(1e-9), $"image {i}");
            double loss = CrossEntropy(task.Logits(Sum(task.PixelsOf(i), delta)), task.Images.Labels[i]);
            Assert.That(result.Losses[i], Is.EqualTo(Math.Max(loss, clean.Losses[i])).Within(1e-9), $"image {i}");
        }

        Assert.That(kept, Is.GreaterThan(60), "the search goes on from what it keeps");
    }

    [Test]
    public void MoreQueriesNeverRaiseTheAccuracy([Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using LinearTask task = new("cpu", ElementType.Float32, classes: 4, count: 40, seed: FreshSeed.Value);
        double epsilon = norm == Norm.Linf ? 6.0 / 255 : 0.3;
        EvaluationResult[] results = [.. new[] { 1, 10, 80, 300 }.Select(queries => task.Run($"square-{queries}", epsilon, norm))];
        foreach ((EvaluationResult fewer, EvaluationResult more) in results.Zip(results.Skip(1)))
            Assert.That(more.Correct.Zip(fewer.Correct, (m, f) => f || !m), Is.All.True);
        Assert.That(results[3].Total.Hits, Is.LessThan(results[0].Total.Hits));
    }

    /// <summary>Of the way from the margin of the image to the worst one in the ball, which a linear model of two classes shows.</summary>
    [Test]
    public void OnALinearModelMostOfTheWayIsFound()
    {
        const double Epsilon = 0.1 / 255;
        using LinearTask task = new("cpu", ElementType.Float64, classes: 2, count: 16);
        EvaluationResult result = task.Run("square-1500", Epsilon);
        Assert.That(result.Total.Hits, Is.GreaterThan(10));
        for (int i = 0; i < 16; i++)
        {
            if (!result.Correct[i])
                continue;
            double[] x = task.PixelsOf(i);
            int label = task.Images.Labels[i];
            double[] logits = task.Logits(x);
            double margin = logits[label] - logits[1 - label];
            double[] w = [.. task.Slopes(label).Zip(task.Slopes(1 - label), (a, b) => a - b)];
            double worst = margin + x.Zip(w, (p, slope) => slope * (slope > 0 ? Math.Max(-Epsilon, -p) : Math.Min(Epsilon, 1 - p))).Sum();
            double reached = -Math.Log(Math.Exp(result.Losses[i]) - 1);
            Assert.That((margin - reached) / (margin - worst), Is.InRange(0.6, 1), $"image {i}");
        }
    }

    private static (double[] Delta, bool IsFooled, int Improvements) Plain(
        LinearTask task, int image, Norm norm, double epsilon, int queries)
    {
        PlainSquares squares = new(task.Shape, new RandomKey(3, Purpose.Evaluation, Epoch: image, Batch: 0), epsilon);
        double[] x = task.PixelsOf(image);
        int label = task.Images.Labels[image];
        double[] best = norm == Norm.Linf ? squares.Stripes(x) : squares.Tiles(x);
        double margin = Margin(task.Logits(Sum(x, best)), label);
        int improvements = 0;
        for (int query = 0; query < queries && margin > 0; query++)
        {
            int side = SquareAttack.Side(query, task.Shape, norm);
            double[] next = norm == Norm.Linf ? squares.Recoloured(best, x, side, query) : squares.Moved(best, x, side, query);
            double proposed = Margin(task.Logits(Sum(x, next)), label);
            if (proposed >= margin)
                continue;
            (best, margin) = (next, proposed);
            improvements++;
        }

        return (best, margin <= 0, improvements);
    }

    private static double[] Sum(double[] x, double[] delta) => [.. x.Zip(delta, (a, b) => a + b)];

    private static double Margin(double[] logits, int label) => logits[label] - logits.Where((_, k) => k != label).Max();

    private static double CrossEntropy(double[] logits, int label) => Math.Log(logits.Sum(z => Math.Exp(z - logits[label])));
}
