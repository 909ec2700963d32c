using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ModuleTests
{
    [Test]
    public void StateIsInPyTorchsOrder()
    {
        using Tree tree = new();
        Assert.That(
            tree.State().Select(entry => entry.Name),
            Is.EqualTo(new[]
            {
                "scale", "seen", "a.0.weight", "a.0.bias", "a.0.mean", "a.0.count", "b.weight", "b.bias", "b.mean", "b.count",
            }));
        Assert.That(
            tree.Parameters().Select(entry => entry.Name), Is.EqualTo(new[] { "scale", "a.0.weight", "a.0.bias", "b.weight", "b.bias" }));
    }

    [Test]
    public void TrainingReachesAllChildren()
    {
        using Tree tree = new();
        Assert.That(tree.B.Training, Is.True);
        tree.Training = false;
        Assert.That(tree.Training || tree.A.Training || tree.B.Training, Is.False);
    }

    [Test]
    public void EachParameterIsAnAlignedSliceOfTheFlatTensors([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Tree tree = new();
        tree.Place(TestDevices.Get(id), ElementType.Float32, seed: 1);
        float[] places = [.. Enumerable.Range(0, tree.Weights.Layout.Length).Select(i => (float)i)];
        tree.Weights.CopyFrom<float>(places);
        tree.Gradients.CopyFrom<float>([.. places.Select(place => -place)]);
        int end = 0;
        foreach (Parameter parameter in tree.Parameters().Select(entry => entry.Parameter))
        {
            float[] weights = parameter.Value.ToArray<float>();
            Assert.That(weights[0], Is.EqualTo((end + 15) / 16 * 16));
            Assert.That(weights, Is.EqualTo(places.Skip((int)weights[0]).Take(weights.Length)));
            Assert.That(parameter.Value.Gradient!.ToArray<float>(), Is.EqualTo(weights.Select(place => -place)));
            end = (int)weights[^1] + 1;
        }

        Assert.That(tree.Weights.Shape, Is.EqualTo(Shape.Vector((end + 15) / 16 * 16)));
    }

    [Test]
    public void WhatLiesBetweenParametersIsZero([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Tree tree = new();
        tree.Place(TestDevices.Get(id), ElementType.Float32, seed: 1);
        float[] weights = tree.Weights.ToArray<float>();
        Assert.That(tree.Gradients.ToArray<float>(), Is.All.EqualTo(0f));
        Assert.That(weights.Count(value => value != 0), Is.EqualTo(tree.Parameters().Sum(entry => entry.Parameter.Shape.Count)));
    }

    [Test]
    public void InitialValuesAreTheSameOnAllDevicesAndForBothTypes()
    {
        float[]? expected = null;
        foreach (string id in TestDevices.Ids)
        {
            using Tree single = new();
            using Tree twofold = new();
            single.Place(TestDevices.Get(id), ElementType.Float32, seed: 5);
            twofold.Place(TestDevices.Get(id), ElementType.Float64, seed: 5);
            float[] weights = single.Weights.ToArray<float>();
            expected ??= weights;
            Assert.That(weights, Is.EqualTo(expected));
            Assert.That(twofold.Weights.ToArray<double>(), Is.EqualTo(expected.Select(value => (double)value)));
        }
    }

    [Test]
    public void SeedAndPositionDecideTheInitialValues()
    {
        using Tree tree = new();
        using Tree other = new();
        tree.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 5);
        other.Place(TestDevices.Get("cpu"), ElementType.Float32, seed: 6);
        float[] first = tree.A.Weight.Value.ToArray<float>();
        Assert.That(first, Is.Not.EqualTo(tree.B.Weight.Value.ToArray<float>()));
        Assert.That(first, Is.Not.EqualTo(other.A.Weight.Value.ToArray<float>()));
        Assert.That(first[0], Is.EqualTo(Expected(seed: 5, index: 1)));
    }

    [Test]
    public void AModelIsPlacedOnceAsAWhole()
    {
        using Tree tree = new();
        Assert.That(() => tree.Weights, Throws.InvalidOperationException);
        Assert.That(() => tree.A.Weight.Value, Throws.InvalidOperationException);
        Assert.That(() => tree.Place(TestDevices.Get("cpu"), ElementType.Int32, 1), Throws.ArgumentException);
        tree.Place(TestDevices.Get("cpu"), ElementType.Float32, 1);
        long live = TestDevices.Get("cpu").Pool.LiveBytes;
        Assert.That(() => tree.Place(TestDevices.Get("cpu"), ElementType.Float32, 1), Throws.InvalidOperationException);
        Assert.That(() => tree.B.Place(TestDevices.Get("cpu"), ElementType.Float32, 1), Throws.InvalidOperationException);
        Assert.That(TestDevices.Get("cpu").Pool.LiveBytes, Is.EqualTo(live));
    }

    [Test]
    public void MemoryIsCountedByUseAndComesBack([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        BufferPool pool = TestDevices.Get(id).Pool;
        (long all, long parameters, long gradients) =
            (pool.LiveBytes, pool.Use(MemoryCategory.Parameters).Live, pool.Use(MemoryCategory.Gradients).Live);
        using (Tree tree = new())
        {
            tree.Place(TestDevices.Get(id), ElementType.Float32, seed: 1);
            int weightBytes = 4 * tree.Weights.Layout.Length;
            Assert.That(pool.Use(MemoryCategory.Gradients).Live - gradients, Is.EqualTo(weightBytes));
            Assert.That(pool.Use(MemoryCategory.Parameters).Live - parameters, Is.EqualTo(weightBytes + (4 * 2 * 16)));
        }

        Assert.That(pool.LiveBytes, Is.EqualTo(all));
    }

    [Test]
    public void LaunchesAreCountedUnderThePathOfTheModule()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tree tree = new();
        using Tape tape = new(device, Wanted.None);
        Tensor x = tape.Plain<float>(Shape.Vector(16), ElementType.Float32, new float[16]);
        device.Ledger.Clear();
        tree.Forward(tape, x);
        Assert.That(device.Ledger.Entries.Keys.Select(key => key.Layer), Is.EquivalentTo(new[] { "", "a.0", "b" }));
        Assert.That(device.Ledger.Layer, Is.Empty);
    }

    [Test]
    public void ParametersHaveOneTwoOrFourExtents()
    {
        Assert.That(() => new Leaf(2, 3, 3), Throws.ArgumentException);
        Assert.That(() => new Leaf(0), Throws.ArgumentException);
    }

    private static float Expected(ulong seed, int index) =>
        ((2 * Philox.Uniform(Philox.Word(new RandomKey(seed, Purpose.Weights, index), 0))) - 1) * (float)(1 / Math.Sqrt(6));

    // No layer of the library: what is tested here is the tree alone.
    private sealed class Leaf : Module
    {
        public Leaf(params int[] extents)
        {
            Weight = AddParameter("weight", Init.Uniform(6), extents);
            AddParameter("bias", Init.Uniform(6), extents[0]);
            AddStatistic("mean", Init.Constant(0), extents[0]);
            AddCounter("count");
        }

        public Parameter Weight { get; }

        protected override Tensor Compute(Tape tape, Tensor x) => Ops.Add(tape, x, x);
    }

    private sealed class Tree : Module
    {
        public Tree()
        {
            A = Add("a.0", new Leaf(5, 2, 3, 3));
            B = Add("b", new Leaf(7, 6));
            AddParameter("scale", Init.Constant(2), 1);
            AddCounter("seen");
        }

        public Leaf A { get; }

        public Leaf B { get; }

        protected override Tensor Compute(Tape tape, Tensor x) =>
            Ops.Add(tape, A.Forward(tape, x), B.Forward(tape, x));
    }
}
