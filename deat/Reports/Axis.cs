using System.Globalization;

namespace Deat.Training;

/// <summary>Values from Low to High on a drawing from Start to End.</summary>
internal readonly record struct Axis(double Low, double High, double Start, double End)
{
    /// <summary>An axis with some room around values; infinite ones and those that are no number are left out.</summary>
    /// <param name="values">What the axis must show.</param>
    /// <param name="start">Where low values are drawn.</param>
    /// <param name="end">Where high values are drawn.</param>
    public static Axis Over(IEnumerable<double> values, double start, double end)
    {
        double[] shown = [.. values.Where(double.IsFinite).DefaultIfEmpty(1)];
        double margin = Math.Max((shown.Max() - shown.Min()) * 0.08, (Math.Abs(shown.Max()) * 0.01) + 1e-9);
        return new Axis(shown.Min() - margin, shown.Max() + (1.5 * margin), start, end);
    }

    /// <summary>The place of a value.</summary>
    public double At(double value) => Start + ((value - Low) / (High - Low) * (End - Start));

    /// <summary>The place of a value, or the end of the axis that it lies beyond.</summary>
    public double Inside(double value) => At(Math.Clamp(value, Low, High));

    /// <summary>About <paramref name="count"/> round values: 1, 2 or 5 times a power of ten apart.</summary>
    public IEnumerable<double> Ticks(int count, bool whole)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10((High - Low) / count)));
        double rough = (High - Low) / count / power;
        double step = power * (rough <= 1 ? 1 : rough <= 2 ? 2 : rough <= 5 ? 5 : 10);
        step = whole ? Math.Max(1, step) : step;
        for (long i = (long)Math.Ceiling(Low / step); i * step <= High; i++)
            yield return i * step;
    }

    /// <summary>A value as ticks and tables show it.</summary>
    public static string Text(double value) => Math.Abs(value) is < 1e-4 and > 0
        ? value.ToString("0.###e0", CultureInfo.InvariantCulture)
        : value.ToString("#,0.######", CultureInfo.InvariantCulture);
}
