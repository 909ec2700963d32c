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

    // Printed by torch.optim.lr_scheduler.OneCycleLR of PyTorch 2.6.
    [TestCase(100, 0.2, 0, 0.008000000000000007, 0.95)]
    [TestCase(100, 0.2, 1, 0.008562756113181497, 0.9497068978577179)]
    [TestCase(100, 0.2, 28, 0.19943724388681852, 0.850293102142282)]
    [TestCase(100, 0.2, 29, 0.2, 0.85)]
    [TestCase(100, 0.2, 30, 0.19989930705690487, 0.8500503466729342)]
    [TestCase(100, 0.2, 98, 0.0001014929430951576, 0.9499496533270657)]
    [TestCase(100, 0.2, 99, 8e-07, 0.95)]
    [TestCase(3910, 0.2, 1955, 0.1622593496491768, 0.8688704006570143)]
    [TestCase(7, 0.1, 1, 0.09805566273349588, 0.8520253513192751)]
    [TestCase(7, 0.1, 6, 4e-07, 0.95)]
    [TestCase(2, 0.3, 0, 0.24352369618492892, 0.8688255099070633)]
    public void OneCycleIsOneCycleLr(int steps, double maximum, int step, double rate, double momentum)
    {
        var (actualRate, actualMomentum) = new OneCycleSchedule(maximum, steps).At(step);
        Assert.That(actualRate, Is.EqualTo(rate).Within(1e-15));
        Assert.That(actualMomentum, Is.EqualTo(momentum).Within(1e-15));
    }

    // Printed by torch.optim.lr_scheduler.CosineAnnealingLR of PyTorch 2.6, whose recursion rounds anew in each step.
    [TestCase(100, 0, 0, 0.2)]
    [TestCase(100, 0, 1, 0.19995065603657317)]
    [TestCase(100, 0, 29, 0.16129070536529772)]
    [TestCase(100, 0, 50, 0.10000000000000007)]
    [TestCase(100, 0, 99, 4.9343963426840034e-05)]
    [TestCase(3910, 0.01, 50, 0.19992334836236694)]
    [TestCase(3910, 0.01, 1955, 0.10500000000000057)]
    [TestCase(3910, 0.01, 3909, 0.010000030664777428)]
    [TestCase(7, 0, 3, 0.12225209339563145)]
    public void CosineIsCosineAnnealingLr(int steps, double minimum, int step, double rate)
    {
        var (actualRate, momentum) = new CosineSchedule(0.2, 0.7, steps, minimum).At(step);
        Assert.That(actualRate, Is.EqualTo(rate).Within(2e-14));
        Assert.That(momentum, Is.EqualTo(0.7));
    }

    [Test]
    public void ARunWithoutStepsHasNoSchedule()
    {
        Assert.That(() => new OneCycleSchedule(1, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CosineSchedule(1, 0.9, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void FlatIsFlat([Values(0, 100_000)] int step) => Assert.That(new FlatSchedule(0.3, 0.7).At(step), Is.EqualTo((0.3, 0.7)));
}
