using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Layers of the network in float32, each with the golden input and the golden upstream gradient. The whole network's float32
/// gradients are not compared: rounding flips masks of ReLUs.
/// </summary>
public sealed class LayerParityTests
{
    private const double Tolerance = 1e-5;

    private static readonly GoldenFile File = GoldenFile.Open("layers");

    private static IEnumerable<string> Layers => File.Groups();

    [Test]
    public void MatchesLibtorch(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [ValueSource(nameof(Layers))] string layer)
    {
        Deviations deviations = new();
        GoldenRun.Compare(deviations, Case(layer), File, TestDevices.Get(id), ElementType.Float32);
        deviations.RequireWithin(Tolerance);
    }

    [Test]
    public void SeesOneChangedWeight([ValueSource(nameof(Layers))] string layer)
    {
        Deviations deviations = new();
        GoldenRun.Compare(deviations, GoldenRun.ChangeWeight(Case(layer), File)!, File, TestDevices.Get("cpu"), ElementType.Float32);
        Assert.That(deviations.Largest, Is.GreaterThan(Tolerance));
    }

    /// <summary>A convolution, the linear layer, or batch norm with the ReLU that follows it.</summary>
    private static OpCase Case(string layer)
    {
        GoldenCase c = new(File, layer);
        Dictionary<string, double[]> values = GoldenNetwork.Layer(layer, File.Seed);
        Operand weight = new("weight", c.ShapeOf("dweight"), Role.Parameter, values["weight"]);
        if (layer == "linear")
        {
            Operand bias = new("bias", c.ShapeOf("dbias"), Role.Parameter, values["bias"]);
            return c.Case(s => Ops.Linear(s.Tape, s["x"], s["weight"], s["bias"]), [c.Input("x"), weight, bias]);
        }

        if (!values.ContainsKey("running_mean"))
        {
            int stride = c.ShapeOf("x").H / c.ShapeOf("y").H;
            return c.Case(s => Ops.Conv2d(s.Tape, s["x"], s["weight"], stride, weight.Shape.H / 2), [c.Input("x"), weight]);
        }

        string[] vectors = ["bias", "running_mean", "running_var"];
        Operand[] others = [.. vectors.Select(name =>
            new Operand(name, weight.Shape, name == "bias" ? Role.Parameter : Role.Plain, values[name]))];
        return c.Case(s => Ops.BatchNormRelu(s.Tape, s["x"], State(s), training: true), [c.Input("x"), weight, .. others]);
    }

    private static BatchNormState State(OpScope scope) => new()
    {
        Gamma = scope["weight"],
        Beta = scope["bias"],
        RunningMean = scope["running_mean"],
        RunningVariance = scope["running_var"],
    };
}
