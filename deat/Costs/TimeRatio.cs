namespace Deat.Training;

/// <summary>
/// How many times as long one takes as another, with an interval that supposes nothing of how times are distributed.
/// </summary>
/// <param name="Median">The estimate.</param>
/// <param name="Low">The lower end of the interval.</param>
/// <param name="High">The upper end.</param>
/// <param name="Confidence">The probability of the interval: at least 0.95, or as much as so few times can give.</param>
/// <param name="N">Rounds, or of two unpaired samples the times in the smaller one.</param>
public sealed record TimeRatio(double Median, double Low, double High, double Confidence, int N)
{
    private const double Wanted = 0.95;

    // Of more times of both than this the Mann-Whitney test is as good as normal, and counting their orders no longer exact.
    private const int MostCounted = 40;

    private const int MostUnpaired = 300;

    /// <summary>Whether the interval lies above 1.</summary>
    public bool IsSlower => Low > 1;

    /// <summary>Whether the interval lies below 1.</summary>
    public bool IsFaster => High < 1;

    /// <summary>
    /// Of two that took turns: the median of the quotients of both times in the same round, so that what slows a machine down for a while
    /// slows both. The interval is that of the sign test: the median lies between the k-th smallest and the k-th largest of n quotients
    /// with probability 1 - 2 P(B &lt; k), B binomial (n, 1/2) (Conover, Practical Nonparametric Statistics, section 3.2).
    /// </summary>
    /// <param name="numerator">Times of the one, round by round.</param>
    /// <param name="denominator">Times of the other in the same rounds.</param>
    /// <returns>Null without a common round.</returns>
    public static TimeRatio? Paired(IReadOnlyList<double> numerator, IReadOnlyList<double> denominator)
    {
        double[] quotients = [.. numerator.Zip(denominator, (a, b) => a / b).Order()];
        int n = quotients.Length;
        double[] weights = [.. Enumerable.Range(0, n + 1).Select(k => Binomial(n, k))];
        return Between(quotients, weights, n);
    }

    /// <summary>
    /// Of two that were timed apart: the median of all quotients of one's times over the other's (Hodges and Lehmann's estimate, on
    /// logarithms). The interval is that of the Mann-Whitney test: between the k-th smallest and the k-th largest quotient with probability
    /// 1 - 2 P(U &lt; k) (Conover, section 5.4). Of more than 300 times, 300 from all over them are taken.
    /// </summary>
    /// <param name="numerator">Times of the one.</param>
    /// <param name="denominator">Times of the other.</param>
    /// <returns>Null where one has no times.</returns>
    public static TimeRatio? Unpaired(IReadOnlyList<double> numerator, IReadOnlyList<double> denominator)
    {
        double[] these = Some(numerator), those = Some(denominator);
        double[] quotients = [.. these.SelectMany(a => those.Select(b => a / b)).Order()];
        int n = Math.Min(these.Length, those.Length);
        return n <= MostCounted
            ? Between(quotients, MannWhitney(n, Math.Max(these.Length, those.Length)), n)
            : Normal(quotients, these.Length + those.Length + 1, n);
    }

    // U has the mean nm / 2 and the variance nm (n + m + 1) / 12.
    private static TimeRatio Normal(double[] quotients, int orders, int n)
    {
        const double Deviations = 1.959964;
        double half = Deviations * Math.Sqrt(quotients.Length * (double)orders / 12);
        int k = Math.Max(1, (int)((quotients.Length / 2.0) - half));
        return new TimeRatio(Quantiles.Median(quotients), quotients[k - 1], quotients[^k], Wanted, n);
    }

    private static double[] Some(IReadOnlyList<double> times)
    {
        int count = Math.Min(times.Count, MostUnpaired);
        return [.. Enumerable.Range(0, count).Select(i => times[(int)((long)i * times.Count / count)])];
    }

    // weights[u]: how many of all equally likely orders leave u of the quotients below the true one.
    private static TimeRatio? Between(double[] quotients, double[] weights, int n)
    {
        if (quotients.Length == 0)
            return null;
        double all = weights.Sum();
        double Confidence(int k) => Math.Max(0, 1 - (2 * weights.Take(k).Sum() / all));
        int k = 1;
        while (k < (quotients.Length + 1) / 2 && Confidence(k + 1) >= Wanted)
            k++;
        return new TimeRatio(Quantiles.Median(quotients), quotients[k - 1], quotients[^k], Confidence(k), n);
    }

    // P(B = k), halved on the way so that many rounds do not overflow.
    private static double Binomial(int n, int k)
    {
        (double value, int halvings, int least) = (1, n, Math.Min(k, n - k));
        for (int i = 1; i <= least; i++)
        {
            value *= (n - least + i) / (double)i;
            for (; value > 1 && halvings > 0; halvings--)
                value /= 2;
        }

        return Math.ScaleB(value, -halvings);
    }

    // The number of orders of n and m values for each U: the coefficients of the product over i to n of (1 - q^(m + i)) / (1 - q^i).
    private static double[] MannWhitney(int n, int m)
    {
        double[] counts = new double[(n * m) + 1];
        counts[0] = 1;
        for (int i = 1; i <= n; i++)
        {
            for (int u = n * m; u >= m + i; u--)
                counts[u] -= counts[u - m - i];
            for (int u = i; u <= n * m; u++)
                counts[u] += counts[u - i];
        }

        return counts;
    }
}
