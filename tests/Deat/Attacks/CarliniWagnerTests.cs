using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CarliniWagnerTests
{
    /// <summary>
    /// On a linear model the nearest boundary is known. No ball below its distance has a crossing. Of the two images that are farthest from
    /// theirs, one is found in a ball 2 % larger and one first step of Adam: that moves a pixel by its rate times 2p (1 - p), up to 0.005,
    /// and can carry an image so far past the boundary that the search for c leads elsewhere.
    /// </summary>
    [Test]
    public void OnALinearModelTheNearestCrossingIsThatOfTheClosedForm()
    {
        using LinearTask task = new("cpu", ElementType.Float64, classes: 4, count: 12, size: 4);
        double step = 0.005 * Math.Sqrt(task.Images.ImageBytes);
        foreach ((double nearest, int i) in Enumerable.Range(0, 12).Select(i => (Nearest(task, i), i)).OrderDescending().Take(2))
        {
            Assert.That(task.Run("cw-l2-90", nearest * (1 - 1e-6), Norm.L2, image: i).Total.Hits, Is.EqualTo(1), "nothing is nearer");
            Assert.That(task.Run("cw-l2-900", (1.02 * nearest) + step, Norm.L2, image: i).Total.Hits, Is.Zero, "found");
            Assert.That(step, Is.LessThan(nearest / 2), "the tolerance is small beside the distance");
        }
    }

    [Test]
    public void TheCubeIsRefused() => Assert.That(
        () => Attack.Parse("cw-l2", Pixels.Parse("8", "--epsilon"), Pixels.Parse("2", "--attack-step")),
        Throws.TypeOf<UsageException>().With.Message.Contains("--norm l2"));

    private static double Nearest(LinearTask task, int image)
    {
        double[] x = task.PixelsOf(image);
        double[] logits = task.Logits(x);
        int label = task.Images.Labels[image];
        return Enumerable.Range(0, logits.Length).Where(k => k != label).Min(k => PlaneProjection.Length(
            PlaneProjection.Of(
                x, [.. task.Slopes(k).Zip(task.Slopes(label), (t, y) => t - y)], logits[k] - logits[label], isEuclidean: true).Step,
            isEuclidean: true));
    }
}
