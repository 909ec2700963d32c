using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CrossEntropyTests
{
    [Test]
    public void LargeLogitsDoNotOverflow(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(0, 1)] int label)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.Input);
        Tensor z = tape.Watch(tape.Activation<float>(new Shape(1, 3), ElementType.Float32, [1000, -1000, 990]));
        Tensor loss = Ops.CrossEntropy(tape, z, tape.Plain<int>(new Shape(1, 1), ElementType.Int32, [label]));
        tape.Backward(loss);
        double rest = Math.Exp(-10) / (1 + Math.Exp(-10));
        double expected = (label == 0 ? 0 : 2000) + Math.Log(1 + Math.Exp(-10));
        double[] gradient = label == 0 ? [-rest, 0, rest] : [1 - rest, -1, rest];
        Assert.That(loss.ToArray<float>()[0], Is.EqualTo(expected).Within(1e-4));
        Assert.That(tape.Gradient(z).ToArray<float>(), Is.EqualTo(gradient).Within(1e-7));
    }

    [Test]
    public void NaNOfOneImageReachesTheLossAndItsOwnGradientAlone(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(0, 1, 2)] int place)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.Input);
        double[] logits = [1, 2, 3, 4, 5, 6];
        logits[place] = double.NaN;
        Tensor z = tape.Watch(tape.Activation<double>(new Shape(2, 3), ElementType.Float64, logits));
        Tensor perImage = tape.Plain(new Shape(2, 1), ElementType.Float64);
        Tensor loss = Ops.CrossEntropy(tape, z, tape.Plain<int>(new Shape(2, 1), ElementType.Int32, [1, 1]), perImage);
        tape.Backward(loss);
        double[] gradient = tape.Gradient(z).ToArray<double>();
        Assert.That(loss.ToArray<double>()[0], Is.NaN);
        Assert.That(perImage.ToArray<double>()[0], Is.NaN);
        Assert.That(perImage.ToArray<double>()[1], Is.EqualTo(1 + Math.Log(1 + Math.Exp(-1) + Math.Exp(-2))).Within(1e-14));
        Assert.That(gradient[..3], Has.All.NaN);
        Assert.That(gradient[3..], Has.None.NaN);
    }

    // The batch norm is the only op between a NaN activation and the logits that could lose it: ReLU and the mask of its gradient.
    [Test]
    public void NaNComesBackThroughBatchNormRelu(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool training)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.Input);
        double[] values = [.. Enumerable.Range(0, 48).Select(i => Math.Sin(i))];
        values[20] = double.NaN;
        Tensor x = tape.Watch(tape.Activation<double>(new Shape(3, 16), ElementType.Float64, values));
        Tensor y = Ops.BatchNormRelu(tape, x, Unit(tape), training);
        tape.Backward(Ops.CrossEntropy(tape, y, tape.Plain<int>(new Shape(3, 1), ElementType.Int32, [0, 1, 2])));
        double[] dx = tape.Gradient(x).ToArray<double>();
        Assert.That(dx[20], Is.NaN);
        if (!training)
            Assert.That(dx[..16], Has.None.NaN, "images do not meet in evaluation");
    }

    private static BatchNormState Unit(Workspace workspace)
    {
        return new BatchNormState { Gamma = Vector(1), Beta = Vector(0.1), RunningMean = Vector(0), RunningVariance = Vector(1) };

        Tensor Vector(double value)
        {
            Tensor vector = workspace.Plain(Shape.Vector(16), ElementType.Float64);
            Ops.Fill(vector, value);
            return vector;
        }
    }
}
