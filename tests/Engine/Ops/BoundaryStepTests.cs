using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class BoundaryStepTests
{
    private static readonly Shape Image = new(1, 3, 32, 32);

    /// <summary>With all of the step on the boundary's side and no overshoot, delta moves by the shortest way itself.</summary>
    [Test]
    public void TheWayIsTheShortestOne(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle,
        [Values(Norm.Linf, Norm.L2)] Norm norm, [Values(0.5, 20, 150, -40)] double margin)
    {
        double[] x = TestImages.Pixels(Image, 3, isSingle);
        double[] w = TestImages.Uniform(Image, 4, 1, isSingle);
        double[] delta = Project(id, isSingle, norm, margin, x, w);
        double[] expected = PlaneProjection.Of(x, w, margin, norm == Norm.L2).Step;
        Assert.That(delta, Is.EqualTo(expected).Within(isSingle ? 1e-6 : 1e-13));
        Assert.That(delta.Zip(w, (d, slope) => d * slope).Sum(), Is.EqualTo(-margin).Within((isSingle ? 1e-5 : 1e-12) * Math.Abs(margin)));
    }

    /// <summary>Weights over six orders of magnitude, and more room where they are small: breakpoints far apart.</summary>
    [Test]
    public void ManyBreakpointsAreFound(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(Norm.Linf, Norm.L2)] Norm norm,
        [Values(0.5, 0.9, 0.99, 0.9999)] double share)
    {
        double[] w = [.. Enumerable.Range(0, 3072).Select(i => Math.Pow(10, -6.0 * i / 3071))];
        double[] x = [.. w.Select(weight => Math.Min(1, 1e-5 / weight))];
        double margin = share * w.Zip(x, (weight, room) => weight * room).Sum();
        double[] delta = Project(id, isSingle: false, norm, margin, x, w);
        Assert.That(delta, Is.EqualTo(PlaneProjection.Of(x, w, margin, norm == Norm.L2).Step).Within(1e-9));
    }

    [Test]
    public void APlaneOutOfReachTakesEveryElementToTheEndOfItsRoom(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle,
        [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        double[] x = TestImages.Pixels(Image, 3, isSingle);
        double[] w = [.. TestImages.Uniform(Image, 4, 1, isSingle).Select((slope, i) => i % 5 == 0 ? 0 : slope)];
        double[] corner = [.. x.Zip(w, (p, slope) => slope == 0 ? 0 : slope > 0 ? -p : isSingle ? 1 - (float)p : 1 - p)];
        Assert.That(Project(id, isSingle, norm, 1e5, x, w), Is.EqualTo(corner));
        Assert.That(
            Project(id, isSingle, norm, -1e5, x, [.. w.Select(slope => -slope)]), Is.EqualTo(corner), "the other side of the plane");
    }

    [Test]
    public void WithoutAGradientDeltaShrinks(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle,
        [Values(Norm.Linf, Norm.L2)] Norm norm)
    {
        double[] x = [.. Enumerable.Repeat(0.5, 3072)];
        double[] before = TestImages.Uniform(Image, 4, 0.25, isSingle);
        double[] after = Run(id, isSingle, new BoundaryRule { Norm = norm }, -1, x, new double[3072], before);
        Assert.That(after, Is.EqualTo(before.Select(d => 0.9 * d)).Within(1e-7));
    }

    private static double[] Project(string id, bool isSingle, Norm norm, double margin, double[] x, double[] w) =>
        Run(id, isSingle, new BoundaryRule { Norm = norm, LargestShare = 0, Overshoot = 1 }, margin, x, w, new double[x.Length]);

    private static double[] Run(string id, bool isSingle, BoundaryRule rule, double margin, double[] x, double[] w, double[] delta)
    {
        using TestImages images = new(id, isSingle);
        Tensor moved = images.Make(Image, delta);
        Ops.BoundaryStep(
            images.Plain(new Shape(1, 1), [margin]), images.Make(Image, w), images.Make(Image, x), moved, rule, images.Integers(1));
        return images.Read(moved);
    }
}
