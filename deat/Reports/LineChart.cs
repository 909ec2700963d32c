using System.Globalization;

namespace Deat.Training;

/// <summary>How a series is drawn.</summary>
internal enum Mark
{
    /// <summary>Points joined by a line.</summary>
    Line,

    /// <summary>A level that holds from half a unit before x to half a unit after it.</summary>
    Steps,

    /// <summary>Bars from zero, a unit of x wide.</summary>
    Bars,

    /// <summary>Bars on top of those of the series before.</summary>
    Stack,
}

/// <summary>A series of a chart.</summary>
/// <param name="Name">What it is called in the table, and in the legend if nothing else is said.</param>
/// <param name="Mark">How it is drawn.</param>
/// <param name="Points">Its points; those without a finite y are left out.</param>
internal sealed record Series(string Name, Mark Mark, IEnumerable<(double X, double? Y)> Points)
{
    /// <summary>What the legend says.</summary>
    public string Legend { get; init; } = Name;

    /// <summary>The x of points with a ring around them, in the colour of <see cref="RingSeries"/>.</summary>
    public IReadOnlyCollection<double> Ringed { get; init; } = [];

    /// <summary>The place in the panel of the series that the rings speak of.</summary>
    public int RingSeries { get; init; }

    /// <summary>The points that can be drawn.</summary>
    public IEnumerable<(double X, double Y)> Shown => Points.Where(p => p.Y is { } y && double.IsFinite(y)).Select(p => (p.X, p.Y!.Value));
}

/// <summary>A part of a chart with a y axis of its own.</summary>
/// <param name="Label">What y is.</param>
/// <param name="Unit">Its unit; empty for a number.</param>
/// <param name="Series">The series.</param>
internal sealed record Panel(string Label, string Unit, IReadOnlyList<Series> Series)
{
    /// <summary>The height of the plot.</summary>
    public double Height { get; init; } = 234;

    /// <summary>Whether y counts something.</summary>
    public bool IsWhole { get; init; }

    /// <summary>What the y axis must show; points beyond are drawn at its end with their value. All points if null.</summary>
    public IEnumerable<double>? Scale { get; init; }

    /// <summary>What stands in place of a plot without points.</summary>
    public string Empty { get; init; } = "no values";

    /// <summary>How high the bars of the stacked series before one reach at x.</summary>
    public double Below(int series, double x) => Series.Take(series).Where(each => each.Mark == Mark.Stack)
        .SelectMany(each => each.Shown).Where(point => point.X == x).Sum(point => point.Y);

    /// <summary>How high stacked bars reach.</summary>
    public double Highest() => Series.SelectMany(series => series.Shown).Select(point => Below(Series.Count, point.X)).Max();
}

/// <summary>Panels above one x axis, as SVG and as a table.</summary>
/// <param name="Title">What the chart shows.</param>
/// <param name="XLabel">What x is, with its unit.</param>
/// <param name="Panels">The panels, from above.</param>
internal sealed record LineChart(string Title, string XLabel, IReadOnlyList<Panel> Panels)
{
    private const double Left = 78, Right = 736;

    /// <summary>Whether x counts something.</summary>
    public bool IsWhole { get; init; } = true;

    /// <summary>What x is called in the table and below ticks, instead of its number.</summary>
    public Func<double, string> XText { get; init; } = Axis.Text;

    private IEnumerable<double> Xs => Panels.SelectMany(panel => panel.Series).SelectMany(series => series.Points).Select(p => p.X);

    /// <summary>The text of an SVG file.</summary>
    public string Draw()
    {
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, Title);
        double[] xs = [.. Xs.DefaultIfEmpty(0)];
        Axis x = IsWhole ? new Axis(xs.Min() - 0.5, xs.Max() + 0.5, Left, Right) : Axis.Over(xs, Left, Right);
        double y = 30;
        int first = 0;
        foreach (Panel panel in Panels)
        {
            y += 18;
            svg.Text("text", Left, y, panel.Unit.Length == 0 ? panel.Label : $"{panel.Label}, {panel.Unit}");
            y += panel.Series.Count > 1 ? 20 : 8;
            if (panel.Series.Count > 1)
                y = svg.Legend(Left, y, panel.Series.Select((series, i) => (first + i, series.Legend)));
            Draw(svg, panel, first, x, y, y + panel.Height);
            first += panel.Series.Count;
            y += panel.Height + 14;
        }

        // As many as there is room for.
        double[] ticks = [.. x.Ticks(12, IsWhole)];
        int room = (int)((Right - Left) / ticks.Max(tick => SvgDrawing.TextWidth(XText(tick)) + 18));
        foreach (double tick in x.Ticks(Math.Clamp(room, 1, 12), IsWhole))
            svg.Text("text middle", x.At(tick), y + 6, XText(tick));
        svg.Text("text middle", (Left + Right) / 2, y + 30, XLabel);
        return svg.Finish(Title, y + 42);
    }

    /// <summary>The numbers: a row for each x.</summary>
    public DataTable Table()
    {
        (Panel Panel, Series Series)[] all = [.. Panels.SelectMany(panel => panel.Series.Select(series => (panel, series)))];
        IEnumerable<string> columns = all.Select(p => p.Panel.Unit.Length == 0 ? p.Series.Name : $"{p.Series.Name}, {p.Panel.Unit}");
        ILookup<double, double>[] values = [.. all.Select(p => p.Series.Shown.ToLookup(point => point.X, point => point.Y))];
        IEnumerable<IReadOnlyList<string>> rows = Xs.Distinct().Order().Select(x => (IReadOnlyList<string>)
            [XText(x), .. values.Select(series => string.Join(" ", series[x].Select(Axis.Text)))]);
        return new DataTable(Title, [XLabel, .. columns], [.. rows]);
    }

    private static void Draw(SvgDrawing svg, Panel panel, int first, Axis x, double top, double bottom)
    {
        double[] values = [.. panel.Series.SelectMany(series => series.Shown).Select(p => p.Y)];
        if (values.Length == 0)
        {
            svg.Text("text middle", (Left + Right) / 2, (top + bottom) / 2, panel.Empty);
            return;
        }

        Axis y = panel.Series switch
        {
            _ when panel.Series.Any(series => series.Mark == Mark.Bars) => new Axis(0, Math.Max(1, values.Max()) * 1.08, bottom, top),
            _ when panel.Series.Any(series => series.Mark == Mark.Stack) => new Axis(0, panel.Highest() * 1.08, bottom, top),
            _ => Axis.Over(panel.Scale ?? values, bottom, top),
        };
        foreach (double tick in y.Ticks((int)Math.Clamp(panel.Height / (panel.IsWhole ? 11 : 39), 2, 8), panel.IsWhole))
        {
            svg.Path("grid", [(Left, y.At(tick)), (Right, y.At(tick))]);
            svg.Text("text end", Left - 8, y.At(tick) + 4, Axis.Text(tick));
        }

        svg.Path("axis", [(Left, top), (Left, bottom), (Right, bottom)]);
        // The first series lie above the others.
        for (int i = panel.Series.Count - 1; i >= 0; i--)
            Draw(svg, panel, first, i, x, y);
    }

    private static void Draw(SvgDrawing svg, Panel panel, int first, int number, Axis x, Axis y)
    {
        Series series = panel.Series[number];
        int colour = (first + number) % SvgDrawing.Series;
        switch (series.Mark)
        {
            case Mark.Bars:
            case Mark.Stack:
                double gap = Math.Min(1, (x.At(1) - x.At(0)) * 0.1);
                foreach ((double px, double py) in series.Shown)
                {
                    double below = series.Mark == Mark.Stack ? panel.Below(number, px) : 0;
                    (double from, double to) = (x.At(px - 0.5) + gap, x.At(px + 0.5) - gap);
                    (double low, double high) = (y.At(below), y.At(below + py));
                    svg.Add($"""<path class="bar f{colour}" d="M{from:0.##} {low:0.##}V{high:0.##}H{to:0.##}V{low:0.##}Z"/>""");
                }

                break;
            case Mark.Steps:
                svg.Path($"line s{colour}", series.Shown.SelectMany(p => new[]
                    { (x.At(p.X - 0.5), y.Inside(p.Y)), (x.At(p.X + 0.5), y.Inside(p.Y)) }));
                break;
            default:
                svg.Path($"line s{colour}", series.Shown.Select(p => (x.At(p.X), y.Inside(p.Y))));
                DrawPoints(svg, series, colour, (first + series.RingSeries) % SvgDrawing.Series, x, y);
                break;
        }
    }

    private static string Beyond(double value) =>
        Math.Abs(value) >= 100 ? value.ToString("N0", CultureInfo.InvariantCulture) : Axis.Text(Math.Round(value, 3));

    private static void DrawPoints(SvgDrawing svg, Series series, int colour, int ringColour, Axis x, Axis y)
    {
        foreach ((double px, double py) in series.Shown)
        {
            (double atX, double atY) = (x.At(px), y.Inside(py));
            svg.Add($"""<circle class="point f{colour}" cx="{atX:0.##}" cy="{atY:0.##}" r="3"/>""");
            if (series.Ringed.Contains(px))
                svg.Add($"""<circle class="s{ringColour} ring" cx="{atX:0.##}" cy="{atY:0.##}" r="6.5"/>""");
            if (atY != y.At(py))
                svg.Text("text", atX + 8, atY + 4, $"{(py > y.High ? '\u2191' : '\u2193')} {Beyond(py)}");
        }
    }
}
