using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class PreActResNet18Tests
{
    [Test]
    public void HasTheReferencesParametersAndStateEntries()
    {
        using PreActResNet18 model = new();
        Assert.That(
            model.State().Select(entry => $"{entry.Name} [{string.Join(",", entry.Entry.Extents)}]"),
            Is.EqualTo(PreActResNet18State.Entries.Split('\n')));
        Assert.That(model.State().Count(), Is.EqualTo(107));
        Assert.That(model.Parameters().Sum(entry => entry.Parameter.Shape.Count), Is.EqualTo(11_172_170));
    }

    [Test]
    public void StartsAsPyTorchDoes()
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float32, width: 8);
        foreach ((string name, StateEntry entry) in model.State())
        {
            if (entry is not Parameter parameter)
                continue;
            float[] values = parameter.Value.ToArray<float>();
            int fanIn = name == "linear.bias" ? 64 : (int)parameter.Shape.Count / parameter.Extents[0];
            if (parameter.Extents.Count > 1 || name == "linear.bias")
                Assert.That(values.Max(Math.Abs), Is.InRange(0.7 / Math.Sqrt(fanIn), 1.0000001 / Math.Sqrt(fanIn)), name);
            else
                Assert.That(values, Is.All.EqualTo(name.EndsWith("weight") || name.EndsWith("running_var") ? 1f : 0f), name);
        }
    }

    [Test]
    public void EvaluationLeavesTheStateAlone([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using PreActResNet18 model = Placed(id, ElementType.Float32, width: 4);
        Forward(model);
        IReadOnlyList<NamedArray> before = model.StateDict();
        model.Training = false;
        Forward(model);
        foreach ((NamedArray first, NamedArray second) in before.Zip(model.StateDict()))
            Assert.That(second.Data, Is.EqualTo(first.Data), first.Name);
        model.Training = true;
        Forward(model);
        foreach ((NamedArray first, NamedArray second) in before.Zip(model.StateDict()))
        {
            bool changes = first.Name.Contains("running") || first.Name.Contains("tracked");
            Assert.That(second.Data.SequenceEqual(first.Data), Is.EqualTo(!changes), first.Name);
            if (second.Type == ElementType.Int64)
                Assert.That(second.ToInt64s(), Is.EqualTo(new[] { 2L }));
        }
    }

    // Measured against the same network in float64; both differ from it by rounding and by a few units whose ReLU flips.
    [Test]
    public void AllDevicesAgreeOnLossAndGradients([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        (double loss, Dictionary<string, double[]> gradients) = Step("cpu", ElementType.Float64);
        (double actualLoss, Dictionary<string, double[]> actual) = Step(id, ElementType.Float32);
        Assert.That(actualLoss, Is.EqualTo(loss).Within(1e-5));
        foreach ((string name, double[] expected) in gradients)
        {
            double norm = Math.Sqrt(expected.Sum(g => g * g));
            double error = Math.Sqrt(expected.Zip(actual[name], (e, a) => (e - a) * (e - a)).Sum());
            Assert.That(norm, Is.GreaterThan(1e-6), name);
            Assert.That(error / norm, Is.LessThan(1e-3), name);
        }
    }

    [Test]
    public void AllMemoryComesBack([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        long before = TestDevices.Get(id).Pool.LiveBytes;
        Step(id, ElementType.Float32);
        Assert.That(TestDevices.Get(id).Pool.LiveBytes, Is.EqualTo(before));
    }

    // The first layer's input gradient is folded, in an order of its own.
    [Test]
    public void OneLaunchEachWayPacksAllWeights([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using PreActResNet18 model = Placed(id, ElementType.Float32, width: 16);
        using PreActResNet18 alone = Placed(id, ElementType.Float32, width: 16);
        foreach ((_, Parameter parameter) in alone.Parameters())
            parameter.Value.Convolutions = null;
        Ledger ledger = model.Device.Ledger;
        for (int step = 0; step < 2; step++)
        {
            ledger.Clear();
            byte[] gradients = Gradients(model);
            Assert.That(Launches("PackTogether"), Is.EqualTo(model.Device.Traits.IsCpuLike ? 0 : 2));
            if (!model.Device.Traits.IsCpuLike)
                Assert.That(Launches("Pack<"), Is.EqualTo(1));
            Assert.That(Gradients(alone), Is.EqualTo(gradients));
            foreach (PreActResNet18 each in new[] { model, alone })
                Ops.SgdStep(each.Weights, each.Gradients, each.Gradients, learningRate: 0.1, mu: 0, weightDecay: 0, first: true);
        }

        long Launches(string kernel) => ledger.Total(key => key.Kernel.StartsWith($"PackingKernels.{kernel}")).Launches;

        static byte[] Gradients(PreActResNet18 network)
        {
            using Tape tape = new(network.Device, Wanted.Both);
            tape.Backward(Loss(tape, network, images: 2));
            return network.Gradients.Bits();
        }
    }

    // Forward 1.111 GFLOP per image, with both gradients 3.329 (torch's FlopCounterMode): the stem's input gradient is not wanted.
    [Test]
    public void ConvolutionsAndLinearLayerHaveTheReferencesFlops()
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float32, width: 64);
        Ledger ledger = model.Device.Ledger;
        ledger.Clear();
        using Tape tape = new(model.Device, Wanted.Parameters);
        Tensor loss = Loss(tape, model, images: 1);
        Assert.That(ledger.Total(IsConvolution).Flops, Is.EqualTo(1_110_835_200));
        Assert.That(ledger.Total(IsConvolutionOrLinear).Flops, Is.EqualTo(1_110_845_440).Within(100));
        tape.Backward(loss);
        Assert.That(ledger.Total(IsConvolutionOrLinear).Flops, Is.EqualTo(3_328_997_376).Within(1000));
        Assert.That(ledger.Total(key => key.Layer == "conv1" && key.Direction == Direction.InputGradient).Launches, Is.Zero);
    }

    [Test]
    public void EveryLayerIsCountedUnderItsPath()
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float32, width: 4);
        Ledger ledger = model.Device.Ledger;
        ledger.Clear();
        using Tape tape = new(model.Device, Wanted.Both);
        tape.Backward(Loss(tape, model, images: 2));
        string[] layers = [.. model.Parameters().Select(entry => entry.Name[..entry.Name.LastIndexOf('.')]).Distinct()];
        Assert.That(layers, Has.Member("layer2.0.shortcut.0").And.Member("layer4.1.bn2").And.Member("linear"));
        foreach (string layer in layers)
        {
            Assert.That(Launches(Direction.Forward), Is.Positive, layer);
            Assert.That(Launches(Direction.InputGradient), Is.Positive, layer);
            // The sums that are a batch norm's weight gradients belong to its input gradient too.
            if (!layer.Contains("bn"))
                Assert.That(Launches(Direction.WeightGradient), Is.Positive, layer);

            long Launches(Direction direction) => ledger.Total(key => key.Layer == layer && key.Direction == direction).Launches;
        }
    }

    [Test]
    public void AnotherWidthIsNamed()
    {
        using PreActResNet18 wide = Placed("cpu", ElementType.Float32, width: 8);
        using PreActResNet18 narrow = Placed("cpu", ElementType.Float32, width: 4);
        Assert.That(
            () => narrow.LoadStateDict(wide.StateDict()),
            Throws.TypeOf<StateFileException>().With.Message.EqualTo(
                "checkpoint has conv1.weight [8,3,3,3], model needs [4,3,3,3] (--width 8?)"));
    }

    [Test]
    public void AnotherNumberOfClassesIsNamed()
    {
        using PreActResNet18 hundred = new(width: 4, classes: 100);
        using PreActResNet18 ten = Placed("cpu", ElementType.Float32, width: 4);
        hundred.Place(ten.Device, ElementType.Float32, seed: 1);
        Assert.That(
            () => ten.LoadStateDict(hundred.StateDict()),
            Throws.TypeOf<StateFileException>().With.Message.EqualTo(
                "checkpoint has linear.weight [100,32], model needs [10,32] (100 classes?)"));
    }

    // The sums at the end of residual blocks are counted with the convolution before them, and are kernels of their own on this device.
    private static bool IsConvolution(LedgerKey key) =>
        (key.Layer.Contains("conv") || key.Layer.Contains("shortcut"))
        && !key.Kernel.StartsWith("AddKernels") && !key.Kernel.StartsWith("SpreadKernels");

    private static bool IsConvolutionOrLinear(LedgerKey key) => IsConvolution(key) || key.Layer == "linear";

    private static PreActResNet18 Placed(string id, ElementType type, int width)
    {
        PreActResNet18 model = new(width);
        model.Place(TestDevices.Get(id), type, seed: 3);
        return model;
    }

    private static void Forward(PreActResNet18 model)
    {
        using Tape tape = new(model.Device, Wanted.None);
        model.Forward(tape, Images(tape, model.Type, count: 2));
    }

    private static (double Loss, Dictionary<string, double[]> Gradients) Step(string id, ElementType type)
    {
        using PreActResNet18 model = Placed(id, type, width: 4);
        using Tape tape = new(model.Device, Wanted.Both);
        Tensor z = tape.Watch(Images(tape, type, count: 4));
        Tensor loss = Ops.CrossEntropy(tape, model.Forward(tape, z), Labels(tape, 4));
        tape.Backward(loss);
        Dictionary<string, double[]> gradients =
            model.Parameters().ToDictionary(entry => entry.Name, entry => Values(entry.Parameter.Value.Gradient!));
        gradients["z"] = Values(tape.Gradient(z));
        return (Values(loss)[0], gradients);
    }

    private static Tensor Loss(Tape tape, PreActResNet18 model, int images) =>
        Ops.CrossEntropy(tape, model.Forward(tape, tape.Watch(Images(tape, model.Type, images))), Labels(tape, images));

    private static Tensor Labels(Tape tape, int count) =>
        tape.Plain<int>(new Shape(count, 1), ElementType.Int32, [.. Enumerable.Range(0, count)]);

    private static Tensor Images(Tape tape, ElementType type, int count)
    {
        Shape shape = new(count, 3, 32, 32);
        RandomKey key = new(11, Purpose.Data);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(i => (4 * Philox.Uniform(Philox.Word(key, i))) - 2)];
        return type == ElementType.Float64
            ? tape.Activation<double>(shape, type, Array.ConvertAll(values, value => (double)value))
            : tape.Activation<float>(shape, type, values);
    }

    private static double[] Values(Tensor tensor) => tensor.Type == ElementType.Float64
        ? tensor.ToArray<double>()
        : Array.ConvertAll(tensor.ToArray<float>(), value => (double)value);
}
