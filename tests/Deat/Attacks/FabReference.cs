using Deat.Engine;

namespace Deat.Tests;

/// <summary>What FAB does to an image in one step.</summary>
/// <param name="Target">The class whose plane it goes to.</param>
/// <param name="IsAtEnd">Whether the box stops an element on the way from the point to the plane.</param>
/// <param name="Share">The share of the way from the image, alpha.</param>
/// <param name="Stepped">The point after the step.</param>
/// <param name="IsCrossing">Whether that is classified wrongly.</param>
/// <param name="Length">How far it is from the image.</param>
/// <param name="Retreat">The point drawn back to the image, as after a crossing.</param>
internal sealed record FabEvent(
    int Target, bool IsAtEnd, double Share, double[] Stepped, bool IsCrossing, double Length, double[] Retreat)
{
    /// <summary>Where the next step begins.</summary>
    public double[] Next => IsCrossing ? Retreat : Stepped;
}

/// <summary>
/// FAB on one image, written down from the paper (Croce, Hein, ICML 2020, algorithm 1) with the constants of its implementation in
/// AutoAttack, point by point in pixel range and double precision.
/// </summary>
internal sealed class FabReference(
    Func<double[], double[]> logits, Func<double[], double[], double[]> gradient, int label, Norm norm)
{
    private const double LargestShare = 0.1, Overshoot = 1.05, Kept = 0.9, LeastLength = 1e-8;

    private bool IsEuclidean => norm == Norm.L2;

    /// <summary>The step to the nearest of the planes that linear models at the point put between the label and other classes.</summary>
    public FabEvent Step(double[] x, double[] p, IEnumerable<int> targets)
    {
        double[] z = logits(p);
        return StepTo(targets.MinBy(target => Math.Abs(z[target] - z[label]) / DualLength(Gradient(p, target))), x, p);
    }

    /// <summary>The step to one of them.</summary>
    public FabEvent StepTo(int target, double[] x, double[] p)
    {
        double[] w = Gradient(p, target);
        double[] z = logits(p);
        double atPoint = z[target] - z[label];
        double atImage = atPoint + w.Select((slope, i) => slope * (x[i] - p[i])).Sum();
        double[] here = PlaneProjection.Of(p, w, atPoint, IsEuclidean).Step;
        double[] there = PlaneProjection.Of(x, w, atImage, IsEuclidean).Step;
        double near = Math.Max(PlaneProjection.Length(here, IsEuclidean), LeastLength);
        double far = Math.Max(PlaneProjection.Length(there, IsEuclidean), LeastLength);
        double share = Math.Min(near / (near + far), LargestShare);
        double[] stepped = [.. x.Select((pixel, i) => Math.Clamp(
            ((1 - share) * (p[i] + (Overshoot * here[i]))) + (share * (pixel + (Overshoot * there[i]))), 0, 1))];
        bool isCrossing = LinearTask.Largest(logits(stepped)) != label;
        bool isAtEnd = here.Zip(p, (d, value) => d != 0 && value + d is <= 1e-15 or >= 1 - 1e-15).Any(stuck => stuck);
        double length = PlaneProjection.Length(stepped.Zip(x, (a, b) => a - b), IsEuclidean);
        double[] retreat = [.. stepped.Zip(x, (a, b) => b + (Kept * (a - b)))];
        return new FabEvent(target, isAtEnd, share, stepped, isCrossing, length, retreat);
    }

    /// <summary>The gradient of a plane: of the logit of the target less that of the label.</summary>
    public double[] Gradient(double[] p, int target) =>
        gradient(p, [.. logits(p).Select((_, k) => k == target ? 1.0 : k == label ? -1 : 0)]);

    /// <summary>The length of the nearest crossing of all steps: the reference keeps it and compares it with the ball at the end.</summary>
    public double NearestCrossing(double[] x, double[] start, IReadOnlyList<int> targets, int steps)
    {
        double nearest = double.PositiveInfinity;
        double[] p = start;
        for (int step = 0; step < steps; step++)
        {
            FabEvent done = Step(x, p, targets);
            if (done.IsCrossing)
                nearest = Math.Min(nearest, done.Length);
            p = done.Next;
        }

        return nearest;
    }

    private double DualLength(double[] w) => IsEuclidean ? PlaneProjection.Length(w, true) : w.Sum(Math.Abs);
}
