using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What holds for Winograd's tiles alone; the table of ops has their values, gradients and refusals.</summary>
public sealed class WinogradTests
{
    private const double Tolerance = 1e-5;

    /// <summary>Norms of the errors of binary32, over those of what the definition gives in binary64.</summary>
    [TestCase(64, 16)]
    [TestCase(512, 4)]
    public void ErrorsAreFarBelowTheTolerance(int channels, int size)
    {
        foreach (string id in CpuLikeDevices)
        {
            Shape x = new(1, channels, size, size), w = new(channels, channels, 3, 3);
            (ConvolutionAlgorithm, int)[] all =
                [(ConvolutionAlgorithm.Winograd, 1), (ConvolutionAlgorithm.Winograd4, 1), (ConvolutionAlgorithm.Winograd, 2)];
            foreach ((ConvolutionAlgorithm algorithm, int stride) in all)
            {
                ComputeDevice device = TestDevices.Get(id);
                double[][] reference = Convolve(device, x, w, ElementType.Float64, ConvolutionAlgorithm.Direct, stride);
                double[][] results = Convolve(device, x, w, ElementType.Float32, algorithm, stride);
                foreach ((double[] result, double[] exact) in results.Zip(reference))
                {
                    double error = Norm(result.Zip(exact, (a, b) => a - b)) / Norm(exact);
                    Assert.That(error, Is.LessThan(Tolerance / 3), $"{algorithm}, stride {stride}, on {id}");
                }
            }
        }
    }

    /// <summary>A NaN reaches every pixel whose window has it, and no tile that does not.</summary>
    [TestCase(ConvolutionAlgorithm.Winograd, 2)]
    [TestCase(ConvolutionAlgorithm.Winograd4, 4)]
    public void ANaNStaysInTheTilesThatReadIt(ConvolutionAlgorithm algorithm, int size)
    {
        Shape shape = new(2, 16, 12, 16), w = new(16, 16, 3, 3);
        foreach (string id in TestDevices.Ids)
        {
            foreach ((int row, int column) in ((int, int)[])[(0, 0), (5, 6), (7, 8), (11, 15)])
            {
                double[] y = Convolve(TestDevices.Get(id), shape, w, ElementType.Float32, algorithm, 1, (row * 16) + column)[0];
                for (int i = 0; i < y.Length; i++)
                {
                    int p = i / 16 % 12, q = i % 16;
                    bool isFirst = i < y.Length / 2;
                    bool must = isFirst && Math.Abs(p - row) <= 1 && Math.Abs(q - column) <= 1;
                    bool may = isFirst && Reads(p, row, size) && Reads(q, column, size);
                    Assert.That(
                        double.IsNaN(y[i]) ? may : !must, Is.True, $"{algorithm} on {id}: ({p}, {q}) is {y[i]}, NaN at ({row}, {column})");
                }
            }
        }
    }

    /// <summary>Larger tiles where an image has enough of them for the weights, whatever the batch.</summary>
    [TestCase(32, 64, 32, ConvolutionAlgorithm.Winograd4)]
    [TestCase(32, 256, 8, ConvolutionAlgorithm.Winograd4)]
    [TestCase(1, 256, 8, ConvolutionAlgorithm.Winograd4)]
    [TestCase(128, 512, 4, ConvolutionAlgorithm.Winograd)]
    [TestCase(32, 512, 4, ConvolutionAlgorithm.Winograd)]
    [TestCase(32, 64, 6, ConvolutionAlgorithm.Winograd)]
    public void IsChosenWhereItIsFaster(int images, int channels, int size, ConvolutionAlgorithm chosen)
    {
        foreach (string id in CpuLikeDevices)
        {
            DeviceTraits traits = TestDevices.Get(id).Traits;
            ConvolutionGeometry g = new(
                traits.LayoutFor(new Shape(images, channels, size, size)), new Shape(channels, channels, 3, 3), 1, 1, traits);
            Assert.That(Convolutions.Choose(g, Precision.Float32), Is.EqualTo(chosen), id);
        }
    }

    /// <summary>With stride 2 where a third of the products is worth the transforms.</summary>
    [TestCase(32, 256, ConvolutionAlgorithm.Tiled, ConvolutionAlgorithm.Tiled)]
    [TestCase(64, 128, ConvolutionAlgorithm.Winograd, ConvolutionAlgorithm.Tiled)]
    [TestCase(128, 256, ConvolutionAlgorithm.Winograd, ConvolutionAlgorithm.Winograd)]
    public void IsChosenWithStride2WhereItIsFaster(
        int channels, int filters, ConvolutionAlgorithm withOpenCL, ConvolutionAlgorithm withDotNet)
    {
        foreach (string id in CpuLikeDevices)
        {
            DeviceTraits traits = TestDevices.Get(id).Traits;
            ConvolutionGeometry g = new(traits.LayoutFor(new Shape(8, channels, 16, 16)), new Shape(filters, channels, 3, 3), 2, 1, traits);
            ConvolutionAlgorithm expected = traits.Backend == Backend.Cpu ? withDotNet : withOpenCL;
            Assert.That(Convolutions.Choose(g, Precision.Float32), Is.EqualTo(expected), id);
        }
    }

    /// <summary>Users can have one algorithm wherever it fits, and the fastest where it does not.</summary>
    [Test]
    public void AnAlgorithmThatIsWantedIsTakenWhereItFits()
    {
        ComputeDevice shared = TestDevices.Get("cpu");
        ConvolutionGeometry g = new(
            shared.Traits.LayoutFor(new Shape(2, 64, 8, 8)), new Shape(64, 64, 3, 3), 1, 1, shared.Traits);
        ConvolutionAlgorithm fastest = Convolutions.Choose(g, Precision.Float32);
        foreach (ConvolutionAlgorithm wanted in Enum.GetValues<ConvolutionAlgorithm>())
        {
            bool fits = wanted is not (ConvolutionAlgorithm.Auto or ConvolutionAlgorithm.TensorCore);
            Assert.That(Convolutions.Choose(g, Precision.Float32, wanted), Is.EqualTo(fits ? wanted : fastest));
        }

        using ComputeDevice device = ComputeDevice.Open("cpu");
        device.Convolution = ConvolutionAlgorithm.Direct;
        using Workspace workspace = new(device, MemoryCategory.Data);
        using Tape tape = new(device, Wanted.None);
        Ops.Conv2d(
            tape, workspace.Activation(new Shape(2, 64, 8, 8), ElementType.Float32),
            workspace.Plain(new Shape(64, 64, 3, 3), ElementType.Float32), 1, 1);
        Assert.That(device.Ledger.Entries.Select(entry => entry.Key.Kernel), Has.Some.StartWith("DirectConvolutionKernels."));
    }

    [Test]
    public void AnUnknownAlgorithmIsRefused()
    {
        const string Variable = "DEAT_TEST_CONVOLUTION";
        ConvolutionAlgorithm Of(string text)
        {
            Environment.SetEnvironmentVariable(Variable, text);
            return Convolutions.FromEnvironment(Variable);
        }

        Assert.That(Of(""), Is.EqualTo(ConvolutionAlgorithm.Auto));
        Assert.That(Of("winograd4"), Is.EqualTo(ConvolutionAlgorithm.Winograd4));
        Assert.That(
            () => Of("fft"), Throws.TypeOf<DeviceException>().With.Message.EqualTo(
                $"{Variable} is 'fft'; it can be auto, tiled, winograd, winograd4, tensorcore, direct"));
    }

    private static IEnumerable<string> CpuLikeDevices => TestDevices.Ids.Where(id => TestDevices.Get(id).Traits.IsCpuLike);

    // A tile reads one pixel around it.
    private static bool Reads(int output, int input, int size) =>
        input >= (output / size * size) - 1 && input <= (output / size * size) + size;

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));

    private static double[][] Convolve(
        ComputeDevice device, Shape x, Shape w, ElementType type, ConvolutionAlgorithm algorithm, int stride, int? nan = null)
    {
        Random random = new(1);
        using Workspace workspace = new(device, MemoryCategory.Data);
        return type == ElementType.Float32 ? Run(value => value) : Run(value => (double)value);

        double[][] Run<T>(Func<float, T> to)
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            float[] pixels = Values(x);
            if (nan is int place)
                pixels[place] = float.NaN;
            Tensor input = workspace.Activation<T>(x, type, [.. pixels.Select(to)]);
            Tensor weights = workspace.Plain<T>(w, type, [.. Values(w).Select(to)]);
            weights = weights.WithGradient(workspace.Plain(w, type));
            using Tape tape = new(device, Wanted.Both);
            tape.Watch(input);
            Tensor y = Ops.Conv2d(tape, input, weights, stride, 1, algorithm);
            double[] forward = Read(y);
            tape.Backward(y, workspace.Activation<T>(y.Shape, type, [.. Values(y.Shape).Select(to)]));
            return [forward, Read(tape.Gradient(input)), Read(weights.Gradient!)];

            static double[] Read(Tensor tensor) => [.. tensor.ToArray<T>().Select(double.CreateChecked)];
        }

        float[] Values(Shape shape) => [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
