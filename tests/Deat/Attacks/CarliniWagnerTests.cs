using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CarliniWagnerTests
{
    /// <summary>
    /// On a linear model the nearest boundary is known. No ball below its distance has a crossing; that one is found within 2 % of it is
    /// what Adam's last steps leave: they are not shorter than its rate of 0.01 allows, which moves each of the 108 pixels.
    /// </summary>
    [Test]
    public void OnALinearModelTheNearestCrossingIsTheClosedFormWithinTwoPercent()
    {
        using LinearTask task = new("cpu", ElementType.Float64, classes: 4, count: 4, size: 6);
        for (int i = 0; i < 4; i++)
        {
            double[] x = task.PixelsOf(i);
            int label = task.Images.Labels[i];
            double nearest = Enumerable.Range(0, 4).Where(k => k != label).Min(k => PlaneProjection.Length(
                PlaneProjection.Of(
                    x, [.. task.Slopes(k).Zip(task.Slopes(label), (t, y) => t - y)], task.Logits(x)[k] - task.Logits(x)[label], true).Step,
                isEuclidean: true));
            bool IsRobust(double share) => task.Run("cw-l2-1800", share * nearest, Norm.L2, image: i).Total.Hits == 1;
            Assert.That(IsRobust(1 - 1e-6), Is.True, "nothing is nearer");
            double least = new[] { 1.001, 1.005, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5 }.First(share => !IsRobust(share));
            TestContext.Out.WriteLine($"{nearest} {least}");
            Assert.That(least, Is.LessThanOrEqualTo(1.02), $"image {i}");
        }
    }

    [Test]
    public void TheCubeIsRefused() => Assert.That(
        () => Attack.Parse("cw-l2", Pixels.Parse("8", "--epsilon"), Pixels.Parse("2", "--attack-step")),
        Throws.TypeOf<UsageException>().With.Message.Contains("--norm l2"));
}
