using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class MarginTests
{
    [Test]
    public void IsNotClampedAndTakesTheFirstOfEqualRivals([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.Input);
        Tensor z = tape.Watch(tape.Activation<double>(new Shape(2, 4), ElementType.Float64, [9, 2, 2, 1, 5, 5, 3, 4]));
        Tensor perImage = tape.Plain(new Shape(2, 1), ElementType.Float64);
        Tensor margin = Ops.Margin(tape, z, tape.Plain<int>(new Shape(2, 1), ElementType.Int32, [0, 3]), perImage);
        tape.Backward(margin);
        Assert.That(perImage.ToArray<double>(), Is.EqualTo(new double[] { -7, 1 }));
        Assert.That(margin.ToArray<double>(), Is.EqualTo(new double[] { -3 }));
        Assert.That(tape.Gradient(z).ToArray<double>(), Is.EqualTo(new[] { -0.5, 0.5, 0, 0, 0.5, 0, 0, -0.5 }));
    }

    [Test]
    public void NaNAnywhereIsNaN([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(0, 1, 2, 3)] int place)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.None);
        float[] logits = [4, 3, 2, 1];
        logits[place] = float.NaN;
        Tensor z = tape.Activation<float>(new Shape(1, 4), ElementType.Float32, logits);
        Tensor margin = Ops.Margin(tape, z, tape.Plain<int>(new Shape(1, 1), ElementType.Int32, [1]));
        Assert.That(margin.ToArray<float>()[0], Is.NaN);
    }
}
