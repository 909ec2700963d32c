using Deat.Engine;
using NUnit.Framework;
using NUnit.Framework.Constraints;

namespace Deat.Tests;

public sealed class TapeTests
{
    private const float Untouched = -12345;

    private static readonly Shape Images = new(2, 3, 4, 4);

    /// <summary>Graphs that use a tensor more than once, and their gradient in units of the upstream gradient.</summary>
    private static readonly (string Name, Func<Tape, Tensor, Tensor> Graph, Func<float, float> Factor)[] Reuses =
    [
        ("x + x", (tape, x) => Ops.Add(tape, x, x), _ => 2),
        ("(x + x) + x", (tape, x) => Ops.Add(tape, Ops.Add(tape, x, x), x), _ => 3),
        ("s + s, s = x + x", (tape, x) => Twice(tape, Ops.Add(tape, x, x)), _ => 4),
        ("x + relu(x)", (tape, x) => Ops.Add(tape, x, Ops.Relu(tape, x)), x => x > 0 ? 2 : 1),
        ("relu(x) + x", (tape, x) => Ops.Add(tape, Ops.Relu(tape, x), x), x => x > 0 ? 2 : 1),
        ("relu(x) + relu(x)", (tape, x) => Ops.Add(tape, Ops.Relu(tape, x), Ops.Relu(tape, x)), x => x > 0 ? 2 : 0),
        ("a + relu(a), a = relu(x)", (tape, x) => Residual(tape, Ops.Relu(tape, x)), x => x > 0 ? 2 : 0),
        ("b + relu(b), b = a + relu(a), a = relu(x)", (tape, x) => Residual(tape, Residual(tape, Ops.Relu(tape, x))), x => x > 0 ? 4 : 0),
    ];

    [Test]
    public void OnlyWantedGradientsAreComputed(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] Wanted wanted)
    {
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        Network network = new(workspace);
        Ledger ledger = workspace.Device.Ledger;
        using Tape tape = new(workspace.Device, wanted);
        Tensor x = tape.Watch(Reals(workspace, Images, seed: 1));
        ledger.Clear();
        Tensor loss = network.Loss(tape, x);
        Assert.That(tape.Needs(loss), Is.EqualTo(wanted != Wanted.None));
        tape.Backward(loss);

        bool input = wanted.HasFlag(Wanted.Input), parameters = wanted.HasFlag(Wanted.Parameters);
        Assert.Multiple(() =>
        {
            Assert.That(Launches("conv1", Direction.InputGradient) > 0, Is.EqualTo(input));
            Assert.That(Launches("conv1", Direction.WeightGradient) > 0, Is.EqualTo(parameters));
            Assert.That(Launches("conv2", Direction.InputGradient) > 0, Is.EqualTo(input || parameters));
            Assert.That(Launches("conv2", Direction.WeightGradient) > 0, Is.EqualTo(parameters));
            Assert.That(network.First.Gradient!.ToArray<float>().All(g => g == Untouched), Is.EqualTo(!parameters));
            Assert.That(network.Second.Gradient!.ToArray<float>().All(g => g == Untouched), Is.EqualTo(!parameters));
            Assert.That(() => tape.Gradient(x), input ? (IResolveConstraint)Throws.Nothing : Throws.InvalidOperationException);
        });
        if (wanted == Wanted.None)
            Assert.That(ledger.Total(key => key.Direction != Direction.Forward).Launches, Is.Zero);

        long Launches(string layer, Direction direction) =>
            ledger.Total(key => key.Layer == layer && key.Direction == direction).Launches;
    }

    [Test]
    public void GradientsOfATensorUsedAgainAreAdded([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        foreach ((string name, Func<Tape, Tensor, Tensor> graph, Func<float, float> factor) in Reuses)
        {
            using Tape tape = new(TestDevices.Get(id), Wanted.Input);
            Tensor x = tape.Watch(Integers(tape, Images, seed: 2));
            Tensor y = graph(tape, x);
            float[] dy = Integers(Images, seed: 3);
            tape.Backward(Loss(tape, y, dy));
            Assert.That(
                tape.Gradient(x).ToArray<float>(), Is.EqualTo(x.ToArray<float>().Zip(dy, (v, d) => factor(v) * d).ToArray()), name);
        }
    }

    // Add hands the same gradient to both inputs: it must outlive the one whose node runs first.
    [Test]
    public void AGradientPassedOnUnchangedStaysForAllThatHoldIt([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.Input);
        Tensor a = tape.Watch(Integers(tape, Images, seed: 4));
        Tensor b = tape.Watch(Integers(tape, Images, seed: 5));
        Tensor y = Ops.Add(tape, Ops.Relu(tape, a), b);
        float[] dy = Integers(Images, seed: 6);
        tape.Backward(Loss(tape, y, dy));
        tape.Activation(Images, ElementType.Float32);
        Assert.That(tape.Gradient(b).ToArray<float>(), Is.EqualTo(dy));
        Assert.That(
            tape.Gradient(a).ToArray<float>(), Is.EqualTo(a.ToArray<float>().Zip(dy, (v, d) => v > 0 ? d : 0).ToArray()));
    }

    [Test]
    public void GradientsOfAParameterUsedTwiceAreAdded([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        Tensor w = Parameter(workspace, Integers(new Shape(5, 3, 3, 3), seed: 7), new Shape(5, 3, 3, 3));
        float[] dy = Integers(new Shape(2, 5, 4, 4), seed: 8);
        float[] first = Gradient(9), second = Gradient(10);
        Assert.That(Gradient(9, 10), Is.EqualTo(first.Zip(second, (p, q) => p + q).ToArray()));
        Assert.That(Gradient(9, 9, 9), Is.EqualTo(first.Select(g => 3 * g).ToArray()));

        float[] Gradient(params int[] seeds)
        {
            using Tape tape = new(workspace.Device, Wanted.Parameters);
            Tensor sum = seeds.Select(seed => Ops.Conv2d(tape, Integers(tape, Images, seed), w, 1, 1))
                .Aggregate((p, q) => Ops.Add(tape, p, q));
            tape.Backward(Loss(tape, sum, dy));
            return w.Gradient!.ToArray<float>();
        }
    }

    // Six on one tape: on GPU-like devices four and two, of different shapes.
    [Test]
    public void WeightGradientsThatAreSummedTogetherHaveTheBitsOfThoseSummedAlone(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        (int Channels, int Window, int Stride)[] kinds = [(16, 3, 1), (32, 3, 1), (3, 1, 1), (48, 3, 2), (16, 3, 2), (64, 1, 2)];
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        Tensor[] weights = [.. kinds.Select((kind, i) =>
        {
            Shape shape = new(32, kind.Channels, kind.Window, kind.Window);
            return Parameter(workspace, Reals(shape, seed: 30 + i), shape);
        })];
        float[] dy = Reals(new Shape(3, 32, 6, 6), seed: 22);
        byte[][] alone = [.. Enumerable.Range(0, kinds.Length).Select(i => Gradients([i])[0])];
        Ledger ledger = workspace.Device.Ledger;
        ledger.Clear();
        Assert.That(Gradients([.. Enumerable.Range(0, kinds.Length)]), Is.EqualTo(alone));
        Assert.That(
            ledger.Total(key => key.Kernel.StartsWith("PackingKernels.SumSplits")).Launches,
            Is.EqualTo(workspace.Device.Traits.IsCpuLike ? 6 : 2));

        byte[][] Gradients(int[] which)
        {
            using Tape tape = new(workspace.Device, Wanted.Parameters);
            Tensor sum = which.Select(i =>
            {
                (int channels, int window, int stride) = kinds[i];
                Tensor x = Reals(tape, new Shape(3, channels, 6 * stride, 6 * stride), seed: 40 + i);
                return Ops.Conv2d(tape, x, weights[i], stride, window / 2, ConvolutionAlgorithm.Tiled);
            }).Aggregate((p, q) => Ops.Add(tape, p, q));
            tape.Backward(Loss(tape, sum, dy));
            return [.. which.Select(i => weights[i].Gradient!.Bits())];
        }
    }

    [Test]
    public void EveryTapeGivesTheSameBitsAndOverwritesTheParametersGradients(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Workspace workspace = new(TestDevices.Get(id), MemoryCategory.Parameters);
        Network network = new(workspace);
        byte[] first = Step();
        Assert.That(Step(), Is.EqualTo(first));

        byte[] Step()
        {
            using Tape tape = new(workspace.Device, Wanted.Both);
            Tensor x = tape.Watch(Reals(tape, Images, seed: 11));
            Tensor loss = network.Loss(tape, x);
            tape.Backward(loss);
            Assert.That(tape.Gradient(x).ToArray<float>(), Has.Some.Not.Zero);
            return [.. loss.Bits(), .. tape.Gradient(x).Bits(), .. network.First.Gradient!.Bits(), .. network.Second.Gradient!.Bits()];
        }
    }

    [Test]
    public void AllMemoryComesBack([Values] Wanted wanted)
    {
        using Workspace workspace = new(TestDevices.Get("cpu"), MemoryCategory.Parameters);
        Network network = new(workspace);
        BufferPool pool = workspace.Device.Pool;
        long live = pool.LiveBytes, activations = pool.Use(MemoryCategory.Activations).Live;
        using (Tape tape = new(workspace.Device, wanted))
        {
            Tensor loss = network.Loss(tape, tape.Watch(Reals(tape, Images, seed: 12)));
            tape.Backward(loss);
            Assert.That(pool.Use(MemoryCategory.Activations).Live - activations, Is.EqualTo(pool.LiveBytes - live).And.Positive);
        }

        Assert.That(pool.LiveBytes, Is.EqualTo(live));
    }

    [Test]
    public void GradientsThatDoNotExistAreRefused()
    {
        using Tape tape = new(TestDevices.Get("cpu"), Wanted.Input);
        Tensor watched = tape.Watch(Integers(tape, Images, seed: 13));
        Tensor apart = tape.Watch(Integers(tape, Images, seed: 14));
        Tensor unwatched = Integers(tape, Images, seed: 15);
        Tensor y = Ops.Add(tape, watched, unwatched);
        Assert.That(() => tape.Gradient(watched), Throws.InvalidOperationException, "before Backward");
        Assert.That(() => tape.Backward(y), Throws.ArgumentException, "no scalar");
        tape.Backward(Loss(tape, y, Integers(Images, seed: 16)));
        Assert.That(() => tape.Gradient(watched), Throws.Nothing);
        Assert.That(() => tape.Gradient(unwatched), Throws.InvalidOperationException);
        Assert.That(() => tape.Gradient(apart), Throws.InvalidOperationException, "not part of the loss");
    }

    [Test]
    public void WhatRanBackwardsIsGivenBack()
    {
        using Tape tape = new(TestDevices.Get("cpu"), Wanted.Input);
        Tensor x = tape.Watch(tape.Activation(Images, ElementType.Float32));
        Tensor sum = Ops.Add(tape, Ops.Relu(tape, x), x);
        Tensor output = Ops.Relu(tape, sum);
        tape.Backward(output, tape.Activation(Images, ElementType.Float32));
        Assert.That(() => sum.ToArray<float>(), Throws.InstanceOf<InvalidOperationException>());
        Assert.That(output.ToArray<float>(), Has.Length.EqualTo((int)Images.Count));
    }

    [Test]
    public void NothingIsUsedAfterDispose()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Tape tape = new(device, Wanted.Input);
        Tensor x = tape.Watch(Integers(tape, Images, seed: 17));
        tape.Backward(Loss(tape, Ops.Relu(tape, x), Integers(Images, seed: 18)));
        tape.Dispose();
        Assert.That(() => x.ToArray<float>(), Throws.InvalidOperationException);
        using Workspace next = new(device, MemoryCategory.Activations);
        Tensor reusing = Enumerable.Range(0, 8).Select(_ => Integers(next, Images, seed: 19))
            .First(tensor => tensor.Buffer.Memory == x.Buffer.Memory);
        Assert.That(() => x.ToArray<float>(), Throws.InvalidOperationException, "while another tensor has the memory");
        Assert.That(() => tape.Gradient(x), Throws.InvalidOperationException);
        Assert.That(() => tape.Activation(Images, ElementType.Float32), Throws.TypeOf<ObjectDisposedException>());
        long live = device.Pool.LiveBytes;
        tape.Dispose();
        Assert.That(device.Pool.LiveBytes, Is.EqualTo(live));
        Assert.That(reusing.ToArray<float>(), Is.EqualTo(Integers(Images, seed: 19)));
    }

    private static Tensor Twice(Tape tape, Tensor s) => Ops.Add(tape, s, s);

    private static Tensor Residual(Tape tape, Tensor a) => Ops.Add(tape, a, Ops.Relu(tape, a));

    // A loss whose gradient with respect to y is dy: its value is never looked at.
    private static Tensor Loss(Tape tape, Tensor y, float[] dy) =>
        tape.Record(tape.Plain<float>(new Shape(1, 1), y.Type, [0]), [y], _ =>
        {
            Tensor gradient = tape.Allocate(y.Layout, y.Type);
            gradient.CopyFrom<float>(dy);
            tape.Accumulate(y, gradient);
        });

    private static float[] Integers(Shape shape, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)random.Next(-8, 9))];
    }

    private static Tensor Integers(Workspace workspace, Shape shape, int seed) =>
        workspace.Activation<float>(shape, ElementType.Float32, Integers(shape, seed));

    private static Tensor Reals(Workspace workspace, Shape shape, int seed) =>
        workspace.Activation<float>(shape, ElementType.Float32, Reals(shape, seed));

    private static float[] Reals(Shape shape, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)];
    }

    private static Tensor Parameter(Workspace workspace, float[] values, Shape shape)
    {
        float[] untouched = [.. Enumerable.Repeat(Untouched, values.Length)];
        return workspace.Plain<float>(shape, ElementType.Float32, values)
            .WithGradient(workspace.Plain<float>(shape, ElementType.Float32, untouched));
    }

    private sealed class Network(Workspace workspace)
    {
        private static readonly Shape FirstShape = new(16, 3, 3, 3), SecondShape = new(5, 16, 1, 1);

        public Tensor First { get; } = Parameter(workspace, Reals(FirstShape, seed: 20), FirstShape);

        public Tensor Second { get; } = Parameter(workspace, Reals(SecondShape, seed: 21), SecondShape);

        public Tensor Loss(Tape tape, Tensor x)
        {
            Ledger ledger = tape.Device.Ledger;
            Tensor y;
            using (ledger.Enter("conv1"))
                y = Ops.Conv2d(tape, x, First, 1, 1);
            y = Ops.Relu(tape, y);
            using (ledger.Enter("conv2"))
                y = Ops.Conv2d(tape, y, Second, 2, 0);
            Tensor labels = tape.Plain<int>(new Shape(Images.N, 1), ElementType.Int32, [1, 4]);
            return Ops.CrossEntropy(tape, Ops.GlobalAveragePool(tape, y), labels);
        }
    }
}
