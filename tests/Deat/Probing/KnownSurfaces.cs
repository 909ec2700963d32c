using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Tests;

/// <summary>A linear classifier of whole images.</summary>
internal sealed class LinearClassifier : Module
{
    private readonly Conv2d _weights;

    // One window as large as the image is one product with the image.
    public LinearClassifier(int size, int classes) => _weights = Add("weights", new Conv2d(3, classes, size, stride: 1, padding: 0));

    protected override Tensor Compute(Tape tape, Tensor x) => _weights.Forward(tape, x);
}

/// <summary>
/// l(z) = sum of a_i z_i^2 / 2 + c (sum of z_i)^2 / 2 + b sum of z_i^3 / 6 over the network's input z of an image, with a_i = 1 + i mod
/// 3; computed on the host.
/// </summary>
internal sealed record CubicSurface(double C, double B)
{
    public Loss Loss => new((tape, _, batch) =>
    {
        int size = (int)(batch.Z.Shape.Count / batch.Count);
        double[][] z = [.. batch.Z.ToArray<double>().Chunk(size)];
        batch.Losses.CopyFrom<double>([.. z.Select(Value)]);
        Tensor mean = tape.Plain<double>(new Shape(1, 1), ElementType.Float64, [z.Average(Value)]);
        return tape.Record(mean, [batch.Z], _ =>
        {
            Tensor dz = tape.Allocate(batch.Z.Layout, ElementType.Float64);
            dz.CopyFrom<double>([.. z.SelectMany(image => Gradient(image).Select(g => g / batch.Count))]);
            tape.Accumulate(batch.Z, dz);
        });
    });

    public double[] Gradient(double[] z)
    {
        double sum = z.Sum();
        return [.. z.Select((value, i) => (A(i) * value) + (C * sum) + (B * value * value / 2))];
    }

    /// <summary>d . H d at z.</summary>
    public double Curvature(double[] z, double[] d)
    {
        double along = d.Sum();
        return (C * along * along) + z.Zip(d).Select((p, i) => (A(i) + (B * p.First)) * p.Second * p.Second).Sum();
    }

    private double Value(double[] z)
    {
        double sum = z.Sum();
        return (C * sum * sum / 2) + z.Select((value, i) => (A(i) * value * value / 2) + (B * value * value * value / 6)).Sum();
    }

    private static double A(int i) => 1 + (i % 3);
}
