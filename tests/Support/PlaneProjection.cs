namespace Deat.Tests;

/// <summary>
/// The shortest way from a point of the box [0,1] to a plane within the box, in double precision: breakpoints are sorted, and the
/// multiplier follows from the elements whose breakpoint it has passed.
/// </summary>
internal static class PlaneProjection
{
    /// <summary>The step d of least norm that loses the excess, w d = -excess, in the box; to its end where none is long enough.</summary>
    /// <param name="p">The point.</param>
    /// <param name="w">The plane's normal.</param>
    /// <param name="excess">What the linear function is to lose.</param>
    /// <param name="isEuclidean">Whether the norm is L2, or Linf.</param>
    /// <returns>The step, and what an error of the excess becomes in the multiplier.</returns>
    public static (double[] Step, double Sensitivity) Of(double[] p, double[] w, double excess, bool isEuclidean)
    {
        double sign = excess >= 0 ? 1 : -1;
        double[] room = [.. p.Zip(w, (value, slope) => sign * slope > 0 ? value : 1 - value)];
        double Speed(int i) => isEuclidean ? Math.Abs(w[i]) : 1;
        int[] order = [.. Enumerable.Range(0, p.Length).Where(i => w[i] != 0).OrderBy(i => room[i] / Speed(i))];
        double[] rates = new double[order.Length + 1];
        for (int k = order.Length - 1; k >= 0; k--)
            rates[k] = rates[k + 1] + (Math.Abs(w[order[k]]) * Speed(order[k]));
        double stuck = 0;
        double multiplier = double.PositiveInfinity;
        double sensitivity = 0;
        for (int k = 0; k < order.Length && double.IsInfinity(multiplier); k++)
        {
            double candidate = (Math.Abs(excess) - stuck) / rates[k];
            sensitivity = 1 / rates[k];
            if (candidate <= room[order[k]] / Speed(order[k]))
                multiplier = candidate;
            stuck += Math.Abs(w[order[k]]) * room[order[k]];
        }

        double[] step = new double[p.Length];
        foreach (int i in order)
            step[i] = -sign * Math.Sign(w[i]) * Math.Min(multiplier * Speed(i), room[i]);
        return (step, sensitivity);
    }

    public static double Length(IEnumerable<double> values, bool isEuclidean) =>
        isEuclidean ? Math.Sqrt(values.Sum(v => v * v)) : values.Select(Math.Abs).DefaultIfEmpty(0).Max();
}
