using Deat.Engine;

namespace Deat.Tests;

/// <summary>Values [N, C, H, W] in double precision.</summary>
internal sealed record Planes(Shape Shape, double[] Values)
{
    public double this[int n, int c, int h, int w] => Values[(((((n * Shape.C) + c) * Shape.H) + h) * Shape.W) + w];

    public static Planes Of(Shape shape, Func<int, int, int, int, double> value)
    {
        double[] values = new double[shape.Count];
        int i = 0;
        for (int n = 0; n < shape.N; n++)
            for (int c = 0; c < shape.C; c++)
                for (int h = 0; h < shape.H; h++)
                    for (int w = 0; w < shape.W; w++)
                        values[i++] = value(n, c, h, w);
        return new Planes(shape, values);
    }
}

/// <summary>
/// Forward passes of the networks in training mode, straight from their definitions: arrays of weights by PyTorch's names and loops over
/// all elements, with nothing of the engine.
/// </summary>
internal sealed class ReferenceNetwork(IReadOnlyDictionary<string, (int[] Extents, double[] Values)> weights)
{
    public Planes PreAct(Planes x, int[] blocks, bool bottleneck)
    {
        x = Conv(x, "conv1", stride: 1, padding: 1);
        for (int layer = 1; layer <= 4; layer++)
            for (int block = 0; block < blocks[layer - 1]; block++)
            {
                string name = $"layer{layer}.{block}";
                int stride = layer > 1 && block == 0 ? 2 : 1;
                Planes a = NormRelu(x, $"{name}.bn1");
                bool projects = weights.ContainsKey($"{name}.shortcut.0.weight");
                Planes shortcut = projects ? Conv(bottleneck ? a : x, $"{name}.shortcut.0", stride, padding: 0) : x;
                a = Conv(a, $"{name}.conv1", bottleneck ? 1 : stride, bottleneck ? 0 : 1);
                a = Conv(NormRelu(a, $"{name}.bn2"), $"{name}.conv2", bottleneck ? stride : 1, padding: 1);
                x = Sum(bottleneck ? Conv(NormRelu(a, $"{name}.bn3"), $"{name}.conv3", stride: 1, padding: 0) : a, shortcut);
            }

        return Linear(AverageAll(NormRelu(x, "bn")), "linear");
    }

    public Planes Wide(Planes x, int blocks)
    {
        x = Conv(x, "conv1", stride: 1, padding: 1);
        for (int layer = 1; layer <= 3; layer++)
            for (int block = 0; block < blocks; block++)
            {
                string name = $"block{layer}.layer.{block}";
                int stride = layer > 1 && block == 0 ? 2 : 1;
                Planes a = NormRelu(x, $"{name}.bn1");
                bool projects = weights.ContainsKey($"{name}.convShortcut.weight");
                Planes shortcut = projects ? Conv(a, $"{name}.convShortcut", stride, padding: 0) : x;
                a = NormRelu(Conv(a, $"{name}.conv1", stride, padding: 1), $"{name}.bn2");
                x = Sum(Conv(a, $"{name}.conv2", stride: 1, padding: 1), shortcut);
            }

        return Linear(AverageAll(NormRelu(x, "bn1")), "fc");
    }

    public Planes Vgg(Planes x, int[] convolutions)
    {
        int place = 0;
        foreach (int count in convolutions)
        {
            for (int i = 0; i < count; i++, place += 3)
                x = NormRelu(Conv(x, $"layers.{place}", stride: 1, padding: 1), $"layers.{place + 1}");
            x = Pool(x, 2, values => values.Max());
            place++;
        }

        return Linear(x, "fc1");
    }

    public Planes Dense(Planes x)
    {
        x = Conv(x, "conv1", stride: 1, padding: 1);
        foreach ((int layer, int count) in ((int[])[6, 12, 24, 16]).Index())
        {
            for (int block = 0; block < count; block++)
            {
                string name = $"dense{layer + 1}.{block}";
                Planes a = Conv(NormRelu(x, $"{name}.bn1"), $"{name}.conv1", stride: 1, padding: 0);
                x = Joined(Conv(NormRelu(a, $"{name}.bn2"), $"{name}.conv2", stride: 1, padding: 1), x);
            }

            if (layer < 3)
                x = Pool(Conv(NormRelu(x, $"trans{layer + 1}.bn"), $"trans{layer + 1}.conv", 1, 0), 2, values => values.Average());
        }

        return Linear(AverageAll(NormRelu(x, "bn")), "linear");
    }

    public Planes Mnist(Planes x)
    {
        x = Relu(Conv(x, "0", stride: 2, padding: 1));
        x = Relu(Conv(x, "2", stride: 2, padding: 1));
        x = new Planes(new Shape(x.Shape.N, x.Shape.C * x.Shape.Pixels), x.Values);
        return Linear(Relu(Linear(x, "5")), "7");
    }

    private Planes Conv(Planes x, string name, int stride, int padding)
    {
        (int[] extents, double[] values) = weights[$"{name}.weight"];
        double[]? bias = weights.TryGetValue($"{name}.bias", out (int[], double[] Values) found) ? found.Values : null;
        (int filters, int window) = (extents[0], extents[2]);
        int Count(int pixels) => ((pixels + (2 * padding) - window) / stride) + 1;
        Shape shape = new(x.Shape.N, filters, Count(x.Shape.H), Count(x.Shape.W));
        return Planes.Of(shape, (n, k, p, q) =>
        {
            double sum = bias?[k] ?? 0;
            for (int c = 0; c < x.Shape.C; c++)
                for (int r = 0; r < window; r++)
                    for (int s = 0; s < window; s++)
                    {
                        (int h, int w) = ((p * stride) - padding + r, (q * stride) - padding + s);
                        if (h >= 0 && h < x.Shape.H && w >= 0 && w < x.Shape.W)
                            sum += x[n, c, h, w] * values[(((((k * x.Shape.C) + c) * window) + r) * window) + s];
                    }

            return sum;
        });
    }

    private Planes NormRelu(Planes x, string name)
    {
        (double[] gamma, double[] beta) = (weights[$"{name}.weight"].Values, weights[$"{name}.bias"].Values);
        double[] mean = new double[x.Shape.C], variance = new double[x.Shape.C];
        double count = (double)x.Shape.N * x.Shape.Pixels;
        Planes.Of(x.Shape, (n, c, h, w) => mean[c] += x[n, c, h, w] / count);
        Planes.Of(x.Shape, (n, c, h, w) => variance[c] += Math.Pow(x[n, c, h, w] - mean[c], 2) / count);
        return Relu(Planes.Of(
            x.Shape, (n, c, h, w) => (gamma[c] * (x[n, c, h, w] - mean[c]) / Math.Sqrt(variance[c] + 1e-5)) + beta[c]));
    }

    private Planes Linear(Planes x, string name)
    {
        (int[] extents, double[] values) = weights[$"{name}.weight"];
        Assert(extents[1] == x.Shape.C && x.Shape.Pixels == 1, name);
        double[] bias = weights[$"{name}.bias"].Values;
        return Planes.Of(new Shape(x.Shape.N, extents[0]), (n, k, _, _) =>
            bias[k] + Enumerable.Range(0, extents[1]).Sum(c => x[n, c, 0, 0] * values[(k * extents[1]) + c]));
    }

    private static Planes Relu(Planes x) => new(x.Shape, [.. x.Values.Select(value => Math.Max(value, 0))]);

    private static Planes Sum(Planes a, Planes b)
    {
        Assert(a.Shape == b.Shape, "shortcut");
        return new(a.Shape, [.. a.Values.Zip(b.Values, (p, q) => p + q)]);
    }

    private static Planes Joined(Planes a, Planes b) => Planes.Of(
        a.Shape with { C = a.Shape.C + b.Shape.C }, (n, c, h, w) => c < a.Shape.C ? a[n, c, h, w] : b[n, c - a.Shape.C, h, w]);

    private static Planes AverageAll(Planes x) => Pool(x, x.Shape.H, values => values.Average());

    private static Planes Pool(Planes x, int window, Func<IEnumerable<double>, double> of) => Planes.Of(
        x.Shape with { H = x.Shape.H / window, W = x.Shape.W / window }, (n, c, p, q) => of(
            from r in Enumerable.Range(0, window)
            from s in Enumerable.Range(0, window)
            select x[n, c, (p * window) + r, (q * window) + s]));

    private static void Assert(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException($"the reference does not fit at {what}");
    }
}
