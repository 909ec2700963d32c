using Deat.Engine;

namespace Deat.Tests;

/// <summary>A convolution with random operands, and its three results by the definition.</summary>
internal sealed record TensorCoreCase(Shape X, Shape W, int Stride, int Padding, float[] XValues, float[] WValues, float[] DyValues)
{
    private Shape Y => OutputOf(X, W, Stride, Padding);

    public static TensorCoreCase Draw(int[] s, Random random)
    {
        Shape x = new(s[0], s[1], s[2], s[3]), w = new(s[4], s[1], s[5], s[6]);
        return new(x, w, s[7], s[8], Values(x), Values(w), Values(OutputOf(x, w, s[7], s[8])));

        float[] Values(Shape shape) => [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }

    /// <summary>
    /// What the tensor core makes of numbers that are copied to it: TF32 ignores the last 13 bits, BF16 is rounded on the way.
    /// </summary>
    public static Func<double, double> Copied(Precision precision) => precision == Precision.BFloat16
        ? Packed(precision)
        : value => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)value) & ~0x1fff);

    /// <summary>Rounding to nearest.</summary>
    public static Func<double, double> Packed(Precision precision)
    {
        int bits = precision == Precision.BFloat16 ? 7 : 10;
        MidpointRounding ties = precision == Precision.BFloat16 ? MidpointRounding.ToEven : MidpointRounding.AwayFromZero;
        return value =>
        {
            double ulp = value == 0 ? 1 : Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(value))) - bits);
            return Math.Round(value / ulp, ties) * ulp;
        };
    }

    /// <summary>Whether the weight gradient is computed in this precision too.</summary>
    public bool WeightGradientFits(ComputeDevice device, Precision precision) => TensorCoreConvolution.FitsWeightGradient(
        new ConvolutionGeometry(device.Traits.LayoutFor(X), W, Stride, Padding, device.Traits), precision);

    /// <summary>|a - b| / |b|.</summary>
    public static double Distance(float[] a, double[] b) =>
        Math.Sqrt(a.Zip(b, (p, q) => (p - q) * (p - q)).Sum() / b.Sum(q => q * q));

    public Dictionary<string, float[]> Run(ComputeDevice device, Precision precision)
    {
        using Workspace arena = new(device, MemoryCategory.Data);
        using Tape tape = new(device, Wanted.Both, precision);
        Tensor x = tape.Watch(arena.Activation<float>(X, ElementType.Float32, XValues));
        Tensor w = arena.Plain<float>(W, ElementType.Float32, WValues).WithGradient(arena.Plain(W, ElementType.Float32));
        Tensor y = Ops.Conv2d(tape, x, w, Stride, Padding, ConvolutionAlgorithm.TensorCore);
        Tensor dy = tape.Activation<float>(Y, ElementType.Float32, DyValues);
        tape.Backward(y, dy);
        return new()
        {
            ["y"] = y.ToArray<float>(),
            ["dx"] = tape.Gradient(x).ToArray<float>(),
            ["dw"] = w.Gradient!.ToArray<float>(),
        };
    }

    /// <summary>The definition, with x and dy rounded by <paramref name="copied"/> and w by <paramref name="packed"/>.</summary>
    public Dictionary<string, double[]> Reference(Func<double, double> copied, Func<double, double> packed)
    {
        double[] x = [.. XValues.Select(v => copied(v))], w = [.. WValues.Select(v => packed(v))];
        double[] dy = [.. DyValues.Select(v => copied(v))];
        double[] y = new double[Y.Count], dx = new double[x.Length], dw = new double[w.Length];
        ConvolutionProducts.ForEach(X, W, Y, Stride, Padding, (xi, wi, yi) =>
        {
            y[yi] += x[xi] * w[wi];
            dx[xi] += dy[yi] * w[wi];
            dw[wi] += dy[yi] * x[xi];
        });

        return new() { ["y"] = y, ["dx"] = dx, ["dw"] = dw };
    }

    private static Shape OutputOf(Shape x, Shape w, int stride, int padding) => new(
        x.N, w.N, ((x.H + (2 * padding) - w.H) / stride) + 1, ((x.W + (2 * padding) - w.W) / stride) + 1);
}
