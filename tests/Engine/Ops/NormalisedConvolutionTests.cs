using System.Collections.Concurrent;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// y = conv(relu(bn(conv(x, v) + b)), w), where GPU-like devices find the moments in the first convolution and the sums of the gradient in
/// the second one's input gradient, against the definition in binary64.
/// </summary>
public sealed class NormalisedConvolutionTests
{
    private const double Epsilon = 1e-5;

    // Whole tiles of rows in 64 and in 128 columns, some of them not there; in splits; through all parities, in splits too.
    private static readonly (string What, Shape X, int Middle, int Filters, int Stride)[] Cases =
    [
        ("narrow tiles", new(4, 8, 8, 16), 16, 16, 1),
        ("wide tiles", new(2, 8, 8, 16), 80, 16, 1),
        ("splits", new(1, 24, 8, 16), 16, 48, 1),
        ("single elements", new(2, 3, 16, 16), 24, 8, 1),
        ("parities", new(2, 8, 16, 16), 16, 16, 2),
        ("wide parities", new(2, 8, 16, 16), 80, 16, 2),
        ("parities in splits", new(1, 8, 16, 32), 16, 128, 2),
        ("a ragged tile", new(1, 8, 9, 16), 16, 16, 1),
    ];

    private static readonly ConcurrentDictionary<string, Dictionary<string, double[]>> References = new();

    [Test]
    public void ValuesAndGradientsAreThoseOfTheDefinition(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [ValueSource(nameof(Cases))] (string What, Shape X, int Middle, int Filters, int Stride) @case,
        [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        ComputeDevice device = TestDevices.Get(id);
        Network network = new(@case.X, @case.Middle, @case.Filters, @case.Stride, plus: true);
        device.Ledger.Clear();
        Dictionary<string, double[]> actual = network.Run(device, type);
        bool onTheWay = !device.Traits.IsCpuLike && @case.What != "a ragged tile";
        Assert.That(Launches(nameof(BatchNormKernels.SliceMoments)), Is.EqualTo(onTheWay ? 0 : 1));
        Assert.That(Launches(nameof(BatchNormGradientKernels.SliceGradients)), Is.EqualTo(onTheWay ? 0 : 1));
        if (onTheWay)
            Assert.That(Launches("AddKernels.Sum"), Is.Zero);
        double unit = type == ElementType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53);
        foreach ((string name, double[] values) in References.GetOrAdd(@case.What, _ => network.Reference()))
            Assert.That(Distance(actual[name], values), Is.LessThan(64 * unit), name);
        Dictionary<string, double[]> again = network.Run(device, type);
        foreach ((string name, double[] values) in actual)
            Assert.That(again[name].AsSpan().SequenceEqual(values), name);

        long Launches(string kernel) => device.Ledger.Total(key => key.Kernel.Contains(kernel)).Launches;
    }

    // A second use adds its gradient, and sums of one alone are then nobody's.
    [Test]
    public void AGradientFromTwoUsesIsSummedAsAWhole([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Network network = new(new(4, 8, 8, 16), 16, 16, 1, plus: false);
        Dictionary<string, double[]> once = network.Run(device, ElementType.Float64);
        Dictionary<string, double[]> twice = network.Run(device, ElementType.Float64, uses: 2);
        foreach (string name in (string[])["dx", "dv", "dgamma", "dbeta"])
            Assert.That(Distance(twice[name], [.. once[name].Select(v => 2 * v)]), Is.LessThan(1e-14), name);
    }

    [Test]
    public void MomentsTakenOnTheWayDoNotCancelUnderALargeMean(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(16, 80)] int channels)
    {
        ComputeDevice device = TestDevices.Get(id);
        Shape shape = new(4, channels, 16, 16);
        Random random = new(3);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)(100 + (2 * random.NextDouble()) - 1))];
        float[] identity = [.. Enumerable.Range(0, channels * channels).Select(i => i % (channels + 1) == 0 ? 1f : 0f)];
        using Tape tape = new(device, Wanted.None);
        Tensor x = tape.Activation<float>(shape, ElementType.Float32, values);
        Tensor w = tape.Plain<float>(new Shape(channels, channels), ElementType.Float32, identity);
        BatchNormState state = State(tape, ElementType.Float32, [.. Ones(channels)], new double[channels]) with { Momentum = 1 };
        Tensor y = Ops.Conv2d(tape, x, w, 1, 0, ConvolutionAlgorithm.Tiled, normalised: true);
        Assert.That(y.ToArray<float>(), Is.EqualTo(values));
        Ops.BatchNormRelu(tape, y, state, training: true);
        float[] variance = state.RunningVariance.ToArray<float>(), means = state.RunningMean.ToArray<float>();
        for (int c = 0; c < channels; c++)
        {
            double[] channel = [.. values.Where((_, i) => i / shape.Pixels % channels == c).Select(v => (double)v)];
            double mean = channel.Average();
            double expected = channel.Sum(v => (v - mean) * (v - mean)) / (channel.Length - 1);
            Assert.That(means[c], Is.EqualTo(mean).Within(Math.ScaleB(100, -24)));
            // Means of strips and slices are rounded as the elements are, which costs a little of u * mean * deviation; a variance that
            // cancels would be off by u * mean^2, 700 times as much.
            Assert.That(variance[c], Is.EqualTo(expected).Within(Math.ScaleB(mean * Math.Sqrt(expected), -24) / 4));
        }
    }

    private static double Distance(double[] actual, double[] expected) =>
        Math.Sqrt(actual.Zip(expected, (a, e) => (a - e) * (a - e)).Sum() / expected.Sum(e => e * e));

    private static IEnumerable<double> Ones(int count) => Enumerable.Repeat(1.0, count);

    private static BatchNormState State(Workspace workspace, ElementType type, double[] gamma, double[] beta)
    {
        return new BatchNormState
        {
            Gamma = Vector(gamma),
            Beta = Vector(beta),
            RunningMean = Vector(new double[gamma.Length]),
            RunningVariance = Vector([.. Ones(gamma.Length)]),
        };

        Tensor Vector(double[] values) => Parameter(workspace, Shape.Vector(values.Length), type, values);
    }

    private static Tensor Parameter(Workspace workspace, Shape shape, ElementType type, double[] values)
    {
        Tensor tensor = workspace.Plain(shape, type);
        OpExecution.Write(tensor, values);
        return tensor.WithGradient(workspace.Plain(shape, type));
    }

    private sealed class Network
    {
        private readonly Shape _x, _v, _middle, _w, _y;
        private readonly int _stride;
        private readonly Dictionary<string, double[]> _values = [];

        public Network(Shape x, int middle, int filters, int stride, bool plus)
        {
            (_x, _v, _middle, _stride) = (x, new(middle, x.C, 3, 3), x with { C = middle }, stride);
            (_w, _y) = (new(filters, middle, 3, 3), new(x.N, filters, (x.H + stride - 1) / stride, (x.W + stride - 1) / stride));
            Random random = new(17);
            foreach ((string name, long count) in ((string, long)[])[
                ("x", _x.Count), ("v", _v.Count), ("w", _w.Count), ("gamma", middle), ("beta", middle), ("dy", _y.Count),
                .. plus ? ((string, long)[])[("b", _middle.Count)] : []])
                _values[name] = [.. Enumerable.Range(0, (int)count).Select(_ => (double)(float)(random.NextDouble() - 0.4))];
        }

        public Dictionary<string, double[]> Run(ComputeDevice device, ElementType type, int uses = 1)
        {
            using Tape tape = new(device, Wanted.Both);
            Tensor x = tape.Watch(Activation("x", _x));
            Tensor? b = _values.ContainsKey("b") ? tape.Watch(Activation("b", _middle)) : null;
            Tensor v = Parameter(tape, _v, type, _values["v"]), w = Parameter(tape, _w, type, _values["w"]);
            BatchNormState state = State(tape, type, _values["gamma"], _values["beta"]);
            Tensor a = Ops.Conv2d(tape, x, v, 1, 1, ConvolutionAlgorithm.Tiled, b, normalised: true);
            Tensor z = Ops.BatchNormRelu(tape, a, state, training: true);
            Tensor y = Ops.Conv2d(tape, z, w, _stride, 1, ConvolutionAlgorithm.Tiled);
            for (int use = 1; use < uses; use++)
                y = Ops.Add(tape, y, Ops.Conv2d(tape, z, w, _stride, 1, ConvolutionAlgorithm.Tiled));
            tape.Backward(y, Activation("dy", _y));
            Dictionary<string, double[]> results = new()
            {
                ["y"] = OpExecution.Read(y),
                ["dx"] = OpExecution.Read(tape.Gradient(x)),
                ["dv"] = OpExecution.Read(v.Gradient!),
                ["dw"] = OpExecution.Read(w.Gradient!),
                ["dgamma"] = OpExecution.Read(state.Gamma.Gradient!),
                ["dbeta"] = OpExecution.Read(state.Beta.Gradient!),
            };
            if (b is not null)
                results["db"] = OpExecution.Read(tape.Gradient(b));
            return results;

            Tensor Activation(string name, Shape shape)
            {
                Tensor tensor = tape.Activation(shape, type);
                OpExecution.Write(tensor, _values[name]);
                return tensor;
            }
        }

        public Dictionary<string, double[]> Reference()
        {
            double[] x = _values["x"], v = _values["v"], w = _values["w"], dy = _values["dy"];
            double[] a = new double[_middle.Count], dx = new double[_x.Count], dv = new double[_v.Count], dw = new double[_w.Count];
            double[] y = new double[_y.Count], dz = new double[_middle.Count];
            _values.GetValueOrDefault("b")?.CopyTo(a, 0);
            ConvolutionProducts.ForEach(_x, _v, _middle, 1, 1, (xi, vi, ai) => a[ai] += x[xi] * v[vi]);
            (double[] normalised, double[] rstd) = Normalised(a);
            double[] z = [.. normalised.Select((n, i) => Math.Max(0, (_values["gamma"][Channel(i)] * n) + _values["beta"][Channel(i)]))];
            ConvolutionProducts.ForEach(_middle, _w, _y, _stride, 1, (zi, wi, yi) =>
            {
                y[yi] += z[zi] * w[wi];
                dw[wi] += dy[yi] * z[zi];
                dz[zi] += dy[yi] * w[wi];
            });
            double[] g = [.. dz.Select((d, i) => z[i] > 0 ? d : 0)];
            double[] dgamma = Sums(i => g[i] * normalised[i]), dbeta = Sums(i => g[i]);
            double count = _middle.N * _middle.Pixels;
            double[] da = [.. g.Select((d, i) => _values["gamma"][Channel(i)] * rstd[Channel(i)]
                * (d - (dbeta[Channel(i)] / count) - (normalised[i] * dgamma[Channel(i)] / count)))];
            ConvolutionProducts.ForEach(_x, _v, _middle, 1, 1, (xi, vi, ai) =>
            {
                dx[xi] += da[ai] * v[vi];
                dv[vi] += da[ai] * x[xi];
            });
            Dictionary<string, double[]> expected = new()
            {
                ["y"] = y,
                ["dx"] = dx,
                ["dv"] = dv,
                ["dw"] = dw,
                ["dgamma"] = dgamma,
                ["dbeta"] = dbeta,
            };
            if (_values.ContainsKey("b"))
                expected["db"] = da;
            return expected;
        }

        private int Channel(int index) => index / _middle.Pixels % _middle.C;

        private double[] Sums(Func<int, double> term)
        {
            double[] sums = new double[_middle.C];
            for (int i = 0; i < _middle.Count; i++)
                sums[Channel(i)] += term(i);
            return sums;
        }

        private (double[] Values, double[] Rstd) Normalised(double[] a)
        {
            double count = _middle.N * _middle.Pixels;
            double[] mean = [.. Sums(i => a[i]).Select(sum => sum / count)];
            double[] rstd = [.. Sums(i => (a[i] - mean[Channel(i)]) * (a[i] - mean[Channel(i)]))
                .Select(sum => 1 / Math.Sqrt((sum / count) + Epsilon))];
            return ([.. a.Select((value, i) => (value - mean[Channel(i)]) * rstd[Channel(i)])], rstd);
        }
    }
}
