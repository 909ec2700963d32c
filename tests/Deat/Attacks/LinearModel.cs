using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Tests;

/// <summary>A linear classifier of images of one size.</summary>
internal sealed class LinearModel : Module
{
    private readonly Conv2d _weights;

    public LinearModel(int size, int classes, string device = "cpu", ElementType type = ElementType.Float64, int seed = 5)
    {
        // One window as large as the image is one product with the image.
        _weights = Add("weights", new Conv2d(3, classes, size, stride: 1, padding: 0));
        Place(TestDevices.Get(device), type, (ulong)seed);
    }

    protected override Tensor Compute(Tape tape, Tensor x) => _weights.Forward(tape, x);
}

/// <summary>The worst case of a linear classifier in ball and box, in closed form.</summary>
internal sealed class LinearOracle(LinearModel model, ImageSet images, Normalization normalization)
{
    private readonly double[] _weights = model.StateDict()[0].ToDoubles();

    /// <summary>
    /// The least margin of the label over another class in the ball and the pixel range: with Linf each pixel moves against the margin as
    /// far as both allow; with L2 by epsilon |w| altogether, if no pixel is so near to the end of the range.
    /// </summary>
    public double Margin(int image, int label, int other, double epsilon, Norm norm = Norm.Linf)
    {
        int plane = images.Height * images.Width;
        (double margin, double squares) = (0, 0);
        for (int i = 0; i < images.ImageBytes; i++)
        {
            double x = images.Pixels[(image * images.ImageBytes) + i] / 255.0;
            double slope = (_weights[(label * images.ImageBytes) + i] - _weights[(other * images.ImageBytes) + i])
                / normalization.Std[i / plane];
            double delta = norm == Norm.L2 ? 0 : slope > 0 ? Math.Max(-epsilon, -x) : Math.Min(epsilon, 1 - x);
            margin += slope * (x + delta - normalization.Mean[i / plane]);
            squares += slope * slope;
        }

        return norm == Norm.L2 ? margin - (epsilon * Math.Sqrt(squares)) : margin;
    }

    /// <summary>The least margin over all other classes.</summary>
    public double Margin(int image, int label, double epsilon, Norm norm = Norm.Linf) =>
        Enumerable.Range(0, images.Classes).Where(other => other != label).Min(other => Margin(image, label, other, epsilon, norm));
}
