using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class FastAdaptiveBoundaryTests
{
    private const int Steps = 30;

    /// <summary>
    /// On a linear model the nearest boundary is known, whether FAB goes towards each class or towards the nearest
    /// one. No ball below its distance has a crossing, and a ball 0.7 % larger has one; in between the answer is that of the algorithm in
    /// plain double precision, to six digits of the radius.
    /// </summary>
    [Test]
    public void OnALinearModelTheNearestCrossingIsThatOfThePlainAlgorithm(
        [Values(Norm.Linf, Norm.L2)] Norm norm, [Values("fab-t-30", "fab30")] string name)
    {
        using LinearTask task = new("cpu", ElementType.Float64, classes: 4, count: 5, size: 6);
        for (int i = 0; i < 5; i++)
        {
            double[] x = task.PixelsOf(i);
            int label = task.Images.Labels[i];
            int[] targets = [.. Enumerable.Range(0, 4).Where(k => k != label)];
            double nearest = targets.Min(target => PlaneProjection.Length(
                PlaneProjection.Of(x, Normal(task, label, target), Excess(task, x, label, target), norm == Norm.L2).Step, norm == Norm.L2));
            double found = name == $"fab{Steps}"
                ? NearestCrossing(task, x, label, targets, norm)
                : targets.Min(target => NearestCrossing(task, x, label, [target], norm));
            Assert.That(found / nearest, Is.InRange(1, 1.007));
            bool IsRobust(double epsilon) => task.Run(name, epsilon, norm, image: i).Total.Hits == 1;
            Assert.That(IsRobust(nearest * (1 - 1e-6)), Is.True, "nothing is nearer");
            Assert.That(IsRobust(found * (1 - 1e-6)), Is.True, "nothing nearer was found");
            Assert.That(IsRobust(found * (1 + 1e-6)), Is.False, "found");
        }
    }

    [Test]
    public void CrossingsThatCountAreInBallAndRangeAndTheOthersLeaveTheImage(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(Norm.Linf, Norm.L2)] Norm norm,
        [Values("fab-t-5", "fab5")] string name)
    {
        using LinearTask task = new(id, ElementType.Float32, classes: 3, count: 24, size: 6, seed: FreshSeed.Value);
        double epsilon = norm == Norm.Linf ? 4.0 / 255 : 0.15;
        Dictionary<int, double[]> found = [];
        EvaluationResult result = task.Run(name, epsilon, norm, found: example => found[example.Image] = example.Delta);
        EvaluationResult clean = task.Run("clean", epsilon, norm);
        Assert.That(found, Has.Count.InRange(1, 23), "some are fooled, and some are not");
        for (int i = 0; i < 24; i++)
        {
            Assert.That(result.Correct[i], Is.EqualTo(!found.ContainsKey(i)));
            if (found.TryGetValue(i, out double[]? delta))
            {
                Assert.That(PlaneProjection.Length(delta, norm == Norm.L2), Is.InRange(0, (float)epsilon));
                Assert.That(task.PixelsOf(i).Zip(delta, (x, d) => (float)x + (float)d), Is.All.InRange(0, 1));
            }
            else
            {
                Assert.That(result.Losses[i], Is.EqualTo(clean.Losses[i]));
            }
        }
    }

    [Test]
    public void ResultsDoNotDependOnTheBatchSize(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values("fab-t-4", "fab4", "square-15")] string name,
        [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        using LinearTask task = new(id, ElementType.Float32, classes: 3, count: 9, size: 6, seed: FreshSeed.Value);
        double epsilon = norm == Norm.Linf ? 8.0 / 255 : 0.4;
        EvaluationResult[] results = [.. new[] { 1, 5, 300 }.Select(size => task.Run(name, epsilon, norm, size))];
        foreach (EvaluationResult result in results)
        {
            Assert.That(result.Losses, Is.EqualTo(results[0].Losses));
            Assert.That(result.Correct, Is.EqualTo(results[0].Correct));
        }
    }

    private static double[] Normal(LinearTask task, int label, int target) =>
        [.. task.Slopes(target).Zip(task.Slopes(label), (t, y) => t - y)];

    private static double Excess(LinearTask task, double[] p, int label, int target) => task.Logits(p)[target] - task.Logits(p)[label];

    private static double NearestCrossing(LinearTask task, double[] x, int label, int[] targets, Norm norm)
    {
        double[][] slopes = [.. task.Images.ClassNames.Select((_, k) => task.Slopes(k))];
        FabReference reference = new(
            task.Logits, (p, ofLogits) => [.. p.Select((_, i) => ofLogits.Select((g, k) => g * slopes[k][i]).Sum())], label, norm);
        return reference.NearestCrossing(x, x, targets, Steps);
    }
}
