using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class BatchNormTests
{
    private static readonly Shape Sixteen = new(2, 16, 3, 4);

    [Test]
    public void RunningStatisticsFollowPyTorch([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tape tape = new(device, Wanted.None);
        BatchNormState state = State(tape, 1, mean: 0, variance: 1);
        Tensor x = tape.Activation<double>(new Shape(2, 1, 1, 2), ElementType.Float64, [1, 2, 3, 6]);
        double[] y = Ops.BatchNorm(tape, x, state, training: true).ToArray<double>();

        // Mean 3; squared deviations 4 + 1 + 0 + 9 = 14: biased 3.5 normalises, unbiased 14 / 3 is remembered.
        double rstd = 1 / Math.Sqrt(3.5 + 1e-5);
        Assert.That(y, Is.EqualTo(new[] { -2 * rstd, -rstd, 0, 3 * rstd }).Within(1e-14));
        Assert.That(state.RunningMean.ToArray<double>()[0], Is.EqualTo(0.3).Within(1e-15));
        Assert.That(state.RunningVariance.ToArray<double>()[0], Is.EqualTo(0.9 + (0.1 * 14 / 3)).Within(1e-15));
    }

    [Test]
    public void EvaluationUsesAndKeepsRunningStatistics([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tape tape = new(device, Wanted.None);
        BatchNormState state = State(tape, 1, mean: 2, variance: 4);
        Tensor x = tape.Activation<double>(new Shape(1, 1, 1, 3), ElementType.Float64, [0, 2, 6]);
        double[] y = Ops.BatchNormRelu(tape, x, state, training: false).ToArray<double>();
        Assert.That(y, Is.EqualTo(new[] { 0, 0, 4 / Math.Sqrt(4 + 1e-5) }).Within(1e-14));
        Assert.That(state.RunningMean.ToArray<double>(), Is.EqualTo(new[] { 2.0 }));
        Assert.That(state.RunningVariance.ToArray<double>(), Is.EqualTo(new[] { 4.0 }));
    }

    [Test]
    public void VarianceDoesNotCancelUnderALargeMean(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 3, 16)] int channels)
    {
        ComputeDevice device = TestDevices.Get(id);
        Shape shape = new(4, channels, 32, 32);
        Random random = new(3);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)(100 + (2 * random.NextDouble()) - 1))];
        using Tape tape = new(device, Wanted.None);
        BatchNormState state = State(tape, channels, 0, 0, ElementType.Float32, momentum: 1);
        Ops.BatchNorm(tape, tape.Activation<float>(shape, ElementType.Float32, values), state, training: true);
        float[] variance = state.RunningVariance.ToArray<float>();
        for (int c = 0; c < channels; c++)
        {
            double[] channel = [.. values.Where((_, i) => i / shape.Pixels % channels == c).Select(v => (double)v)];
            double mean = channel.Average();
            double expected = channel.Sum(v => (v - mean) * (v - mean)) / (channel.Length - 1);
            // 8 u: what rounding the sum of squares costs; the textbook's E[x^2] - E[x]^2 is off by 1e-4 here.
            Assert.That(variance[c], Is.EqualTo(expected).Within(4.8e-7 * expected));
        }
    }

    [Test]
    public void NaNReachesOutputAndStatistics(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool training)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tape tape = new(device, Wanted.None);
        BatchNormState state = State(tape, 16, 0, 1);
        double[] values = [.. Enumerable.Range(0, (int)Sixteen.Count).Select(i => (double)(i % 7))];
        values[5] = double.NaN;
        Tensor x = tape.Activation<double>(Sixteen, ElementType.Float64, values);
        Tensor y = Ops.BatchNormRelu(tape, x, state, training);
        Assert.That(y.ToArray<double>()[5], Is.NaN);
        if (training)
        {
            Assert.That(state.RunningMean.ToArray<double>()[0], Is.NaN);
            Assert.That(state.RunningVariance.ToArray<double>()[0], Is.NaN);
        }

        // Other channels know nothing of it.
        Assert.That(y.ToArray<double>()[Sixteen.Pixels..(2 * Sixteen.Pixels)], Has.None.NaN);
        Assert.That(state.RunningMean.ToArray<double>()[1..], Has.None.NaN);
    }

    [Test]
    public void OneValuePerChannelHasNoBatchStatistics([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Tape tape = new(TestDevices.Get(id), Wanted.None);
        Tensor x = tape.Activation<double>(new Shape(1, 2, 1, 1), ElementType.Float64, [1, 2]);
        Assert.That(() => Ops.BatchNorm(tape, x, State(tape, 2, 0, 1), training: true), Throws.ArgumentException);
        Assert.That(() => Ops.BatchNorm(tape, x, State(tape, 3, 0, 1), training: false), Throws.ArgumentException);
    }

    private static BatchNormState State(
        Workspace workspace, int channels, double mean, double variance, ElementType type = ElementType.Float64, double momentum = 0.1)
    {
        return new BatchNormState
        {
            Gamma = Vector(1),
            Beta = Vector(0),
            RunningMean = Vector(mean),
            RunningVariance = Vector(variance),
            Momentum = momentum,
        };

        Tensor Vector(double value)
        {
            Tensor vector = workspace.Plain(Shape.Vector(channels), type);
            Ops.Fill(vector, value);
            return vector;
        }
    }
}
