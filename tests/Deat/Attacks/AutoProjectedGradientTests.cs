using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>APGD against an independent one: every point, loss, halved step and return to the best point of every image.</summary>
public sealed class AutoProjectedGradientTests : WholeRuns
{
    private const int Steps = 100, Count = 24, BatchSize = 8;
    private const double Tolerance = 1e-9;

    [Test]
    public void CheckpointsAreThoseOfThePublishedRule()
    {
        Assert.That(
            AutoProjectedGradient.Checkpoints(100).Select(point => point.After), Is.EqualTo(new[] { 22, 41, 57, 70, 80, 87, 93, 99 }));
        Assert.That(
            AutoProjectedGradient.Checkpoints(100).Select(point => point.Window), Is.EqualTo(new[] { 22, 19, 16, 13, 10, 7, 6, 6 }));
        Assert.That(AutoProjectedGradient.Checkpoints(5).Select(point => point.After), Is.EqualTo(new[] { 1, 2, 3, 4, 5 }));
    }

    [TestCase("apgd-ce", Norm.Linf, "3/255")]
    [TestCase("apgd-ce", Norm.L2, "20/255")]
    [TestCase("apgd-dlr", Norm.Linf, "3/255")]
    [TestCase("apgd-dlr", Norm.L2, "20/255")]
    [TestCase("apgd-t", Norm.Linf, "3/255")]
    [TestCase("apgd-t", Norm.L2, "20/255")]
    public void EveryEventIsThatOfTheReference(string name, Norm norm, string radius)
    {
        using TwoLayersTask task = new(Count);
        Attack attack = Attack.Parse($"{name}-{Steps}", Deat.Training.Pixels.Parse(radius, "--epsilon"), default, norm: norm);
        Dictionary<(int Round, int Image, int Step), (double[] Point, double Loss)> seen = [];
        HashSet<int> fooled = [];
        EvaluationResult result = task.Run(attack, BatchSize, (batch, step) => Note(batch, step, task.Pixels, seen));
        (int halvedForRises, int halvedForNothing) = (0, 0);
        foreach (AttackRound round in attack.Rounds(TwoLayers.Classes))
        {
            foreach (int i in task.ClassifiedCorrectly.Except(fooled).ToArray())
            {
                int? target = round.Rank == 0 ? null : TwoLayersTask.Ranked(task.Host.Logits(task.Pixels[i]), round.Rank);
                double epsilon = attack.Epsilon.Value;
                ApgdReference reference = new(
                    task.Host.Logits, task.Host.Gradient, task.Images.Labels[i], target, name != "apgd-ce", norm, epsilon, Steps);
                ApgdEvent[] events = [.. reference.Run(task.Pixels[i], task.Start(i, round.Index, norm, epsilon))];
                for (int step = -1; step < events.Length - 1; step++)
                    Compare(seen[(round.Index, i, step)], events[step + 1], $"round {round.Index}, image {i}, step {step}");
                halvedForRises += events.Count(e => e.FewRises);
                halvedForNothing += events.Count(e => e is { Stuck: true, FewRises: false });
                if (events[^1].IsFooled)
                    fooled.Add(i);
            }
        }

        int robust = result.Correct.Count(correct => correct);
        Assert.That(
            Enumerable.Range(0, Count).Where(i => result.Correct[i]), Is.EquivalentTo(task.ClassifiedCorrectly.Except(fooled)));
        Assert.That(robust, Is.InRange(3, Count - 6), "not one-sided");
        Assert.That(fooled, Is.Not.Empty);
        Assert.That(halvedForRises, Is.GreaterThan(10));
        TestContext.Out.WriteLine($"{halvedForRises} halved for few rises, {halvedForNothing} for no better loss, {robust} robust");
    }

    private static void Note(
        AttackBatch batch, int step, double[][] pixels, Dictionary<(int Round, int Image, int Step), (double[] Point, double Loss)> seen)
    {
        int[] numbers = batch.Numbers.ToArray<int>();
        double[][] deltas = [.. batch.Images.Delta.ToDoubles().Chunk(pixels[0].Length)];
        double[] losses = batch.Images.Losses.ToDoubles();
        for (int place = 0; place < batch.Count; place++)
        {
            double[] point = [.. deltas[place].Zip(pixels[numbers[place]], (d, x) => d + x)];
            seen[(batch.Round.Index, numbers[place], step)] = (point, losses[place]);
        }
    }

    private static void Compare((double[] Point, double Loss) seen, ApgdEvent expected, string where)
    {
        Assert.That(seen.Loss, Is.EqualTo(expected.Loss).Within(Tolerance), where);
        Assert.That(seen.Point.Zip(expected.Point, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(Tolerance), where);
    }
}
