using Deat.Engine;
using Deat.Nn;
using Deat.Twins;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>PreAct-ResNet-18 of width 8 on one golden batch against libtorch.</summary>
public sealed class NetworkParityTests
{
    private const double Tolerance = 1e-11;

    // 1e-4 would do for a right network, but one changed weight of a late layer moves the logits by less than that.
    private const double SingleTolerance = 1e-5;

    private static readonly GoldenFile File = GoldenFile.Open("network");

    [Test]
    public void MatchesLibtorchInTrainingAndEvaluation([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assume.That(device.Traits.HasFloat64);
        Deviations deviations = new();
        using PreActResNet18 model = GoldenNetwork.Place(device, ElementType.Float64, File.Seed);
        Compare(deviations, "train", model, Wanted.Both);
        foreach (string name in File.Names.Where(name => name.StartsWith("train/gradient/", StringComparison.Ordinal)))
            deviations.Add(name, Parameter(model, name).Gradient!.ToArray<double>(), File[name]);
        foreach (string name in File.Names.Where(name => name.StartsWith("train/state/", StringComparison.Ordinal)))
            deviations.Add(name, Parameter(model, name).ToArray<double>(), File[name]);

        model.Training = false;
        Compare(deviations, "eval", model, Wanted.Input);
        deviations.RequireWithin(Tolerance);
    }

    [Test]
    public void FirstStepMatchesLibtorchInFloat32([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        Deviations deviations = new();
        using PreActResNet18 model = GoldenNetwork.Place(TestDevices.Get(id), ElementType.Float32, File.Seed);
        Compare(deviations, "train", model, Wanted.None);
        deviations.RequireWithin(SingleTolerance);
    }

    [TestCase("conv1.weight")]
    [TestCase("layer2.0.shortcut.0.weight")]
    [TestCase("layer4.1.conv2.weight")]
    [TestCase("bn.bias")]
    [TestCase("linear.weight")]
    public void SeesOneChangedWeight(string entry)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        foreach ((ElementType type, double tolerance) in new[] { (ElementType.Float64, Tolerance), (ElementType.Float32, SingleTolerance) })
        {
            Deviations deviations = new();
            using PreActResNet18 model = GoldenNetwork.Place(device, type, File.Seed, GoldenRun.Change, entry);
            Compare(deviations, "train", model, Wanted.None);
            Assert.That(deviations.Largest, Is.GreaterThan(tolerance), $"{type}");
        }
    }

    /// <summary>Logits, loss and, where wanted, the gradient with respect to the network's input.</summary>
    private static void Compare(Deviations deviations, string mode, PreActResNet18 model, Wanted wanted)
    {
        using Workspace workspace = new(model.Device, MemoryCategory.Data);
        using Tape tape = new(model.Device, wanted);
        Tensor x = workspace.Activation(GoldenNetwork.BatchShape, model.Type);
        Tensor delta = workspace.Activation(x.Shape, x.Type);
        Tensor z = tape.Watch(workspace.Activation(x.Shape, x.Type));
        OpExecution.Write(x, GoldenWeights.Images(File.Seed, 0));
        Ops.InitializeDelta(delta, x, DeltaInit.Zero, tau: 0, clampPixels: false, default);
        Ops.AdversarialInput(z, x, delta, GoldenNetwork.Normalization);
        Tensor labels = workspace.Plain<int>(new Shape(x.Shape.N, 1), ElementType.Int32, GoldenWeights.Labels(File.Seed, 0));
        Tensor logits = model.Forward(tape, z);
        Tensor loss = Ops.CrossEntropy(tape, logits, labels);
        deviations.Add($"{mode}/logits", OpExecution.Read(logits), File[$"{mode}/logits"]);
        deviations.Add($"{mode}/loss", OpExecution.Read(loss), File[$"{mode}/loss"]);
        if (!wanted.HasFlag(Wanted.Input))
            return;
        tape.Backward(loss);
        double[] golden = File[$"{mode}/dz"];
        deviations.Add($"{mode}/dz", OpExecution.Read(tape.Gradient(z))[..golden.Length], golden);
    }

    private static Tensor Parameter(PreActResNet18 model, string name) =>
        model.State().Single(entry => entry.Name == name[(name.LastIndexOf('/') + 1)..]).Entry is Parameter parameter
            ? parameter.Value
            : throw new ArgumentException(name);
}
