using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class WeightAverageTests
{
    [Test]
    public void MovesAreThoseOfTheFormula(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] ElementType type)
    {
        Assume.That(type is ElementType.Float32 or ElementType.Float64);
        using PreActResNet18 model = Placed(id, type);
        using WeightAverage average = new(model);
        double[] expected = model.Weights.ToDoubles();
        double[] statistics = model.Statistics.ToDoubles();
        foreach ((int step, double share) in new[] { 0.25, 1.0 / 3, 1, 0.001 }.Index())
        {
            Change(model, step);
            average.Move(share);
            expected = Moved(expected, model.Weights.ToDoubles(), share);
            statistics = Moved(statistics, model.Statistics.ToDoubles(), share);
        }

        double tolerance = type == ElementType.Float32 ? 1e-6 : 1e-14;
        Assert.That(average.Updates, Is.EqualTo(4));
        double[] own = model.Weights.ToDoubles();
        using (average.InModel())
        {
            Assert.That(model.Weights.ToDoubles(), Is.EqualTo(expected).Within(tolerance));
            Assert.That(model.Statistics.ToDoubles(), Is.EqualTo(statistics).Within(tolerance));
        }

        Assert.That(model.Weights.ToDoubles(), Is.EqualTo(own), "the model is back, bit for bit");
    }

    [Test]
    public void WhatTheModelLearnsInThePlaceOfItsAverageStaysWithTheAverage()
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float64);
        using WeightAverage average = new(model);
        IReadOnlyList<NamedArray> before = model.StateDict();
        using (average.InModel())
        {
            Ops.Fill(model.Statistics, 7);
            using Tape tape = new(model.Device, Wanted.None);
            model.Forward(tape, tape.Activation<double>(new Shape(2, 3, 16, 16), ElementType.Float64, new double[1536]));
        }

        Assert.That(Bytes(model.StateDict()), Is.EqualTo(Bytes(before)), "counters, too");
        using (average.InModel())
            Assert.That(model.Statistics.ToDoubles(), Has.Some.Not.EqualTo(0).And.Not.EqualTo(1));
    }

    [Test]
    public void AnAverageGoesOnFromItsState()
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float32);
        using WeightAverage whole = new(model);
        Change(model, 1);
        whole.Move(0.5);
        using WeightAverage resumed = new(model);
        resumed.LoadStateDict(whole.StateDict());
        Assert.That(resumed.Updates, Is.EqualTo(1));
        Assert.That(Bytes(resumed.StateDict()), Is.EqualTo(Bytes(whole.StateDict())));
        Assert.That(
            () => resumed.LoadStateDict([.. whole.StateDict().Skip(1)]),
            Throws.TypeOf<StateFileException>().With.Message.Contains("average.conv1.weight"));
    }

    [Test]
    public void StatisticsBecomeTheMeanOverBatchesWhereEachHasItsShare([Values(1, 2, 5)] int batches)
    {
        using PreActResNet18 model = Placed("cpu", ElementType.Float64);
        double[] sum = new double[model.Statistics.Shape.Count];
        Shape shape = new(3, 3, 16, 16);
        double[][] images = [.. Enumerable.Range(0, batches).Select(i => TestImages.Pixels(shape, i, isSingle: false))];
        foreach (double[] batch in images)
        {
            // With all weight on the last batch they are its own.
            Forward(model, shape, batch, share: 1);
            sum = [.. sum.Zip(model.Statistics.ToDoubles(), (a, b) => a + b)];
        }

        for (int i = 0; i < batches; i++)
            Forward(model, shape, images[i], share: 1.0 / (i + 1));
        Assert.That(model.Statistics.ToDoubles(), Is.EqualTo(sum.Select(s => s / batches)).Within(1e-13));
    }

    private static void Forward(PreActResNet18 model, Shape shape, double[] images, double share)
    {
        model.BatchShare = share;
        using Tape tape = new(model.Device, Wanted.None);
        model.Forward(tape, tape.Activation<double>(shape, ElementType.Float64, images));
    }

    private static PreActResNet18 Placed(string id, ElementType type)
    {
        PreActResNet18 model = new(width: 2);
        model.Place(TestDevices.Get(id), type, seed: 3);
        return model;
    }

    private static void Change(PreActResNet18 model, int seed)
    {
        foreach (Tensor flat in new[] { model.Weights, model.Statistics })
        {
            double[] values = TestImages.Uniform(flat.Shape, seed, 1, isSingle: true);
            if (model.Type == ElementType.Float64)
                flat.CopyFrom<double>(values);
            else
                flat.CopyFrom<float>([.. values.Select(v => (float)v)]);
        }
    }

    private static double[] Moved(double[] average, double[] model, double share) =>
        [.. average.Zip(model, (a, w) => a + (share * (w - a)))];

    private static byte[] Bytes(IReadOnlyList<NamedArray> arrays) => [.. arrays.SelectMany(array => array.Data)];
}
