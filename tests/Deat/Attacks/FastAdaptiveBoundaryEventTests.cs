using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// FAB on a network that is not linear, step by step: what each step began with is recorded, and what it made of it is what the reference
/// makes of the same numbers.
/// </summary>
public sealed class FastAdaptiveBoundaryEventTests : WholeRuns
{
    private const int Steps = 30, Count = 18, BatchSize = 8, Restarts = 2;

    [TestCase("fab", Norm.Linf, "3/255", ElementType.Float64, 1e-9)]
    [TestCase("fab", Norm.L2, "20/255", ElementType.Float64, 1e-9)]
    [TestCase("fab-t", Norm.Linf, "3/255", ElementType.Float64, 1e-9)]
    [TestCase("fab-t", Norm.L2, "20/255", ElementType.Float64, 1e-9)]
    [TestCase("fab-t", Norm.Linf, "3/255", ElementType.Float32, 2e-5)]
    [TestCase("fab-t", Norm.L2, "20/255", ElementType.Float32, 2e-5)]
    public void EveryEventIsThatOfTheReference(string name, Norm norm, string radius, ElementType type, double tolerance)
    {
        using TwoLayersTask task = new(Count, type: type);
        Attack attack = Attack.Parse($"{name}-{Steps}", Pixels.Parse(radius, "--epsilon"), default, Restarts, norm);
        Dictionary<(int Round, int Image, int Step), Seen> seen = [];
        EvaluationResult result = task.Run(attack, BatchSize, (batch, step) => Note(batch, step, seen));
        HashSet<int> fooled = [];
        List<FabEvent> events = [];
        foreach (AttackRound round in attack.Rounds(TwoLayers.Classes))
        {
            foreach (int i in task.ClassifiedCorrectly.Except(fooled).ToArray())
            {
                double[] start = round.Rank == 0 && round.Index > 0
                    ? task.Start(i, round.Index, norm, attack.Epsilon.Value / 2)
                    : task.Pixels[i];
                Seen[] ofImage = [.. Enumerable.Range(-1, Steps + 1)
                    .Select(step => seen.GetValueOrDefault((round.Index, i, step))).OfType<Seen>()];
                Near(ofImage[0].Point, start, tolerance, $"start of image {i} in round {round.Index}");
                int[] targets = Targets(task, i, round);
                events.AddRange(Follow(task, i, attack, ofImage, targets, tolerance));
                bool isFooled = events[^1].IsCrossing && events[^1].Length <= attack.Epsilon.Value;
                if (isFooled)
                    fooled.Add(i);
                // The reference goes on to the nearest crossing of all steps, and only then looks at the ball.
                if (type == ElementType.Float64)
                {
                    double nearest = Reference(task, i, norm).NearestCrossing(task.Pixels[i], start, targets, Steps);
                    Assert.That(nearest <= attack.Epsilon.Value, Is.EqualTo(isFooled));
                }
            }
        }

        Assert.That(
            Enumerable.Range(0, Count).Where(i => result.Correct[i]), Is.EquivalentTo(task.ClassifiedCorrectly.Except(fooled)));
        TestContext.Out.WriteLine(
            $"{fooled.Count} fooled, {events.Count} steps, {events.Count(e => e.IsCrossing)} crossings, "
            + $"{events.Count(e => e.IsAtEnd)} at an end of the range, {events.Count(e => e.Share < 0.1)} of a smaller share");
        Assert.That(fooled, Has.Count.InRange(3, Count - 6), "not one-sided");
        Assert.That(events.Count(e => e.IsCrossing), Is.InRange(100, events.Count - 50));
        Assert.That(events.Count(e => e.IsAtEnd), Is.GreaterThan(50));
        Assert.That(events.Count(e => e.Share < 0.1), Is.InRange(100, events.Count - 20));
    }

    private static FabReference Reference(TwoLayersTask task, int image, Norm norm, double[]? gradient = null) => new(
        task.Host.Logits, gradient is null ? task.Host.Gradient : (_, _) => gradient, task.Images.Labels[image], norm);

    private static IEnumerable<FabEvent> Follow(
        TwoLayersTask task, int image, Attack attack, Seen[] seen, int[] targets, double tolerance)
    {
        // A hidden unit is a sum of 75 products of |w| <= 1/sqrt(75) and |z| < 2.1; in binary32 it may be off by sqrt(75) u sum|w z|
        // < 1e-5, and a logit, 12 products of hidden units with |w| <= 1/sqrt(12), by about as much.
        double rounding = tolerance > 1e-6 ? 1e-5 : 0;
        int label = task.Images.Labels[image];
        bool isFooled = false;
        for (int step = 0; step < Steps && !isFooled; step++)
        {
            (Seen before, Seen after) = (seen[step], seen[step + 1]);
            string where = $"image {image}, step {step}";
            if (after.Gradient is not null)
            {
                Assert.That(after.Target, Is.EqualTo(targets[0]), where);
                double[] ofLogits = [.. Enumerable.Range(0, TwoLayers.Classes).Select(
                    k => k == after.Target ? 1.0 : k == label ? -1 : 0)];
                double[] nearest = task.Host.Gradients(before.Point, ofLogits, rounding)
                    .MinBy(gradient => Distance(after.Gradient, gradient))!;
                Near(after.Gradient, nearest, tolerance * nearest.Max(Math.Abs), where);
            }

            FabReference reference = Reference(task, image, attack.Norm, after.Gradient);
            FabEvent expected = reference.Step(before.X, before.Point, targets);
            double[] logits = task.Host.Logits(expected.Stepped);
            bool isCrossing = LinearTask.Largest(after.Logits) != label;
            // Two logits that are equal up to rounding are in either order; then the retreat, or none, follows from the order seen.
            if (isCrossing != expected.IsCrossing)
                Assert.That(Lead(logits, label), Is.LessThan(2 * rounding), where);
            expected = expected with { IsCrossing = isCrossing };
            isFooled = expected.IsCrossing && expected.Length <= attack.Epsilon.Value;
            // The network was asked at the point of the step; a crossing outside the ball is drawn back afterwards.
            Near(after.Logits, logits, 10 * tolerance, where);
            Near(after.Point, isFooled ? expected.Stepped : expected.Next, tolerance, where);
            Assert.That(after.IsCorrect, Is.EqualTo(!expected.IsCrossing), where);
            Assert.That(after.IsAlive, Is.EqualTo(!isFooled), where);
            // No other plane leads there: this one was chosen.
            IEnumerable<int> others = isFooled ? [] : targets.Where(other => other != expected.Target);
            Assert.That(
                others.Select(other => Distance(reference.StepTo(other, before.X, before.Point).Next, after.Point)),
                Is.All.GreaterThan(tolerance), where);
            yield return expected;
        }
    }

    private static int[] Targets(TwoLayersTask task, int image, AttackRound round)
    {
        double[] clean = task.Host.Logits(task.Pixels[image]);
        return round.Rank > 0
            ? [TwoLayersTask.Ranked(clean, round.Rank)]
            : [.. Enumerable.Range(0, TwoLayers.Classes).Where(k => k != task.Images.Labels[image])];
    }

    // How much the label's logit is above the largest other, or below it.
    private static double Lead(double[] logits, int label) =>
        Math.Abs(logits[label] - logits.Where((_, k) => k != label).Max());

    private static void Near(double[] seen, double[] expected, double tolerance, string where) =>
        Assert.That(Distance(seen, expected), Is.LessThan(tolerance), where);

    private static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static void Note(AttackBatch batch, int step, Dictionary<(int Round, int Image, int Step), Seen> seen)
    {
        Minibatch images = batch.Images;
        int[] numbers = batch.Numbers.ToArray<int>();
        (int[] correct, int[] lives, int[] targets) =
            (images.Correct.ToArray<int>(), images.Lives.ToArray<int>(), images.Targets!.ToArray<int>());
        double[][] x = Rows(images.X, images.Count);
        double[][] delta = Rows(images.Delta, images.Count);
        double[][] logits = Rows(images.Logits!, images.Count);
        // Towards one target, what the step was given lies in the tensor that the search keeps.
        double[][]? gradients = batch.Round.Rank > 0 && step >= 0
            ? Rows(batch.State(made => made.PerElement()), images.Count)
            : null;
        for (int place = 0; place < batch.Count; place++)
        {
            seen[(batch.Round.Index, numbers[place], step)] = new Seen(
                x[place], [.. x[place].Zip(delta[place], (pixel, d) => pixel + d)], logits[place], correct[place] == 1, lives[place] > 0,
                targets[place], gradients?[place]);
        }
    }

    private static double[][] Rows(Tensor tensor, int count) => [.. tensor.ToDoubles().Chunk((int)tensor.Shape.Count / count)];

    /// <summary>An image after a step.</summary>
    /// <param name="X">The image.</param>
    /// <param name="Point">Where the next step begins.</param>
    /// <param name="Logits">What the network said where the step led.</param>
    /// <param name="IsCorrect">Whether that is the label.</param>
    /// <param name="IsAlive">Whether the search goes on.</param>
    /// <param name="Target">The class that the step went to, in a round with a target.</param>
    /// <param name="Gradient">The gradient of its plane.</param>
    private sealed record Seen(
        double[] X, double[] Point, double[] Logits, bool IsCorrect, bool IsAlive, int Target, double[]? Gradient);
}
