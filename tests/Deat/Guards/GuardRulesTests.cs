using System.Text.Json;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Synthetic sequences of looks: what alarms, and when.</summary>
public sealed class GuardRulesTests
{
    private const int Images = 128;

    [Test]
    public void ARunThatGetsBetterNeverAlarms()
    {
        IEnumerable<GuardCheck> looks = Enumerable.Range(0, 40).Select(i => Look(20 + i, loss: 2.3 - (0.02 * i), magnitude: 5 + (0.2 * i)));
        Assert.That(Alarms([.. looks]), Is.Empty);
    }

    [Test]
    public void FallingRobustnessWithFallingLossIsACollapseOnce()
    {
        GuardCheck[] looks = [.. Enumerable.Range(0, 12).Select(i => Look(i < 8 ? 40 : 2, loss: 2 - (0.1 * i), magnitude: 5))];
        Assert.That(Alarms(looks), Is.EqualTo(Enumerable.Range(8, 4).Select(i => (i, Alarm.Collapse))));
    }

    [Test]
    public void ALossThatRisesAsRobustnessFallsIsNoCollapse()
    {
        GuardCheck[] looks = [.. Enumerable.Range(0, 12).Select(i => Look(i < 8 ? 40 : 2, loss: 2 + (0.1 * i), magnitude: 5))];
        Assert.That(Alarms(looks), Is.Empty);
    }

    // 40 of 128 are 31 % (24-40); 22 are 17 % (12-25), which chance may explain, 15 are 12 % (7-18).
    [TestCase(22, false)]
    [TestCase(15, true)]
    public void OnlyAFallBeyondChanceIsACollapse(int robust, bool alarms)
    {
        GuardCheck[] looks = [Look(40, loss: 2, magnitude: 5), Look(robust, loss: 1.9, magnitude: 5)];
        Assert.That(Alarms(looks).Select(alarm => alarm.What), Is.EqualTo(alarms ? new[] { Alarm.Collapse } : []));
    }

    [TestCase(9.9, false)]
    [TestCase(10.1, true)]
    public void AMagnitudeFarAboveThatOfTheLastEpochIsAJump(double magnitude, bool alarms)
    {
        GuardCheck[] looks = [.. Enumerable.Repeat(Look(40, loss: 2, magnitude: 5), 4), Look(40, loss: 2, magnitude)];
        Assert.That(Alarms(looks), Is.EqualTo(alarms ? new[] { (4, Alarm.Jump) } : []));
    }

    [Test]
    public void AnotherNumberOfIterationsBeginsAnew()
    {
        GuardCheck higher = Look(40, loss: 2, magnitude: 50) with { Replays = 2 };
        GuardCheck[] looks = [.. Enumerable.Repeat(Look(40, loss: 2, magnitude: 5), 6), higher];
        Assert.That(Alarms(looks), Is.Empty);
        Assert.That(
            Alarms([.. looks, .. Enumerable.Repeat(higher, 3), higher with { Magnitude = 101 }]), Is.EqualTo(new[] { (10, Alarm.Jump) }));
    }

    [Test]
    public void AMethodWithoutMagnitudesNeverJumps() =>
        Assert.That(Alarms([.. Enumerable.Repeat(Look(40, loss: 2, magnitude: 5) with { Magnitude = null }, 9)]), Is.Empty);

    [TestCase(0.09, 0.09)]
    [TestCase(0.11, 0, Alarm.ZeroGradients)]
    [TestCase(0, 0.11, Alarm.Saturation)]
    [TestCase(0.5, 0.5, Alarm.ZeroGradients, Alarm.Saturation)]
    public void ImagesWithoutGradientOrLossAlarm(double zero, double saturated, params Alarm[] expected)
    {
        GuardCheck look = Look(40, loss: 2, magnitude: 5) with { ZeroGradients = zero, Saturated = saturated };
        Assert.That(Alarms([look]).Select(alarm => alarm.What), Is.EqualTo(expected));
    }

    [Test]
    public void WhatIsRememberedGoesOnFromJson()
    {
        GuardState uncut = new(), cut = new();
        for (int i = 0; i < 12; i++)
        {
            GuardCheck look = Look(i < 8 ? 40 : 2, loss: 2 - (0.1 * i), magnitude: i == 9 ? 50 : 5);
            (uncut, GuardCheck expected) = GuardRules.Judge(uncut, look);
            cut = JsonSerializer.Deserialize<GuardState>(JsonSerializer.Serialize(cut, RunJson.Compact), RunJson.Compact)!;
            (cut, GuardCheck seen) = GuardRules.Judge(cut, look);
            Assert.That(seen.Alarms, Is.EqualTo(expected.Alarms));
            Assert.That(cut.Best!.Robust, Is.EqualTo(uncut.Best!.Robust));
        }

        Assert.That(cut.Checks, Is.EqualTo(12));
    }

    [TestCase(GuardAction.Say, GuardAction.Stop, GuardAction.Stop, Alarm.Jump)]
    [TestCase(GuardAction.Stop, GuardAction.Say, GuardAction.Say, Alarm.Jump)]
    [TestCase(GuardAction.Say, GuardAction.Stop, GuardAction.Say, Alarm.Collapse)]
    [TestCase(GuardAction.Say, GuardAction.Rollback, GuardAction.Rollback, Alarm.ZeroGradients, Alarm.Jump)]
    [TestCase(GuardAction.Stop, GuardAction.Rollback, GuardAction.Stop, Alarm.Collapse, Alarm.Jump)]
    [TestCase(GuardAction.Rollback, GuardAction.Say, GuardAction.Rollback, Alarm.Saturation, Alarm.Jump)]
    public void JumpsHaveAnActionOfTheirOwn(GuardAction onCollapse, GuardAction onJump, GuardAction expected, params Alarm[] alarms)
    {
        GuardOptions options = new(onCollapse, onJump, Attack.Clean(default));
        Assert.That(options.On(alarms), Is.EqualTo(expected));
        Assert.That(options.GoesBack, Is.EqualTo(onCollapse == GuardAction.Rollback || onJump == GuardAction.Rollback));
    }

    private static List<(int Look, Alarm What)> Alarms(GuardCheck[] looks)
    {
        GuardState state = new();
        List<(int, Alarm)> alarms = [];
        foreach ((int i, GuardCheck look) in looks.Index())
        {
            (state, GuardCheck seen) = GuardRules.Judge(state, look);
            alarms.AddRange(seen.Alarms.Select(alarm => (i, alarm)));
        }

        return alarms;
    }

    private static GuardCheck Look(int robust, double loss, double magnitude) => new()
    {
        Epoch = 0,
        Batch = 1,
        Replays = 1,
        Robust = new Proportion(robust, Images),
        Loss = loss,
        Accuracy = 0.5,
        Magnitude = magnitude,
    };
}
