namespace Deat.Training;

/// <summary>Order statistics, with linear interpolation between neighbours.</summary>
public static class Quantiles
{
    /// <summary>The value below which a part <paramref name="q"/> in [0, 1] of the values lies; NaN without values.</summary>
    public static double Of(IEnumerable<double> values, double q)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            return double.NaN;
        double place = q * (sorted.Length - 1);
        double below = sorted[(int)Math.Floor(place)];
        return below + ((place - Math.Floor(place)) * (sorted[(int)Math.Ceiling(place)] - below));
    }

    /// <summary>The median.</summary>
    public static double Median(IEnumerable<double> values) => Of(values, 0.5);

    /// <summary>The range of the middle half over the median.</summary>
    public static double Spread(IReadOnlyCollection<double> values) => (Of(values, 0.75) - Of(values, 0.25)) / Median(values);
}
