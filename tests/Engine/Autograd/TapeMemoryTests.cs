using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Gradients lie in the memory of what has been read for the last time, and never in that of what is still needed.</summary>
public sealed class TapeMemoryTests
{
    private static readonly Shape Images = new(2, 16, 6, 6);

    private static IEnumerable<string> Ids => TestDevices.Ids;

    [Test]
    public void ABlockGoesBackwardsInTheMemoryOfItsForwardPass()
    {
        (long live, long peak) = Block(recomputes: false);
        Assert.That(peak, Is.EqualTo(live));
        (long less, long again) = Block(recomputes: true);
        Assert.That(less, Is.LessThan(live));
        Assert.That(again, Is.LessThanOrEqualTo(live), "one of what was let go is there at a time");
    }

    private static (long Live, long Peak) Block(bool recomputes)
    {
        using ComputeDevice device = ComputeDevice.Open(TestDevices.Get("cpu").Listing);
        device.RecomputesActivations = recomputes;
        using PreActBlock block = new(16, 16, stride: 1);
        block.Place(device, ElementType.Float32, seed: 1);
        using Tape tape = new(device, Wanted.Both);
        Tensor x = tape.Watch(Reals(tape, Images, seed: 1));
        Tensor y = Ops.GlobalAveragePool(tape, block.Forward(tape, x));
        Tensor dy = Reals(tape, y.Shape, seed: 2);
        long live = device.Pool.Use(MemoryCategory.Activations).Live;
        tape.Backward(y, dy);
        Assert.That(tape.Gradient(x).ToArray<float>(), Has.Some.Not.Zero);
        return (live, device.Pool.Use(MemoryCategory.Activations).Peak);
    }

    // Both are somebody else's: what Backward was given, and the gradient of a watched tensor.
    [Test]
    public void GradientsThatOthersReadAreNotWrittenTo([ValueSource(nameof(Ids))] string id, [Values] bool isWatched)
    {
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        BatchNormState state = new()
        {
            Gamma = Vector(1.5f),
            Beta = Vector(0.5f),
            RunningMean = Vector(0),
            RunningVariance = Vector(1),
        };
        using Tape tape = new(workspace.Device, Wanted.Input);
        Tensor x = tape.Watch(Reals(tape, Images, seed: 3));
        Tensor normalised = Ops.BatchNorm(tape, x, state, training: true);
        Tensor y = isWatched ? Ops.Relu(tape, tape.Watch(normalised)) : normalised;
        Tensor dy = Reals(workspace, Images, seed: 4);
        float[] given = dy.ToArray<float>(), values = normalised.ToArray<float>();
        tape.Backward(y, dy);
        Assert.That(dy.ToArray<float>(), Is.EqualTo(given));
        if (isWatched)
            Assert.That(tape.Gradient(normalised).ToArray<float>(), Is.EqualTo(given.Zip(values, (d, v) => v > 0 ? d : 0).ToArray()));
        Assert.That(tape.Gradient(x).ToArray<float>(), Is.Not.EqualTo(given));

        Tensor Vector(float value) =>
            workspace.Plain<float>(Shape.Vector(Images.C), ElementType.Float32, [.. Enumerable.Repeat(value, Images.C)]);
    }

    /// <summary>A shortcut's gradient alone, added to one that is nobody else's, and to one that another tensor has too.</summary>
    [Test]
    public void AShortcutsGradientIsAdded([ValueSource(nameof(Ids))] string id, [Values] bool isShared)
    {
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        Tensor w = Reals(workspace, new Shape(16, 16, 1, 1), seed: 5, plain: true);
        float[] shortcut = Gradients((tape, x, _) => Shortcut(tape, x), readsZ: false)[0];
        float[][] other = Gradients(Other, isShared);
        float[][] both = Gradients((tape, x, z) =>
        {
            Tensor first = Shortcut(tape, x);
            return Ops.Add(tape, first, Other(tape, x, z));
        }, isShared);
        Assert.That(shortcut.Where((_, i) => i % 6 % 2 == 1 || i / 6 % 6 % 2 == 1), Is.All.Zero);
        Assert.That(shortcut, Has.Some.Not.Zero);
        Assert.That(both[0], Is.EqualTo(other[0].Zip(shortcut, (a, b) => a + b).ToArray()));
        Assert.That(both[1..], Is.EqualTo(other[1..]));

        Tensor Shortcut(Tape tape, Tensor x) => Ops.GlobalAveragePool(tape, Ops.Conv2d(tape, x, w, stride: 2, padding: 0));

        Tensor Other(Tape tape, Tensor x, Tensor z) =>
            Ops.GlobalAveragePool(tape, isShared ? Ops.Add(tape, x, z) : Ops.Relu(tape, x));

        float[][] Gradients(Func<Tape, Tensor, Tensor, Tensor> graph, bool readsZ)
        {
            using Tape tape = new(workspace.Device, Wanted.Input);
            Tensor x = tape.Watch(Reals(tape, Images, seed: 6)), z = tape.Watch(Reals(tape, Images, seed: 7));
            Tensor y = graph(tape, x, z);
            tape.Backward(y, Reals(tape, y.Shape, seed: 8));
            Tensor[] inputs = readsZ ? [x, z] : [x];
            return [.. inputs.Select(input => tape.Gradient(input).ToArray<float>())];
        }
    }

    private static Tensor Reals(Workspace workspace, Shape shape, int seed, bool plain = false)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)];
        return plain
            ? workspace.Plain<float>(shape, ElementType.Float32, values)
            : workspace.Activation<float>(shape, ElementType.Float32, values);
    }
}
