using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SchedulesTests
{
    // 50 epochs of 391 minibatches: 0.05 in epochs 0-24, 0.005 in 25-39, 0.0005 in 40-49.
    [TestCase(0, 0.05)]
    [TestCase(25 * 391 - 1, 0.05)]
    [TestCase(25 * 391, 0.005000000000000001)]
    [TestCase(40 * 391 - 1, 0.005000000000000001)]
    [TestCase(40 * 391, 0.0005000000000000001)]
    [TestCase(50 * 391 - 1, 0.0005000000000000001)]
    public void MultiStepDropsWhereTheAuthorsLogsDo(int step, double expected) =>
        Assert.That(MultiStepSchedule.Standard(0.05, 0.9, 50 * 391).At(step), Is.EqualTo((expected, 0.9)));

    [Test]
    public void MultiStepIsTheRecursionOfMultiStepLr()
    {
        var rate = 0.1;
        var schedule = new MultiStepSchedule(0.1, 0.9, 7, 3, 3);
        for (var step = 0; step < 10; step++)
        {
            // get_lr: the last rate times gamma to the number of milestones at this very step.
            rate *= Math.Pow(0.1, step == 3 ? 2 : step == 7 ? 1 : 0);
            Assert.That(schedule.At(step).LearningRate, Is.EqualTo(rate).Within(2).Ulps);
        }
    }

    [Test]
    public void AMilestoneBetweenTwoStepsTakesEffectAtTheLater()
    {
        var schedule = MultiStepSchedule.Standard(1, 0.9, 5 * 391);
        Assert.That(schedule.At(977).LearningRate, Is.EqualTo(1));
        Assert.That(schedule.At(978).LearningRate, Is.EqualTo(0.1));
    }

    // Values printed by the formula of torch.optim.lr_scheduler.CyclicLR in Python.
    [TestCase(3910, 0.2, 0, 0.0, 0.9)]
    [TestCase(3910, 0.2, 1, 0.00010230179028134501, 0.8999488491048594)]
    [TestCase(3910, 0.2, 100, 0.010230179028132991, 0.8948849104859335)]
    [TestCase(3910, 0.2, 1955, 0.2, 0.8)]
    [TestCase(3910, 0.2, 2000, 0.1953964194373402, 0.80230179028133)]
    [TestCase(3910, 0.2, 3909, 0.00010230179028134501, 0.8999488491048594)]
    [TestCase(3910, 0.2, 3910, 0.0, 0.9)]
    [TestCase(5, 0.1, 2, 0.07999999999999999, 0.8200000000000001)]
    [TestCase(5, 0.1, 3, 0.07999999999999999, 0.8200000000000001)]
    public void CyclicIsCyclicLr(int steps, double maximum, int step, double rate, double momentum)
    {
        var (actualRate, actualMomentum) = new CyclicSchedule(maximum, steps).At(step);
        Assert.That(actualRate, Is.EqualTo(rate));
        Assert.That(actualMomentum, Is.EqualTo(momentum));
    }

    [Test]
    public void CyclicStartsAtItsMinimum()
    {
        var schedule = new CyclicSchedule(maximum: 0.2, steps: 10, minimum: 0.1);
        Assert.That(schedule.At(0).LearningRate, Is.EqualTo(0.1));
        Assert.That(schedule.At(5).LearningRate, Is.EqualTo(0.2));
        Assert.That(() => new CyclicSchedule(1, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void FlatIsFlat([Values(0, 100_000)] int step) => Assert.That(new FlatSchedule(0.3, 0.7).At(step), Is.EqualTo((0.3, 0.7)));
}
