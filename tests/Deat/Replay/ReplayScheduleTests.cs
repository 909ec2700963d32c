using System.Text.Json;
using CsCheck;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ReplayScheduleTests
{
    private const double Epsilon = 8.0 / 255;

    private static MagnitudeReplays Standard => new() { Gamma = 1.01, Maximum = 8, StepSize = 10.0 / 255, Epsilon = Epsilon };

    [Test]
    public void TheAuthorsMagnitudesGiveTheAuthorsSchedule()
    {
        var counts = States(Standard, AuthorsLogs.PreActResNet18.Magnitude).Select(s => s.Count).ToArray();
        var expected = new[] { (0, 1), (1, 2), (3, 3), (8, 4), (27, 5), (29, 6), (42, 7), (44, 8) };
        Assert.That(Increases(counts), Is.EqualTo(expected));
    }

    [Test]
    public void TheAuthorsMagnitudesGiveTheAuthorsSeconds()
    {
        foreach (var (perReplay, seconds, magnitude) in new[]
            { AuthorsLogs.PreActResNet18, AuthorsLogs.WideResNet, AuthorsLogs.CatastrophicOverfitting })
        {
            var counts = States(Standard, magnitude).Select(s => s.Count);
            Assert.That(counts, Is.EqualTo(seconds.Select(s => (int)Math.Round(s / perReplay))));
        }
    }

    [Test]
    public void InfiniteGammaStaysAtTwo()
    {
        var counts = States(Standard with { Gamma = double.PositiveInfinity }, Magnitudes(20)).Select(s => s.Count);
        Assert.That(counts, Is.EqualTo(Enumerable.Repeat(2, 19).Prepend(1)));
    }

    [Test]
    public void ZeroGammaRisesInEveryEpoch()
    {
        var counts = States(Standard with { Gamma = 0, Maximum = 5 }, Magnitudes(8)).Select(s => s.Count);
        Assert.That(counts, Is.EqualTo(new[] { 1, 2, 2, 3, 4, 5, 5, 5 }));
    }

    [Test]
    public void TheMaximumHoldsFromTheStart()
    {
        var counts = States(Standard with { Gamma = 0, Maximum = 1 }, Magnitudes(5)).Select(s => s.Count);
        Assert.That(counts, Is.All.EqualTo(1));
    }

    [Test]
    public void AMagnitudeAtTheThresholdDoesNotRaise()
    {
        var at = States(Standard with { Gamma = 1 }, [9, 100, 100, 1]);
        var above = States(Standard with { Gamma = 1 }, [9, 100, Math.BitIncrement(100.0), 1]);
        Assert.That(at[3].Count, Is.EqualTo(2));
        Assert.That(above[3].Count, Is.EqualTo(3));
    }

    [Test]
    public void TheCountNeverFallsAndTheThresholdMovesOnlyWithIt() =>
        Gen.Select(Gen.Double[1, 1000].Array[3, 60], Gen.Double[0.5, 1.5], Gen.Int[2, 10]).Sample((magnitudes, gamma, maximum) =>
        {
            var states = States(Standard with { Gamma = gamma, Maximum = maximum }, magnitudes);
            for (var e = 1; e < states.Length; e++)
            {
                var (before, after) = (states[e - 1], states[e]);
                Assert.That(after.Epoch, Is.EqualTo(e));
                Assert.That(after.Count - before.Count, Is.InRange(0, 1));
                Assert.That(after.Count, Is.LessThanOrEqualTo(maximum));
                if (e == 2 || e > 2 && after.Count != before.Count)
                    Assert.That(after.Threshold, Is.EqualTo(gamma * magnitudes[e - 1]));
                else
                    Assert.That(after.Threshold, Is.EqualTo(before.Threshold));
            }
        }, iter: 500);

    [Test]
    public void TheStepSizeReachesTheSurfaceButIsNeverBelowAlpha()
    {
        var small = States(Standard with { Gamma = 0, StepSize = 2.0 / 255 }, Magnitudes(8));
        Assert.That(small.Select(s => s.StepSize * 255), Is.EqualTo(new[] { 2, 4, 4, 8 / 3.0, 2, 2, 2, 2 }).Within(1e-12));
        var table1 = States(Standard with { Gamma = 0, StepSize = 2.0 / 255, Reach = SurfaceRule.None }, Magnitudes(8));
        Assert.That(table1.Select(s => s.StepSize), Is.All.EqualTo(2.0 / 255));
        Assert.That(States(Standard with { Gamma = 0 }, Magnitudes(8)).Select(s => s.StepSize), Is.All.EqualTo(10.0 / 255));
    }

    [Test]
    public void StepsReachTheSurfaceInTable1()
    {
        // As in the authors' log of M+PGD: 1 step from epoch 1, 2 from 3, 3 from 4, 4 from 5. The magnitudes fall and ask for none.
        var schedule = Standard with { Least = 0, Maximum = 7, StepSize = 2.0 / 255, Reach = SurfaceRule.MoreSteps };
        double[] falling = [9, 8, 7, 6, 5, 4, 3, 2, 1, 1];
        var states = States(schedule, falling);
        Assert.That(states.Select(s => s.Count), Is.EqualTo(new[] { 0, 1, 1, 2, 3, 4, 4, 4, 4, 4 }));
        Assert.That(states.Select(s => s.StepSize), Is.All.EqualTo(2.0 / 255));
        Assert.That(states[5].Threshold, Is.EqualTo(1.01 * 5), "each increase moves it");
        Assert.That(States(schedule with { Maximum = 2 }, falling).Select(s => s.Count),
            Is.EqualTo(new[] { 0, 1, 1, 2, 3, 4, 4, 4, 4, 4 }), "also beyond the maximum");
        Assert.That(States(schedule with { StepSize = 10.0 / 255 }, falling).Select(s => s.Count),
            Is.EqualTo(new[] { 0, 1, 1, 1, 1, 1, 1, 1, 1, 1 }));
    }

    [Test]
    public void StepsFromNoneGrowTowardsTheSurface()
    {
        var states = States(Standard with { Least = 0, Gamma = 0, StepSize = 2.0 / 255, Maximum = 7 }, Magnitudes(9));
        Assert.That(states.Select(s => s.Count), Is.EqualTo(new[] { 0, 1, 1, 2, 3, 4, 5, 6, 7 }));
        Assert.That(states.Select(s => s.StepSize * 255), Is.EqualTo(new[] { 2, 8, 8, 4, 8 / 3.0, 2, 2, 2, 2 }).Within(1e-12));
    }

    [Test]
    public void RampedIsAmata()
    {
        // The authors' Amata-2-10: 50 epochs, a step size of 20/255 over the number of steps.
        var schedule = new RampedReplays { Minimum = 2, Maximum = 10, Epochs = 50, StepSize = 2.0 / 255 };
        var states = States(schedule, Magnitudes(50));
        var expected = new[] { (0, 2), (7, 3), (13, 4), (19, 5), (25, 6), (32, 7), (38, 8), (44, 9) };
        Assert.That(Increases([.. states.Select(s => s.Count)]), Is.EqualTo(expected));
        Assert.That(states.Select(s => s.StepSize * s.Count * 255), Is.All.EqualTo(20).Within(1e-12));
    }

    [Test]
    public void DelayedIsDeatD()
    {
        // FAST training: d = 3, 12 epochs, at most 5.
        var schedule = new DelayedReplays { Delay = 3, Maximum = 5, StepSize = 10.0 / 255 };
        Assert.That(States(schedule, Magnitudes(16)).Select(s => s.Count),
            Is.EqualTo(new[] { 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5 }));
    }

    [Test]
    public void AccuracyIsDeatP()
    {
        var schedule = new AccuracyReplays { Accuracy = 0.40, Maximum = 4, StepSize = 10.0 / 255 };
        var accuracies = new[] { 0.39, 0.40, 0.41, 0.2, 0.5, 0.5, 0.5 };
        var state = schedule.First;
        var counts = accuracies.Select(a => (state = schedule.Next(state, new EpochOutcome(0, a))).Count);
        Assert.That(counts, Is.EqualTo(new[] { 1, 1, 2, 2, 3, 4, 4 }));
    }

    [Test]
    public void CurriculumBeginsWithCleanImages()
    {
        TrainOptions options = TinyRuns.Options("--method cat --target-accuracy 0.4 --max-replays 2");
        var schedule = options.Replays();
        var state = schedule.First;
        var counts = new[] { 0.3, 0.5, 0.5, 0.9 }.Select(a => (state = schedule.Next(state, new EpochOutcome(0, a))).Count);
        Assert.That(schedule.First.Count, Is.EqualTo(0));
        Assert.That(counts, Is.EqualTo(new[] { 0, 1, 2, 2 }));
        Assert.That(TinyRuns.Options("--method free --schedule curriculum").Replays().First.Count, Is.EqualTo(1), "a replay is an update");
    }

    [TestCase(0, 0.5)]
    [TestCase(50, 0.25)]
    [TestCase(100, 0)]
    [TestCase(119, 0)]
    public void TheLimitOfTheStationaryConditionFallsAsPublished(int epoch, double limit) =>
        Assert.That(InnerLoops.StationarityLimit(0.5, epoch, epochs: 120), Is.EqualTo(limit).Within(1e-15));

    [Test]
    public void FixedIsFixed() =>
        Assert.That(States(new FixedReplays { Count = 7, StepSize = 0.1 }, Magnitudes(5)).Select(s => (s.Count, s.StepSize)),
            Is.All.EqualTo((7, 0.1)));

    [Test]
    public void AScheduleGoesOnFromJson([Values(1.01, 0, double.PositiveInfinity)] double gamma)
    {
        var schedule = Standard with { Gamma = gamma };
        var magnitudes = AuthorsLogs.PreActResNet18.Magnitude;
        var state = schedule.First;
        foreach (var (magnitude, expected) in magnitudes.Zip(States(schedule, magnitudes)))
        {
            Assert.That(state, Is.EqualTo(expected));
            state = JsonSerializer.Deserialize<ReplayState>(JsonSerializer.Serialize(state))!;
            state = schedule.Next(state, new EpochOutcome(magnitude, 0));
        }
    }

    [Test]
    public void ADecisionOnTheLastDigitsWarns()
    {
        var state = new ReplayState(7, 2, 0.1, Threshold: 1000);
        Assert.That(state.Ratio(1010), Is.EqualTo(1.01));
        Assert.That(state.Warning(1000.009), Does.Contain("epoch 7").And.Contain("threshold 1000"));
        Assert.That(state.Warning(999.991), Is.Not.Null);
        Assert.That(state.Warning(1000.011), Is.Null);
        Assert.That((state with { Threshold = null }).Warning(1000), Is.Null);
    }

    private static ReplayState[] States(IReplaySchedule schedule, double[] magnitudes)
    {
        var states = new ReplayState[magnitudes.Length];
        for (var e = 0; e < states.Length; e++)
            states[e] = e == 0 ? schedule.First : schedule.Next(states[e - 1], new EpochOutcome(magnitudes[e - 1], 0.99));
        return states;
    }

    private static double[] Magnitudes(int epochs) => [.. AuthorsLogs.PreActResNet18.Magnitude.Take(epochs)];

    private static IEnumerable<(int Epoch, int Count)> Increases(int[] counts) =>
        counts.Select((count, epoch) => (epoch, count)).Where(e => e.epoch == 0 || counts[e.epoch - 1] != e.count);
}
