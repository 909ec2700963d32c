using Deat.Engine;
using Deat.Nn;

namespace Deat.Tests;

/// <summary>A network of two layers on small images, which is computed and differentiated on the host in binary64 too.</summary>
internal sealed class TwoLayers : Module
{
    public const int Size = 5, Hidden = 12, Classes = 6;

    private readonly Conv2d _first, _second;

    public TwoLayers(int size = Size, ElementType type = ElementType.Float64)
    {
        // One window as large as the image is one product with the image.
        _first = Add("first", new Conv2d(3, Hidden, size, stride: 1, padding: 0));
        _second = Add("second", new Conv2d(Hidden, Classes, 1, stride: 1, padding: 0));
        Place(TestDevices.Get("cpu"), type, 5);
    }

    protected override Tensor Compute(Tape tape, Tensor x) =>
        _second.Forward(tape, Ops.Relu(tape, _first.Forward(tape, x)));

    /// <summary>The same on the host.</summary>
    public sealed class OnHost(TwoLayers network, Normalization normalization)
    {
        private readonly double[] _first = Doubles(network.StateDict()[0]), _second = Doubles(network.StateDict()[1]);

        private int Inputs => _first.Length / Hidden;

        /// <summary>The logits at an image in pixel range.</summary>
        public double[] Logits(double[] pixels) => Product(_second, [.. Hiddens(pixels).Select(v => Math.Max(v, 0))], Classes);

        /// <summary>The gradient with respect to the pixels of what has the given gradient with respect to the logits.</summary>
        public double[] Gradient(double[] pixels, double[] ofLogits) => Gradients(pixels, ofLogits, 0).First();

        /// <summary>
        /// The gradients on all sides of the kinks that are nearer than rounding: of hidden units whose value is no further from 0.
        /// </summary>
        public IEnumerable<double[]> Gradients(double[] pixels, double[] ofLogits, double rounding)
        {
            double[] hidden = Hiddens(pixels);
            int[] near = [.. Enumerable.Range(0, Hidden).Where(h => Math.Abs(hidden[h]) <= rounding)];
            for (int sides = 0; sides < 1 << near.Length; sides++)
            {
                bool IsOn(int h) => Array.IndexOf(near, h) is >= 0 and int at ? (sides >> at & 1) == 1 : hidden[h] > 0;
                double[] gradient = new double[Inputs];
                foreach (int h in Enumerable.Range(0, Hidden).Where(IsOn))
                {
                    double g = Enumerable.Range(0, Classes).Sum(k => _second[(k * Hidden) + h] * ofLogits[k]);
                    for (int i = 0; i < Inputs; i++)
                        gradient[i] += _first[(h * Inputs) + i] * g / normalization.Std[i / (Inputs / 3)];
                }

                yield return gradient;
            }
        }

        private static double[] Doubles(NamedArray weights) =>
            weights.Type == ElementType.Float64 ? weights.ToDoubles() : [.. weights.ToFloats().Select(w => (double)w)];

        private double[] Hiddens(double[] pixels)
        {
            double[] z = [.. pixels.Select((x, i) => (x - normalization.Mean[i / (Inputs / 3)]) / normalization.Std[i / (Inputs / 3)])];
            return Product(_first, z, Hidden);
        }

        private static double[] Product(double[] matrix, double[] vector, int rows) =>
            [.. Enumerable.Range(0, rows).Select(r => vector.Select((v, i) => v * matrix[(r * vector.Length) + i]).Sum())];
    }
}
