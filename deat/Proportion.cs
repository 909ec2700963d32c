using System.Globalization;
using System.Text.Json.Serialization;

namespace Deat.Training;

/// <summary>How many of a number of images are classified correctly.</summary>
/// <param name="Hits">Images classified correctly.</param>
/// <param name="Count">All images, at least 1.</param>
public readonly record struct Proportion(int Hits, int Count)
{
    // The 97.5 % quantile of the normal distribution.
    private const double Quantile = 1.959963984540054;

    /// <summary>The accuracy in [0,1].</summary>
    [JsonIgnore]
    public double Rate => (double)Hits / Count;

    /// <summary>
    /// The 95 % score interval for the accuracy on all images of the kind, in [0,1]. Source: Wilson, Probable inference, the law of
    /// succession, and statistical inference (JASA 1927).
    /// </summary>
    [JsonIgnore]
    public (double Low, double High) Interval
    {
        get
        {
            double squared = Quantile * Quantile;
            double centre = (Rate + squared / (2 * Count)) / (1 + squared / Count);
            double half = Quantile / (1 + squared / Count) * Math.Sqrt(Rate * (1 - Rate) / Count + squared / (4.0 * Count * Count));
            return (Math.Max(0, centre - half), Math.Min(1, centre + half));
        }
    }

    /// <summary>Such as <c>48.2 % (45.1-51.3)</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{100 * Rate:F1} % ({100 * Interval.Low:F1}-{100 * Interval.High:F1})");
}
