using Deat.Engine;
using Deat.Nn;

namespace Deat.Tests;

/// <summary>A network of two layers on images of 5 x 5, small enough to be computed and differentiated on the host, in binary64.</summary>
internal sealed class TwoLayers : Module
{
    public const int Size = 5, Inputs = 3 * Size * Size, Hidden = 12, Classes = 6;

    private readonly Conv2d _first, _second;

    public TwoLayers()
    {
        // One window as large as the image is one product with the image.
        _first = Add("first", new Conv2d(3, Hidden, Size, stride: 1, padding: 0));
        _second = Add("second", new Conv2d(Hidden, Classes, 1, stride: 1, padding: 0));
        Place(TestDevices.Get("cpu"), ElementType.Float64, 5);
    }

    protected override Tensor Compute(Tape tape, Tensor x) =>
        _second.Forward(tape, Ops.Relu(tape, _first.Forward(tape, x)));

    /// <summary>The same on the host.</summary>
    public sealed class OnHost(TwoLayers network, Normalization normalization)
    {
        private const int Plane = Size * Size;

        private readonly double[] _first = network.StateDict()[0].ToDoubles(), _second = network.StateDict()[1].ToDoubles();

        /// <summary>The logits at an image in pixel range.</summary>
        public double[] Logits(double[] pixels) => Product(_second, Hiddens(pixels), Classes);

        /// <summary>The gradient with respect to the pixels of what has the given gradient with respect to the logits.</summary>
        public double[] Gradient(double[] pixels, double[] ofLogits)
        {
            double[] hidden = Hiddens(pixels);
            double[] gradient = new double[Inputs];
            for (int h = 0; h < Hidden; h++)
            {
                double g = hidden[h] > 0 ? Enumerable.Range(0, Classes).Sum(k => _second[(k * Hidden) + h] * ofLogits[k]) : 0;
                for (int i = 0; i < Inputs; i++)
                    gradient[i] += _first[(h * Inputs) + i] * g / normalization.Std[i / Plane];
            }

            return gradient;
        }

        private double[] Hiddens(double[] pixels)
        {
            double[] z = [.. pixels.Select((x, i) => (x - normalization.Mean[i / Plane]) / normalization.Std[i / Plane])];
            return [.. Product(_first, z, Hidden).Select(v => Math.Max(v, 0))];
        }

        private static double[] Product(double[] matrix, double[] vector, int rows) =>
            [.. Enumerable.Range(0, rows).Select(r => vector.Select((v, i) => v * matrix[(r * vector.Length) + i]).Sum())];
    }
}
