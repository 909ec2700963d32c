using Deat.Engine;

namespace Deat.Tests;

/// <summary>What APGD did to an image in one iteration.</summary>
/// <param name="Point">Where it stands afterwards, in pixel range.</param>
/// <param name="Loss">The loss at the point that the iteration visited.</param>
/// <param name="FewRises">Whether it halved the step because the loss rose too seldom.</param>
/// <param name="Stuck">Whether it halved the step because the best loss is that of the last checkpoint.</param>
/// <param name="IsFooled">Whether the point is classified wrongly: nothing follows.</param>
internal sealed record ApgdEvent(double[] Point, double Loss, bool FewRises, bool Stuck, bool IsFooled);

/// <summary>
/// APGD on one image, written down from the paper (Croce, Hein, ICML 2020, algorithm 1) and the description of its implementation, point by
/// point in pixel range, without a thought for speed.
/// </summary>
internal sealed class ApgdReference(
    Func<double[], double[]> logits, Func<double[], double[], double[]> gradient, int label, int? target, bool isDlr, Norm norm,
    double epsilon, int steps)
{
    public IEnumerable<ApgdEvent> Run(double[] x, double[] start)
    {
        List<double> losses = [];
        double step = 2 * epsilon;
        double[] current = start, previous = start, best = start;
        (double bestLoss, double[] g, bool isFooled) = Look(start);
        double[] bestGradient = g;
        double bestAtCheckpoint = bestLoss;
        bool halvedBefore = true;
        yield return new ApgdEvent(start, bestLoss, false, false, isFooled);
        (int next, int window) = (After(0), After(0));
        for (int i = 0; i < steps && !isFooled; i++)
        {
            double share = i == 0 ? 1 : 0.75;
            double[] ahead = Projected(x, Sum(current, Direction(g), step));
            double[] mixed = [.. current.Select((c, j) => c + (share * (ahead[j] - c)) + ((1 - share) * (c - previous[j])))];
            (previous, current) = (current, Projected(x, mixed));
            (double loss, g, isFooled) = Look(current);
            losses.Add(loss);
            if (loss > bestLoss)
                (bestLoss, best, bestGradient) = (loss, current, g);
            bool fewRises = false, stuck = false;
            if (i + 1 == next && !isFooled)
            {
                // The first loss has none before it and counts as risen where it is positive.
                int rises = Enumerable.Range(next - window, window).Count(j => losses[j] > (j == 0 ? 0 : losses[j - 1]));
                fewRises = rises <= 0.75 * window;
                stuck = !halvedBefore && bestAtCheckpoint >= bestLoss;
                halvedBefore = fewRises || stuck;
                bestAtCheckpoint = bestLoss;
                if (halvedBefore)
                    (step, current, g) = (step / 2, best, bestGradient);
                window = After(window);
                next += window;
            }

            yield return new ApgdEvent(current, loss, fewRises, stuck, isFooled);
        }
    }

    // The first window has 22 % of the steps, each further one 3 % less, but 6 % at least.
    private int After(int window) => window == 0
        ? Math.Max((int)(0.22 * steps), 1)
        : Math.Max(window - Math.Max((int)(0.03 * steps), 1), Math.Max((int)(0.06 * steps), 1));

    private (double Loss, double[] Gradient, bool IsFooled) Look(double[] point)
    {
        double[] z = logits(point);
        int[] order = [.. Enumerable.Range(0, z.Length).OrderByDescending(k => z[k])];
        double[] dz = new double[z.Length];
        double loss;
        if (isDlr)
        {
            int rival = target ?? order.First(k => k != label);
            double second = target is null ? z[order[2]] : (z[order[2]] + z[order[3]]) / 2;
            double range = z[order[0]] - second + 1e-12;
            loss = (z[rival] - z[label]) / range;
            dz[rival] += 1 / range;
            dz[label] -= 1 / range;
            dz[order[0]] -= loss / range;
            dz[order[2]] += loss / range / (target is null ? 1 : 2);
            if (target is not null)
                dz[order[3]] += loss / range / 2;
        }
        else
        {
            double sum = z.Sum(v => Math.Exp(v - z.Max()));
            loss = Math.Log(sum) + z.Max() - z[label];
            for (int k = 0; k < z.Length; k++)
                dz[k] = (Math.Exp(z[k] - z.Max()) / sum) - (k == label ? 1 : 0);
        }

        return (loss, gradient(point, dz), order[0] != label);
    }

    private double[] Direction(double[] g)
    {
        double length = Math.Sqrt(g.Sum(v => v * v));
        return norm == Norm.Linf ? [.. g.Select(v => (double)Math.Sign(v))] : [.. g.Select(v => v / length)];
    }

    private double[] Projected(double[] x, double[] point)
    {
        double[] delta = [.. point.Select((p, i) => p - x[i])];
        double length = Math.Sqrt(delta.Sum(v => v * v));
        double scale = Math.Min(1, epsilon / length);
        return [.. delta.Select((d, i) => Math.Clamp(x[i] + (norm == Norm.Linf ? Math.Clamp(d, -epsilon, epsilon) : d * scale), 0, 1))];
    }

    private static double[] Sum(double[] point, double[] direction, double step) => [.. point.Select((p, i) => p + (step * direction[i]))];
}
