using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Square on a network that is not linear, query by query: every proposal is recorded with what the network says of it, and is the one that
/// the reference makes of what was kept of the recorded ones before.
/// </summary>
public sealed class SquareAttackEventTests : WholeRuns
{
    private const int Queries = 520, Count = 16, BatchSize = 16, Size = 12;

    [TestCase(Norm.Linf, "3/255", ElementType.Float64, 1e-9)]
    [TestCase(Norm.L2, "60/255", ElementType.Float64, 1e-9)]
    [TestCase(Norm.Linf, "3/255", ElementType.Float32, 2e-5)]
    [TestCase(Norm.L2, "60/255", ElementType.Float32, 2e-5)]
    public void EveryProposalAndDecisionIsThatOfTheReference(Norm norm, string radius, ElementType type, double tolerance)
    {
        using TwoLayersTask task = new(Count, Size, type);
        Attack attack = Attack.Parse($"square-{Queries}", Pixels.Parse(radius, "--epsilon"), default, norm: norm);
        Dictionary<(int Image, int Query), Seen> seen = [];
        EvaluationResult result = task.Run(attack, BatchSize, (batch, query) => Note(batch, query, seen));
        Tally tally = new();
        List<int> robust = [];
        foreach (int i in task.ClassifiedCorrectly)
        {
            Queue<Seen> queries = new(Enumerable.Range(-1, Queries + 1).Select(query => seen.GetValueOrDefault((i, query))).OfType<Seen>());
            if (Follow(task, i, attack, queries, tolerance, tally))
                robust.Add(i);
        }

        Assert.That(Enumerable.Range(0, Count).Where(i => result.Correct[i]), Is.EquivalentTo(robust));
        TestContext.Out.WriteLine($"{robust.Count} robust, {tally}");
        Assert.That(robust, Has.Count.InRange(2, Count - 5), "not one-sided");
        Assert.That(tally.Accepted, Is.GreaterThan(100));
        Assert.That(tally.Refused, Is.GreaterThan(100));
        Assert.That(tally.ToldApart, Is.GreaterThan(1000), "a proposal shows what was kept");
    }

    /// <summary>p is 0.8 up to query 10, and half of that up to 50, again up to 200, 500 and 1000; a square has p of the pixels.</summary>
    private static int Side(int query, Norm norm)
    {
        double share = query <= 10 ? 0.8 : query <= 50 ? 0.4 : query <= 200 ? 0.2 : query <= 500 ? 0.1 : 0.05;
        int side = (int)Math.Round(Math.Sqrt(share * Size * Size));
        return norm == Norm.Linf ? Math.Max(side, 1) : Math.Max(side, 3) + (Math.Max(side, 3) % 2 == 0 ? 1 : 0);
    }

    private static bool Follow(TwoLayersTask task, int image, Attack attack, Queue<Seen> queries, double tolerance, Tally tally)
    {
        (Norm norm, double epsilon, int label) = (attack.Norm, attack.Epsilon.Value, task.Images.Labels[image]);
        PlainSquares squares = new(task.Shape, new RandomKey(TwoLayersTask.Seed, Purpose.Evaluation, Epoch: image, Batch: 0), epsilon);
        double[] x = queries.Peek().X;
        Seen best = queries.Dequeue();
        Near(best.Delta, norm == Norm.Linf ? squares.Stripes(x) : squares.Tiles(x), tolerance, $"start of image {image}");
        CheckAnswer(task, best, label, tolerance);
        double[]? refused = null;
        for (int query = 0; best.Margin > 0 && query < Queries; query++)
        {
            Seen next = queries.Dequeue();
            double[] Proposal(double[] from) => norm == Norm.Linf
                ? squares.Recoloured(from, x, Side(query, norm), query)
                : squares.Moved(from, x, Side(query, norm), query);
            Near(next.Delta, Proposal(best.Delta), tolerance, $"image {image}, query {query}");
            // It starts from what was kept, and not from what was refused or given up before.
            if (refused is not null && Distance(next.Delta, Proposal(refused)) > tolerance)
                tally.ToldApart++;
            if (norm == Norm.Linf)
                CheckWindow(next, best, Side(query, norm), epsilon, tolerance);
            Assert.That(PlaneProjection.Length(next.Delta, norm == Norm.L2), Is.LessThanOrEqualTo((float)epsilon));
            CheckAnswer(task, next, label, tolerance);
            bool isAccepted = next.Margin < best.Margin;
            (refused, best) = isAccepted ? (best.Delta, next) : (next.Delta, best);
            (tally.Accepted, tally.Refused) = (tally.Accepted + (isAccepted ? 1 : 0), tally.Refused + (isAccepted ? 0 : 1));
        }

        return best.Margin > 0;
    }

    // The margin is that of the network, and the search ends where it is lost.
    private static void CheckAnswer(TwoLayersTask task, Seen seen, int label, double tolerance)
    {
        double[] z = task.Host.Logits([.. seen.X.Zip(seen.Delta, (pixel, d) => pixel + d)]);
        double margin = z[label] - z.Where((_, k) => k != label).Max();
        Assert.That(seen.Margin, Is.EqualTo(margin).Within(10 * tolerance));
        Assert.That(seen.IsAlive, Is.EqualTo(seen.Margin > 0));
    }

    // Nothing changes outside a square that stays off the last row and column; what changes goes to the end of ball or range, and a
    // channel to one side.
    private static void CheckWindow(Seen next, Seen best, int side, double epsilon, double tolerance)
    {
        int[] changed = [.. Enumerable.Range(0, next.Delta.Length).Where(i => next.Delta[i] != best.Delta[i])];
        foreach (IEnumerable<int> places in new[] { changed.Select(i => i / Size % Size), changed.Select(i => i % Size) })
        {
            int[] sorted = [.. places.Order()];
            if (sorted.Length > 0)
                Assert.That((sorted[^1] - sorted[0] < side, sorted[^1] < Size - 1), Is.EqualTo((true, true)));
        }

        foreach (IGrouping<int, int> channel in changed.GroupBy(i => i / (Size * Size)))
        {
            Assert.That(channel.Select(i => Math.Sign(next.Delta[i])).Where(sign => sign != 0).Distinct().Count(), Is.LessThan(2));
            foreach (int i in channel)
            {
                double end = next.Delta[i] > best.Delta[i] ? Math.Min(epsilon, 1 - next.X[i]) : Math.Max(-epsilon, -next.X[i]);
                Assert.That(next.Delta[i], Is.EqualTo(end).Within(tolerance));
            }
        }
    }

    private static void Near(double[] seen, double[] expected, double tolerance, string where) =>
        Assert.That(Distance(seen, expected), Is.LessThan(tolerance), where);

    private static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static void Note(AttackBatch batch, int query, Dictionary<(int Image, int Query), Seen> seen)
    {
        int[] numbers = batch.Numbers.ToArray<int>();
        int[] lives = batch.Images.Lives.ToArray<int>();
        double[] losses = batch.Images.Losses.ToDoubles();
        double[][] x = [.. batch.Images.X.ToDoubles().Chunk(3 * Size * Size)];
        double[][] delta = [.. batch.Images.Delta.ToDoubles().Chunk(3 * Size * Size)];
        for (int place = 0; place < batch.Count; place++)
            seen[(numbers[place], query)] = new Seen(x[place], delta[place], -losses[place], lives[place] > 0);
    }

    /// <summary>A proposal and what became of it.</summary>
    /// <param name="X">The image.</param>
    /// <param name="Delta">The perturbation that the network was asked about.</param>
    /// <param name="Margin">The logit of the label less the largest of the others.</param>
    /// <param name="IsAlive">Whether the search goes on.</param>
    private sealed record Seen(double[] X, double[] Delta, double Margin, bool IsAlive);

    private sealed record Tally
    {
        public int Accepted { get; set; }

        public int Refused { get; set; }

        public int ToldApart { get; set; }
    }
}
