using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>All networks of the command line against their definitions.</summary>
public sealed class NetworkTests
{
    private const int Images = 2;

    /// <summary>Small networks of each kind: one for each that the command line knows.</summary>
    private static readonly (string Name, int Width, int Channels, int Size, Func<ReferenceNetwork, Planes, Planes> Reference)[] Small =
    [
        ("pre18", 4, 3, 16, (net, x) => net.PreAct(x, [2, 2, 2, 2], bottleneck: false)),
        ("pre34", 2, 3, 16, (net, x) => net.PreAct(x, [3, 4, 6, 3], bottleneck: false)),
        ("pre50", 2, 3, 16, (net, x) => net.PreAct(x, [3, 4, 6, 3], bottleneck: true)),
        ("wrn-28-10", 1, 3, 8, (net, x) => net.Wide(x, blocks: 4)),
        ("wrn-34-10", 1, 3, 8, (net, x) => net.Wide(x, blocks: 5)),
        ("wrn-10-2", 8, 3, 14, (net, x) => net.Wide(x, blocks: 1)),
        ("vgg16", 4, 3, 32, (net, x) => net.Vgg(x, [2, 2, 3, 3, 3])),
        ("vgg19", 2, 3, 32, (net, x) => net.Vgg(x, [2, 2, 4, 4, 4])),
        ("dense121", 8, 3, 16, (net, x) => net.Dense(x)),
        ("mnist", 16, 1, 28, (net, x) => net.Mnist(x)),
    ];

    // What GPUs get takes a CPU minutes for some hundred layers.
    public static IEnumerable<TestCaseData> Everywhere =>
        from name in Names
        from id in TestDevices.Ids
        where !id.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal) || name is "mnist" or "wrn-10-2"
        select new TestCaseData(name, id);

    public static IEnumerable<string> Names => Small.Select(network => network.Name);

    [TestCase("pre18", 11_172_170, 107)]
    [TestCase("pre34", 21_280_330, 203)]
    [TestCase("pre50", 23_513_162, 300)]
    [TestCase("wrn-28-10", 36_479_194, 155)]
    [TestCase("wrn-34-10", 46_160_474, 191)]
    [TestCase("vgg16", 14_728_266, 93)]
    [TestCase("vgg19", 20_040_522, 114)]
    [TestCase("dense121", 1_000_618, 722)]
    [TestCase("mnist", 166_406, 8)]
    public void HasTheReferencesParameters(string name, int parameters, int entries)
    {
        NetworkKind kind = Networks.Find(name);
        using Module model = kind.Make(kind.Width, 10, name == "mnist" ? 1 : 3, 0);
        Assert.That(model.Parameters().Sum(entry => entry.Parameter.Shape.Count), Is.EqualTo(parameters));
        Assert.That(model.State().Count(), Is.EqualTo(entries));
    }

    [Test]
    public void EveryNetworkIsTested() =>
        Assert.That(Networks.All.Select(kind => kind.Name), Is.SubsetOf(Names));

    [TestCase("pre50", "conv1.weight", "layer1.0.bn1.weight", "layer4.0.shortcut.0.weight", "layer4.2.conv3.weight", "linear.bias")]
    [TestCase("wrn-28-10", "conv1.weight", "block1.layer.0.convShortcut.weight", "block3.layer.3.bn2.running_var", "bn1.bias", "fc.bias")]
    [TestCase("vgg16", "layers.0.weight", "layers.0.bias", "layers.1.num_batches_tracked", "layers.40.weight", "fc1.weight")]
    [TestCase("dense121", "conv1.weight", "dense1.5.conv2.weight", "trans1.bn.weight", "dense2.0.bn1.weight", "bn.weight")]
    [TestCase("mnist", "0.weight", "0.bias", "2.weight", "5.weight", "7.bias")]
    public void EntriesAreNamedAndOrderedAsInPyTorch(string name, params string[] some)
    {
        using Module model = Networks.Find(name).Make(4, 10, 3, 0);
        Assert.That(model.State().Select(entry => entry.Name).Where(some.Contains), Is.EqualTo(some));
    }

    [TestCaseSource(nameof(Everywhere))]
    public void LogitsAndGradientsAreThoseOfTheDefinition(string name, string id)
    {
        var (_, width, channels, size, reference) = Small.First(network => network.Name == name);
        Random random = new(5);
        using Module model = Networks.Find(name).Make(width, 10, channels, 0);
        model.Place(TestDevices.Get(id), ElementType.Float64, seed: 3);
        // So deep and narrow, kinks lie closer than any step whose difference is above rounding: each channel is on or off everywhere.
        Scatter(model, random, bias: name == "dense121" ? 8 : 0);
        Dictionary<string, (int[] Extents, double[] Values)> weights = Weights(model);
        Planes x = Planes.Of(new Shape(Images, channels, size, size), (_, _, _, _) => Draw(random));
        Planes dy = Planes.Of(new Shape(Images, 10), (_, _, _, _) => Draw(random));

        using Tape tape = new(model.Device, Wanted.Both);
        Tensor input = tape.Watch(tape.Activation<double>(x.Shape, ElementType.Float64, x.Values));
        Tensor logits = model.Forward(tape, input);
        Planes expected = reference(new ReferenceNetwork(weights), x);
        Assert.That(logits.ToArray<double>(), Is.EqualTo(expected.Values).Within(1e-9 * expected.Values.Max(Math.Abs)));
        tape.Backward(logits, tape.Activation<double>(dy.Shape, ElementType.Float64, dy.Values));
        Dictionary<string, double[]> gradients = model.Parameters().ToDictionary(
            entry => entry.Name, entry => entry.Parameter.Value.Gradient!.ToArray<double>());
        gradients["x"] = tape.Gradient(input).ToArray<double>();
        foreach ((string entry, double[] gradient) in Sampled(gradients, random))
            CheckAlong(entry, gradient, random, step =>
            {
                Planes moved = entry == "x" ? x with { Values = step(x.Values) } : x;
                var changed = weights.ToDictionary(pair => pair.Key, pair => pair.Key == entry
                    ? (pair.Value.Extents, step(pair.Value.Values))
                    : pair.Value);
                return reference(new ReferenceNetwork(changed), moved).Values.Zip(dy.Values, (y, d) => y * d).Sum();
            });
    }

    [Test]
    public void TheFirstLayerAndTheRestAreTheNetwork([ValueSource(nameof(Names))] string name)
    {
        var (_, width, channels, size, _) = Small.First(network => network.Name == name);
        using Module model = Networks.Find(name).Make(width, 10, channels, 0);
        model.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 3);
        IFirstLayer parts = (IFirstLayer)model;
        using Tape tape = new(model.Device, Wanted.None);
        Shape shape = new(Images, channels, size, size);
        Random random = new(7);
        Tensor x = tape.Activation<float>(
            shape, ElementType.Float32, [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)Draw(random))]);
        float[] whole = model.Forward(tape, x).ToArray<float>();
        Assert.That(parts.Rest.Forward(tape, parts.First.Forward(tape, x)).ToArray<float>(), Is.EqualTo(whole));
        Assert.That(parts.First.Parameters().Select(entry => entry.Name), Has.Some.EqualTo("weight"));
    }

    [Test]
    public void AnotherWidthAndAnotherNumberOfClassesAreNamed([ValueSource(nameof(Names))] string name)
    {
        NetworkKind kind = Networks.Find(name);
        using Module model = Placed(kind.Make(4, 10, 3, 0)), wide = Placed(kind.Make(8, 10, 3, 0));
        using Module hundred = Placed(kind.Make(4, 100, 3, 0));
        Assert.That(
            () => model.LoadStateDict(wide.StateDict()),
            Throws.TypeOf<StateFileException>().With.Message.Contain("(--width 8?)"));
        Assert.That(
            () => model.LoadStateDict(hundred.StateDict()),
            Throws.TypeOf<StateFileException>().With.Message.Contain("(100 classes?)"));

        static Module Placed(Module network)
        {
            network.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 1);
            return network;
        }
    }

    [Test]
    public void WideResNetsStartAsTheirReferenceDoes()
    {
        using WideResNet model = new(depth: 10, factor: 2);
        model.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 3);
        Dictionary<string, Parameter> parameters = model.Parameters().ToDictionary(entry => entry.Name, entry => entry.Parameter);
        Assert.That(parameters["fc.bias"].Value.ToArray<float>(), Is.All.Zero);
        float[] weights = parameters["block3.layer.0.conv2.weight"].Value.ToArray<float>();
        double deviation = Math.Sqrt(2.0 / (128 * 9));
        Assert.That(Math.Sqrt(weights.Average(w => (double)w * w)), Is.EqualTo(deviation).Within(0.02 * deviation));
        Assert.That(weights.Average(), Is.EqualTo(0).Within(5 * deviation / Math.Sqrt(weights.Length)));
    }

    // Multiply-adds of one image, by stage: filters * channels * window * pixels.
    [TestCase("pre34", 1_159_402_496)]
    [TestCase("pre50", 1_297_829_888)]
    [TestCase("wrn-28-10", 5_243_328_768)]
    [TestCase("wrn-34-10", 6_658_906_368)]
    [TestCase("vgg16", 313_201_664)]
    [TestCase("vgg19", 398_136_320)]
    [TestCase("dense121", 125_341_440)]
    [TestCase("mnist", (16 * 16 * 196) + (16 * 32 * 16 * 49) + (1568 * 100) + (100 * 10))]
    public void TheLedgerCountsTheFlopsOfTheDefinition(string name, long products)
    {
        NetworkKind kind = Networks.Find(name);
        (int channels, int size) = name == "mnist" ? (1, 28) : (3, 32);
        using Module model = kind.Make(kind.Width, 10, channels, 0);
        model.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 1);
        HashSet<string> layers = [.. model.Parameters().Where(entry => entry.Parameter.Extents.Count > 1)
            .Select(entry => entry.Name[..entry.Name.LastIndexOf('.')])];
        Ledger ledger = model.Device.Ledger;
        ledger.Clear();
        model.Training = false;
        using Tape tape = new(model.Device, Wanted.None);
        model.Forward(tape, tape.Activation<float>(
            new Shape(1, channels, size, size), ElementType.Float32, new float[channels * size * size]));
        // Sums at the ends of blocks and biases are counted with the layer, and are kernels of their own on this device.
        LedgerEntry counted = ledger.Total(key =>
            layers.Contains(key.Layer) && !key.Kernel.StartsWith("AddKernels") && !key.Kernel.StartsWith("BiasKernels"));
        Assert.That(counted.Flops, Is.EqualTo(2 * products));
    }

    // Batch norms that start at 1 and 0 would hide what they scale.
    private static void Scatter(Module model, Random random, float bias)
    {
        float Near(float centre) => centre + (0.2f * (float)Draw(random));
        float Bias() => bias == 0 ? 0 : random.Next(2) == 0 ? -bias : bias;
        model.LoadStateDict([.. model.StateDict().Select(array => array.Shape.Length == 1 && !array.Name.Contains("running")
            ? NamedArray.FromDoubles(array.Name, [.. Enumerable.Range(0, (int)array.Shape[0]).Select(
                _ => (double)Near(array.Name.EndsWith("weight") ? 1 : Bias()))], array.Shape)
            : array)]);
    }

    private static Dictionary<string, (int[] Extents, double[] Values)> Weights(Module model) => model.Parameters().ToDictionary(
        entry => entry.Name, entry => (entry.Parameter.Extents.ToArray(), entry.Parameter.Value.ToArray<double>()));

    // The input, the first and the last layers, and some between.
    private static IEnumerable<KeyValuePair<string, double[]>> Sampled(Dictionary<string, double[]> gradients, Random random)
    {
        KeyValuePair<string, double[]>[] all = [.. gradients];
        return [all[0], .. Enumerable.Range(0, 4).Select(_ => all[random.Next(1, all.Length - 1)]), .. all[^3..]];
    }

    private static void CheckAlong(string name, double[] gradient, Random random, Func<Func<double[], double[]>, double> loss)
    {
        double[] direction = [.. gradient.Select(_ => Draw(random))];
        double analytic = gradient.Zip(direction, (g, d) => g * d).Sum();
        double Difference(double step) => (At(step) - At(-step)) / (2 * step);
        double At(double step) => loss(values => [.. values.Zip(direction, (v, d) => v + (step * d))]);

        // A kink between the two points shows at one step and not at the other; a wrong gradient shows at both.
        double scale = Math.Max(1, Math.Sqrt(gradient.Sum(g => g * g)));
        double error = new[] { 1e-6, 1e-7, 1e-8 }.Min(step => Math.Abs(Difference(step) - analytic));
        Assert.That(error, Is.LessThan(1e-5 * scale), $"{name}: {analytic}, by differences {Difference(1e-7)}");
    }

    private static double Draw(Random random) => (2 * random.NextDouble()) - 1;
}
