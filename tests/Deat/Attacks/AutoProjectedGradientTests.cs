using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>APGD against an independent one: every point, loss, halved step and return to the best point of every image.</summary>
public sealed class AutoProjectedGradientTests : WholeRuns
{
    private const int Steps = 100, Count = 24, BatchSize = 8;
    private const ulong Seed = 3;
    private const double Tolerance = 1e-9;

    private static readonly ImageSet Images = TinyRuns.Images(Count, size: TwoLayers.Size);
    private static readonly Normalization Normalization = TinyRuns.Options().Data.NormalizationOf(Images);

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
        using TwoLayers network = new();
        TwoLayers.OnHost host = new(network, Normalization);
        double[][] pixels = [.. Enumerable.Range(0, Count).Select(Pixels)];
        // Most labels as the network sees them, so that there is something to attack.
        ImageSet images = Images with
        {
            ClassNames = [.. Images.ClassNames.Take(TwoLayers.Classes)],
            Labels = [.. pixels.Select((x, i) => i % 6 == 0 ? i % TwoLayers.Classes : Largest(host.Logits(x)))],
        };
        Attack attack = Attack.Parse($"{name}-{Steps}", Deat.Training.Pixels.Parse(radius, "--epsilon"), default, norm: norm);
        Dictionary<(int Round, int Image, int Step), (double[] Point, double Loss)> seen = [];
        HashSet<int> fooled = [];
        using Evaluator evaluator = new(network, images, Normalization, BatchSize);
        EvaluationResult result = evaluator.Run(attack, Seed, watch: new Watch
        {
            Step = (batch, step) => Note(batch, step, pixels, seen),
        });
        (int halvedForRises, int halvedForNothing) = (0, 0);
        foreach (AttackRound round in attack.Rounds(TwoLayers.Classes))
        {
            for (int i = 0; i < Count; i++)
            {
                double[] clean = host.Logits(pixels[i]);
                if (Largest(clean) != images.Labels[i] || fooled.Contains(i))
                    continue;
                int? target = round.Rank == 0 ? null : Ranked(clean, round.Rank);
                ApgdReference reference = new(
                    host.Logits, host.Gradient, images.Labels[i], target, name != "apgd-ce", norm, attack.Epsilon.Value, Steps);
                ApgdEvent[] events = [.. reference.Run(pixels[i], Start(i, round.Index, pixels[i], attack))];
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
            Enumerable.Range(0, Count).Where(i => !result.Correct[i]),
            Is.EquivalentTo(fooled.Union(Enumerable.Range(0, Count).Where(i => Largest(host.Logits(pixels[i])) != images.Labels[i]))));
        Assert.That(robust, Is.InRange(3, Count - 6), "not one-sided");
        Assert.That(fooled, Is.Not.Empty);
        Assert.That(halvedForRises, Is.GreaterThan(10));
        TestContext.Out.WriteLine($"{halvedForRises} halved for few rises, {halvedForNothing} for no better loss, {robust} robust");
    }

    private static void Note(
        AttackBatch batch, int step, double[][] pixels, Dictionary<(int Round, int Image, int Step), (double[] Point, double Loss)> seen)
    {
        int[] numbers = batch.Numbers.ToArray<int>();
        double[][] deltas = [.. batch.Images.Delta.ToDoubles().Chunk(TwoLayers.Inputs)];
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

    private static double[] Start(int image, int round, double[] x, Attack attack)
    {
        RandomKey key = new(Seed, Purpose.Evaluation, image, round);
        double[] draw = [.. Enumerable.Range(0, TwoLayers.Inputs).Select(i => Draw(key, i, attack.Norm))];
        double length = attack.Norm == Norm.Linf ? draw.Max(Math.Abs) : Math.Sqrt(draw.Sum(v => v * v));
        return [.. draw.Select((t, i) => Math.Clamp(x[i] + (attack.Epsilon.Value * t / length), 0, 1))];
    }

    private static double Draw(RandomKey key, int element, Norm norm)
    {
        if (norm == Norm.Linf)
            return (2.0 * Philox.Uniform(Philox.Word(key, element))) - 1;
        UInt4 words = Philox.Words(key, (uint)element / 4);
        (uint radius, uint angle) = element % 4 < 2 ? (words.X, words.Y) : (words.Z, words.W);
        return BoxMuller.Sine(radius, angle + (element % 2 == 0 ? 0x40000000u : 0)) / (double)BoxMuller.One;
    }

    private static double[] Pixels(int image) =>
        [.. Images.Pixels[(image * TwoLayers.Inputs)..((image + 1) * TwoLayers.Inputs)].Select(b => b / 255.0)];

    private static int Largest(double[] z) => Array.IndexOf(z, z.Max());

    private static int Ranked(double[] z, int rank) => Enumerable.Range(0, z.Length).OrderByDescending(k => z[k]).ElementAt(rank);
}
