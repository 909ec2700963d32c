using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AddTests
{
    [Test]
    public void SumsEveryElement(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(1, 5, 16, 48)] int channels,
        [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        ComputeDevice device = TestDevices.Get(id);
        long before = device.Pool.LiveBytes;
        using (Tape tape = new(device, Wanted.Input))
        {
            Shape shape = new(3, channels, 5, 7);
            double[] a = [.. Enumerable.Range(0, (int)shape.Count).Select(i => (double)i)];
            double[] b = [.. a.Select(v => 1000 - (3 * v))];
            Tensor x = tape.Watch(Make(tape, shape, type, a));
            Tensor y = Ops.Add(tape, x, Make(tape, shape, type, b));
            double[] sum = type == ElementType.Float32 ? [.. y.ToArray<float>().Select(v => (double)v)] : y.ToArray<double>();
            Assert.That(sum, Is.EqualTo(a.Zip(b, (p, q) => p + q).ToArray()));
        }

        Assert.That(device.Pool.LiveBytes, Is.EqualTo(before));
    }

    private static Tensor Make(Workspace workspace, Shape shape, ElementType type, double[] values) => type == ElementType.Float32
        ? workspace.Activation<float>(shape, type, [.. values.Select(v => (float)v)])
        : workspace.Activation<double>(shape, type, values);
}
