using System.Globalization;

namespace Deat.Training;

/// <summary>How many times as long as the baseline everybody takes for each piece of work, on a logarithmic axis.</summary>
internal static class RatioFigure
{
    private const double Right = 736, Top = 84, Row = 20;

    /// <summary>The figure; null without a baseline or without common rounds.</summary>
    public static Figure? Of(TimingReport report)
    {
        Ratio[] ratios = [.. Ratio.Of(report)];
        if (ratios.Length == 0)
            return null;
        string title = $"{report.Title}: time over that of {ratios[0].Baseline}";
        DataTable table = new(
            title, ["work", "who", "ratio", "from", "to", "n"],
            [.. ratios.Select(ratio => (IReadOnlyList<string>)
                [ratio.What, ratio.Who, Text(ratio.Time.Median), Text(ratio.Time.Low), Text(ratio.Time.High), Axis.Text(ratio.Time.N)])]);
        double least = ratios.Min(ratio => ratio.Time.Confidence);
        return new Figure(title, Draw(title, ratios), [table])
        {
            Note = "The median over rounds of the quotient of both times in the same round, with an interval of at least "
                + $"{Axis.Text(Math.Floor(100 * least))} % (sign test). Left of the line is faster than {ratios[0].Baseline}.",
        };
    }

    private static string Draw(string title, Ratio[] ratios)
    {
        string[] who = [.. ratios.Select(ratio => ratio.Who).Distinct()];
        IGrouping<string, Ratio>[] rows = [.. ratios.GroupBy(ratio => ratio.What)];
        double row = Math.Max(Row, 9 * who.Length);
        double bottom = Top + (rows.Length * row);
        double labels = Math.Clamp(rows.Max(work => SvgDrawing.TextWidth(work.Key)) + 20, 100, 330);
        SvgDrawing svg = new();
        svg.Text("title", 12, 24, title);
        svg.Legend(12, 46, who.Select((name, i) => (i, name)));
        double[] ends = [1, .. ratios.SelectMany(ratio => new[] { ratio.Time.Low, ratio.Time.High })];
        Axis x = new(Math.Log2(ends.Min()) - 0.1, Math.Log2(ends.Max()) + 0.1, labels, Right);
        for (int power = (int)Math.Ceiling(x.Low); power <= x.High; power++)
        {
            svg.Path(power == 0 ? "axis" : "grid", [(x.At(power), Top), (x.At(power), bottom)]);
            foreach (double end in (double[])[Top - 4, bottom + 18])
                svg.Text("text middle", x.At(power), end, Text(Math.Pow(2, power)));
        }

        for (int r = 0; r < rows.Length; r++)
        {
            double y = Top + ((r + 0.5) * row);
            svg.Text("text small end", labels - 8, y + 4, rows[r].Key);
            foreach (Ratio ratio in rows[r])
            {
                int series = Array.IndexOf(who, ratio.Who);
                double at = y + (8 * (series - ((who.Length - 1) / 2.0)));
                int colour = series % SvgDrawing.Series;
                double Place(double value) => x.At(Math.Log2(value));
                svg.Path($"line solid s{colour}", [(Place(ratio.Time.Low), at), (Place(ratio.Time.High), at)]);
                svg.Add($"""<circle class="point f{colour}" cx="{Place(ratio.Time.Median):0.##}" cy="{at:0.##}" r="3.5"/>""");
            }
        }

        svg.Text("text middle", (labels + Right) / 2, bottom + 38, "times as long");
        return svg.Finish(title, bottom + 50);
    }

    private static string Text(double value) => value.ToString("0.00#", CultureInfo.InvariantCulture);
}
