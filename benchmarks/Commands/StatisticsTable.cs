using System.Globalization;
using System.Text;
using BenchmarkDotNet.Mathematics;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// Timings with BenchmarkDotNet's statistics, in milliseconds: mean, error (half of its 99.9 % confidence interval), standard deviation,
/// quartiles, and how many rounds are outliers by Tukey's fences. None is left out.
/// </summary>
public static class StatisticsTable
{
    /// <summary>The table, a row for each work and who did it.</summary>
    public static string Of(IEnumerable<Timing> timings)
    {
        StringBuilder text = new("| ms | | n | mean | error | standard deviation | Q1 | median | Q3 | outliers |\n");
        text.Append("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (Timing timing in timings.Where(timing => timing.N > 1))
        {
            Statistics of = new(timing.Milliseconds);
            double error = of.GetConfidenceInterval(Perfolizer.Mathematics.Common.ConfidenceLevel.L999).Margin;
            string numbers = string.Join(" | ", new[] { of.Mean, error, of.StandardDeviation, of.Q1, of.Median, of.Q3 }
                .Select(TimingTable.Milliseconds));
            int outliers = of.AllOutliers.Length;
            text.Append(CultureInfo.InvariantCulture, $"| {timing.What} | {timing.Who} | {timing.N} | {numbers} | {outliers} |\n");
        }

        return text.ToString();
    }
}
