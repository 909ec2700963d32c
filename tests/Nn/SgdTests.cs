using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SgdTests
{
    private static readonly (double LearningRate, double Momentum)[] Schedule = [(0.1, 0.9), (0.2, 0.85), (0.05, 0.8)];

    [Test]
    public void StepsAsTorchOptimSgd([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Linear model = Placed(id, ElementType.Float64);
        using Sgd optimizer = new(model, weightDecay: 5e-4);
        double[] weights = model.Weights.ToArray<double>();
        double[] momentum = new double[weights.Length];
        foreach ((int step, (double rate, double mu)) in Schedule.Index())
        {
            double[] gradients = Gradients(model, step);
            optimizer.Step(rate, mu);
            for (int i = 0; i < weights.Length; i++)
            {
                double d = gradients[i] + (5e-4 * weights[i]);
                momentum[i] = step == 0 ? d : (mu * momentum[i]) + d;
                weights[i] -= rate * momentum[i];
            }

            Assert.That(model.Weights.ToArray<double>(), Is.EqualTo(weights).Within(1e-14));
        }

        Assert.That(optimizer.Steps, Is.EqualTo(3));
    }

    [Test]
    public void WhatLiesBetweenParametersStaysZero([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Linear model = Placed(id, ElementType.Float64);
        using Sgd optimizer = new(model, weightDecay: 5e-4);
        Gradients(model, 0);
        optimizer.Step(0.1, 0.9);
        double[] weights = model.Weights.ToArray<double>();
        Assert.That(weights[15], Is.Zero);
        Assert.That(weights[^13..], Is.All.Zero);
        Assert.That(weights.Count(value => value != 0), Is.EqualTo(18));
    }

    [Test]
    public void AResumedRunGoesOnWithTheSameBits(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(ElementType.Float32, ElementType.Float64)] ElementType type,
        [Values(0, 1, 2)] int cut)
    {
        using Linear whole = Placed(id, type);
        using Sgd uncut = new(whole, weightDecay: 5e-4);
        Run(whole, uncut, 0, 3);

        using Linear first = Placed(id, type);
        using Sgd before = new(first, weightDecay: 5e-4);
        Run(first, before, 0, cut);
        using Linear second = new(5, 3);
        second.Place(first.Device, type, seed: 99);
        using Sgd after = new(second, weightDecay: 5e-4);
        second.LoadStateDict(first.StateDict());
        after.LoadStateDict(before.StateDict());
        Run(second, after, cut, 3);
        Assert.That(second.Weights.Bits(), Is.EqualTo(whole.Weights.Bits()));
        Assert.That(after.Steps, Is.EqualTo(3));
    }

    [Test]
    public void StateIsNamedAfterTheParametersAndStrict()
    {
        using Linear model = Placed("cpu", ElementType.Float32);
        using Sgd optimizer = new(model, weightDecay: 0);
        Run(model, optimizer, 0, 1);
        IReadOnlyList<NamedArray> state = optimizer.StateDict();
        Assert.That(
            state.Select(array => array.Name), Is.EqualTo(new[] { "optimizer.weight", "optimizer.bias", "optimizer.steps" }));
        Assert.That(state[0].Shape, Is.EqualTo(new long[] { 3, 5 }));
        Assert.That(state[2].ToInt64s(), Is.EqualTo(new[] { 1L }));
        Assert.That(
            () => optimizer.LoadStateDict([.. state.Take(2)]),
            Throws.TypeOf<StateFileException>().With.Message.EqualTo("checkpoint lacks optimizer.steps, which the model needs"));
    }

    [Test]
    public void AStepIsOneLaunchOfTheOptimizersPhase([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        long before = device.Pool.LiveBytes;
        using (PreActResNet18 model = new(width: 1))
        {
            model.Place(device, ElementType.Float32, seed: 1);
            using Sgd optimizer = new(model, weightDecay: 0);
            Assert.That(device.Pool.Use(MemoryCategory.Optimizer).Live, Is.GreaterThanOrEqualTo(4L * model.Weights.Layout.Length));
            device.Ledger.Clear();
            using (device.Ledger.In(Phase.Update, iteration: 2))
                optimizer.Step(0.1, 0.9);
            LedgerKey key = device.Ledger.Entries.Keys.Single();
            Assert.That((key.Phase, key.Iteration), Is.EqualTo((Phase.Optimizer, 2)));
            Assert.That(device.Ledger.Total().Launches, Is.EqualTo(1));
        }

        Assert.That(device.Pool.LiveBytes, Is.EqualTo(before));
    }

    private static Linear Placed(string id, ElementType type)
    {
        Linear model = new(5, 3);
        model.Place(TestDevices.Get(id), type, seed: 1);
        return model;
    }

    private static void Run(Linear model, Sgd optimizer, int start, int end)
    {
        for (int step = start; step < end; step++)
        {
            Gradients(model, step);
            optimizer.Step(Schedule[step].LearningRate, Schedule[step].Momentum);
        }
    }

    // Gradients of one step, zero where no parameter lies.
    private static double[] Gradients(Linear model, int step)
    {
        double[] all = new double[model.Gradients.Layout.Length];
        for (int i = 0; i < 18; i++)
            all[i < 15 ? i : i + 1] = Math.Sin((7 * i) + step);
        if (model.Type == ElementType.Float64)
            model.Gradients.CopyFrom<double>(all);
        else
            model.Gradients.CopyFrom<float>(Array.ConvertAll(all, value => (float)value));
        return all;
    }
}
