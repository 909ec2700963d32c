using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class StateDictsTests
{
    [Test]
    public void WhatWasSavedIsLoadedToTheBit(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        using Toy source = Placed(id, type, seed: 1);
        using Toy target = Placed(id, type, seed: 2);
        source.Count.Value = 391;
        MemoryStream file = new();
        Safetensors.Write(file, source.StateDict());
        file.Position = 0;
        IReadOnlyList<NamedArray> arrays = Safetensors.Read(file);
        Assert.That(arrays.Select(array => array.Name), Is.EqualTo(new[] { "weight", "bias", "running_mean", "num_batches_tracked" }));
        Assert.That(arrays.Select(array => array.Type), Is.EqualTo(new[] { type, type, type, ElementType.Int64 }));
        Assert.That(arrays.Select(array => array.Shape.Length), Is.EqualTo(new[] { 4, 1, 1, 0 }));
        Assert.That(target.Weights.Bits(), Is.Not.EqualTo(source.Weights.Bits()));
        target.LoadStateDict(arrays);
        Assert.That(target.Weights.Bits(), Is.EqualTo(source.Weights.Bits()));
        Assert.That(target.Mean.Value.Bits(), Is.EqualTo(source.Mean.Value.Bits()));
        Assert.That(target.Count.Value, Is.EqualTo(391));
    }

    [Test]
    public void ArraysMayComeInAnyOrder()
    {
        using Toy model = Placed("cpu", ElementType.Float32, seed: 1);
        using Toy other = Placed("cpu", ElementType.Float32, seed: 2);
        model.LoadStateDict([.. other.StateDict().Reverse()]);
        Assert.That(model.Weights.ToArray<float>(), Is.EqualTo(other.Weights.ToArray<float>()));
    }

    [Test]
    public void TheElementsAreTheParameters()
    {
        using Toy model = Placed("cpu", ElementType.Float32, seed: 1);
        NamedArray weight = model.StateDict()[0];
        Assert.That(weight.Shape, Is.EqualTo(new long[] { 3, 2, 1, 5 }));
        Assert.That(weight.ToFloats(), Is.EqualTo(model.Weight.Value.ToArray<float>()));
        float[] values = [.. Enumerable.Range(0, 30).Select(i => i + 0.5f)];
        model.LoadStateDict([NamedArray.FromFloats("weight", values, 3, 2, 1, 5), .. model.StateDict().Skip(1)]);
        Assert.That(model.Weight.Value.ToArray<float>(), Is.EqualTo(values));
    }

    [TestCase("missing", "checkpoint lacks bias, which the model needs")]
    [TestCase("two missing", "checkpoint lacks bias and 1 more, which the model needs")]
    [TestCase("unknown", "checkpoint has fc.weight, which the model does not know")]
    [TestCase("twice", "checkpoint has bias twice")]
    [TestCase("shape", "checkpoint has weight [6,2,1,5], model needs [3,2,1,5] (try 6)")]
    [TestCase("rank", "checkpoint has bias [3,1], model needs [3]")]
    [TestCase("type", "checkpoint has bias as Float64, model needs Float32")]
    [TestCase("counter", "checkpoint has num_batches_tracked as Float32, model needs Int64")]
    public void WhatDoesNotFitIsRefusedAndNothingChanges(string fault, string message)
    {
        using Toy model = Placed("cpu", ElementType.Float32, seed: 1);
        using Toy other = Placed("cpu", ElementType.Float32, seed: 2);
        other.Count.Value = 5;
        float[] before = model.Weights.ToArray<float>();
        List<NamedArray> arrays = [.. other.StateDict()];
        switch (fault)
        {
            case "missing": arrays.RemoveAt(1); break;
            case "two missing": arrays.RemoveRange(1, 2); break;
            case "unknown": arrays.Add(NamedArray.FromFloats("fc.weight", [1f], 1)); break;
            case "twice": arrays.Add(arrays[1]); break;
            case "shape": arrays[0] = NamedArray.FromFloats("weight", new float[60], 6, 2, 1, 5); break;
            case "rank": arrays[1] = NamedArray.FromFloats("bias", new float[3], 3, 1); break;
            case "type": arrays[1] = NamedArray.FromDoubles("bias", new double[3], 3); break;
            default: arrays[3] = NamedArray.FromFloats("num_batches_tracked", [1f]); break;
        }

        Assert.That(() => model.LoadStateDict(arrays), Throws.TypeOf<StateFileException>().With.Message.EqualTo(message));
        Assert.That(model.Weights.ToArray<float>(), Is.EqualTo(before));
        Assert.That(model.Count.Value, Is.Zero);
    }

    private static Toy Placed(string id, ElementType type, ulong seed)
    {
        Toy toy = new();
        toy.Place(TestDevices.Get(id), type, seed);
        return toy;
    }

    private sealed class Toy : Module
    {
        public Toy()
        {
            Weight = AddParameter("weight", Init.Uniform(10), 3, 2, 1, 5);
            AddParameter("bias", Init.Uniform(10), 3);
            Mean = AddStatistic("running_mean", Init.Uniform(10), 3);
            Count = AddCounter("num_batches_tracked");
        }

        public Parameter Weight { get; }

        public Parameter Mean { get; }

        public Counter Count { get; }

        protected override Tensor Compute(Tape tape, Tensor x) => x;

        protected override string Hint(string name, IReadOnlyList<long> extents) => name == "weight" ? $"try {extents[0]}" : "";
    }
}
