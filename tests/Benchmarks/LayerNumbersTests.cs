using System.Globalization;
using Deat.Benchmarks;
using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What another library is compared with: its names and shapes, and that they are the numbers of a replay.</summary>
public sealed class LayerNumbersTests
{
    private const int Batch = 2, Width = 8;
    private static readonly string[] Learning = ["conv1", "layer1.0.bn1", "layer1.0.conv1", "layer1.0.bn2", "layer1.0.conv2"];

    private readonly TemporaryFolder _folder = new();
    private Dictionary<string, NamedArray> _arrays = null!;
    private IReadOnlyDictionary<string, string> _metadata = null!;

    [OneTimeSetUp]
    public void WriteOnce()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        LayerNumbers.Write(_folder["numbers"], Batch, Width, [(device, Precision.Float32)]);
        _arrays = Safetensors.Read(_folder["numbers"]).ToDictionary(array => array.Name);
        _metadata = Safetensors.ReadMetadata(_folder["numbers"]);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void EveryLayerThatLearnsIsThereWithWhatItMetAndMade()
    {
        string[] parameters = [.. _arrays.Keys.Where(name => name.StartsWith("cpu/gradients/")).Select(name => name.Split('/')[2])];
        string[] layers = [.. parameters.Select(name => name[..name.LastIndexOf('.')]).Distinct()];
        Assert.That(parameters, Has.Length.EqualTo(56).And.Length.EqualTo(layers.Length + layers.Count(HasBias)));
        Assert.That(MetLayers, Is.EquivalentTo(layers));
        Assert.That(MetLayers.Take(Learning.Length), Is.EqualTo(Learning));
        foreach (string layer in layers)
        {
            Assert.That(Made(layer, "y").Shape, Is.EqualTo(Met(layer, "dy").Shape), layer);
            Assert.That(Made(layer, "dx").Shape, Is.EqualTo(Met(layer, "x").Shape), layer);
            Assert.That(Made(layer, "dw").Shape, Is.EqualTo(_arrays[$"weights/{layer}.weight"].Shape), layer);
            Assert.That(_arrays.ContainsKey($"cpu/layers/{layer}/db"), Is.EqualTo(HasBias(layer)), layer);
        }

        Assert.That(Met("linear", "x").Shape, Is.EqualTo(new long[] { Batch, 8 * Width }));
        Assert.That(Met("conv1", "x").Shape, Is.EqualTo(new long[] { Batch, 3, 32, 32 }));
        Assert.That(_metadata["width"], Is.EqualTo("8"));
        Assert.That(_metadata, Contains.Key("devices/cpu").And.ContainKey("environment/commit"));
    }

    [Test]
    public void LayersMeetWhatTheOnesBeforeThemMade()
    {
        Assert.That(Met("layer1.0.bn1", "x").ToFloats(), Is.EqualTo(Made("conv1", "y").ToFloats()));
        Assert.That(Met("layer1.0.conv1", "x").ToFloats(), Is.EqualTo(Made("layer1.0.bn1", "y").ToFloats()));
        Assert.That(Met("layer1.0.conv1", "dy").ToFloats(), Is.EqualTo(Made("layer1.0.bn2", "dx").ToFloats()).Within(1e-7));
        Assert.That(_arrays["cpu/logits"].ToFloats(), Is.EqualTo(Made("linear", "y").ToFloats()));
        Assert.That(_arrays["cpu/dz"].ToFloats(), Is.EqualTo(Made("conv1", "dx").ToFloats()).Within(1e-7));
        Assert.That(_arrays["cpu/gradients/conv1.weight"].ToFloats(), Is.EqualTo(Made("conv1", "dw").ToFloats()).Within(1e-6));
    }

    [Test]
    public void TheLinearLayerAndTheLossAreWhatTheirDefinitionsSay()
    {
        float[] x = Met("linear", "x").ToFloats(), dy = Met("linear", "dy").ToFloats();
        float[] w = Weights("linear.weight"), b = Weights("linear.bias");
        const int C = 8 * Width, K = 10;
        long[] labels = _arrays["labels"].ToInt64s();
        double loss = 0;
        for (int n = 0; n < Batch; n++)
        {
            double[] y = [.. Enumerable.Range(0, K).Select(k =>
                b[k] + Enumerable.Range(0, C).Sum(c => (double)x[(n * C) + c] * w[(k * C) + c]))];
            double sum = y.Sum(Math.Exp);
            loss += (Math.Log(sum) - y[labels[n]]) / Batch;
            Assert.That(Made("linear", "y").ToFloats()[(n * K)..((n + 1) * K)], Is.EqualTo(y).Within(1e-5));
            for (int k = 0; k < K; k++)
                Assert.That(dy[(n * K) + k], Is.EqualTo(((Math.Exp(y[k]) / sum) - (k == labels[n] ? 1 : 0)) / Batch).Within(1e-6));
        }

        Assert.That(_arrays["cpu/loss"].ToFloats(), Is.EqualTo(new[] { loss }).Within(1e-5));
    }

    [Test]
    public void TheReplayMovedPerturbationAndWeightsByTheSettings()
    {
        double epsilon = Setting("epsilon"), alpha = Setting("alpha"), decay = Setting("weight_decay");
        float[] pixels = _arrays["x"].ToFloats(), before = _arrays["delta"].ToFloats(), dz = _arrays["cpu/dz"].ToFloats();
        Assert.That(_arrays["cpu/delta"].ToFloats(), Is.EqualTo(before.Select((delta, i) =>
            Math.Clamp(Math.Clamp(delta + (alpha * Math.Sign(dz[i])), -epsilon, epsilon), -pixels[i], 1 - pixels[i]))).Within(1e-6));
        float[] g = _arrays["cpu/gradients/bn.weight"].ToFloats();
        // The step before had no gradient: its momentum is the decay.
        Assert.That(_arrays["cpu/weights/bn.weight"].ToFloats(), Is.EqualTo(Weights("bn.weight").Select((w, i) =>
            w - (Setting("lr") * ((Setting("momentum") * decay * w) + g[i] + (decay * w))))).Within(1e-6));
    }

    [Test]
    public void EveryLayerIsTimedForwardAndBackward()
    {
        using TimedLayers timed = new(Batch, Width, TestDevices.Get("cpu"));
        Dictionary<string, double> times = timed.Time();
        string[] work = [.. MetLayers.SelectMany(layer => new[] { $"{layer} forward", $"{layer} backward" })];
        Assert.That(times.Keys, Is.EquivalentTo(work.Append(StepSettings.Replay).Append(TimedLayers.Outside)));
        Assert.That(times.Values, Is.All.GreaterThan(0));
    }

    private string[] MetLayers =>
        [.. _arrays.Keys.Where(name => name.StartsWith("layers/") && name.EndsWith("/x")).Select(name => name.Split('/')[1])];

    private static bool HasBias(string layer) => !layer.Contains("conv") && !layer.Contains("shortcut");

    private double Setting(string name) => double.Parse(_metadata[name], CultureInfo.InvariantCulture);

    private float[] Weights(string name) => _arrays[$"weights/{name}"].ToFloats();

    private NamedArray Met(string layer, string what) => _arrays[$"layers/{layer}/{what}"];

    private NamedArray Made(string layer, string what) => _arrays[$"cpu/layers/{layer}/{what}"];
}
