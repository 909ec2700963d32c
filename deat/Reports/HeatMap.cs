using System.Globalization;

namespace Deat.Training;

/// <summary>A grid of values.</summary>
/// <param name="Caption">What stands above it.</param>
/// <param name="Columns">Labels of the columns.</param>
/// <param name="Rows">Labels of the rows, from above.</param>
/// <param name="Values">[rows, columns], row by row; cells that are not finite are left empty.</param>
internal sealed record HeatGrid(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<string> Rows, IReadOnlyList<double> Values)
{
    /// <summary>A frame around cells: from the edge before a column and row to the edge before others, in parts of cells.</summary>
    public (double Left, double Top, double Right, double Bottom)? Frame { get; init; }

    /// <summary>Whether each cell shows its value.</summary>
    public bool ShowsValues { get; init; }
}

/// <summary>
/// Grids over one colour scale, as SVG and as tables. The colours are cividis, which looks the same with and without red-green blindness
/// and rises evenly in lightness: Nunez, Anderton, Renslow, Optimizing colormaps with consideration for color vision deficiency (PLoS
/// ONE 2018).
/// </summary>
/// <param name="Title">What the figure shows.</param>
/// <param name="XLabel">What columns are, with the unit.</param>
/// <param name="YLabel">What rows are, with the unit.</param>
/// <param name="Unit">What values are.</param>
/// <param name="Grids">The grids, two side by side.</param>
internal sealed record HeatMap(string Title, string XLabel, string YLabel, string Unit, IReadOnlyList<HeatGrid> Grids)
{
    private const double Left = 24, Gap = 18, Line = 18;

    private static readonly (int Red, int Green, int Blue)[] Colours =
    [
        (0x00, 0x22, 0x4e), (0x12, 0x35, 0x70), (0x3b, 0x49, 0x6c), (0x57, 0x5d, 0x6d), (0x70, 0x71, 0x73),
        (0x8a, 0x86, 0x78), (0xa5, 0x9c, 0x74), (0xc3, 0xb3, 0x69), (0xe1, 0xcc, 0x55), (0xfe, 0xe8, 0x38),
    ];

    /// <summary>The text of an SVG file.</summary>
    public string Draw()
    {
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, Title);
        double[] finite = [.. Grids.SelectMany(grid => grid.Values).Where(double.IsFinite).DefaultIfEmpty(0)];
        (double low, double high) = (finite.Min(), finite.Max());
        int across = Math.Min(2, Grids.Count);
        double width = (SvgDrawing.Width - (2 * Left)) / Math.Max(1, across);
        double y = 34;
        for (int i = 0; i < Grids.Count; i += across)
        {
            IEnumerable<int> row = Enumerable.Range(i, Math.Min(across, Grids.Count - i));
            y = row.Max(g => Draw(svg, Grids[g], Left + ((g - i) * width), y, width, low, high));
        }

        DrawScale(svg, y + Gap, low, high);
        return svg.Finish(Title, y + Gap + 44);
    }

    /// <summary>The numbers of each grid.</summary>
    public IReadOnlyList<DataTable> Tables() => [.. Grids.Select(grid => new DataTable(
        $"{grid.Caption}: {Unit}", [$"{YLabel} \\ {XLabel}", .. grid.Columns],
        [.. grid.Rows.Select((row, r) => (IReadOnlyList<string>)
            [row, .. grid.Values.Skip(r * grid.Columns.Count).Take(grid.Columns.Count).Select(Axis.Text)])]))];

    private double Draw(SvgDrawing svg, HeatGrid grid, double left, double top, double width, double low, double high)
    {
        double labels = grid.Rows.Max(SvgDrawing.TextWidth) + 30;
        (double x, double y) = (left + labels, top + Line + 4);
        double cell = (width - labels - Gap) / grid.Columns.Count;
        double row = grid.Rows.Count == grid.Columns.Count ? cell : 22;
        (double right, double bottom) = (x + (cell * grid.Columns.Count), y + (row * grid.Rows.Count));
        svg.Text("text", x, top + Line - 2, grid.Caption);
        for (int i = 0; i < grid.Values.Count; i++)
        {
            double value = grid.Values[i];
            if (!double.IsFinite(value))
                continue;
            (double cx, double cy) = (x + (i % grid.Columns.Count * cell), y + (i / grid.Columns.Count * row));
            double part = high > low ? (value - low) / (high - low) : 0;
            svg.Add($"""<rect class="cell" x="{cx:0.##}" y="{cy:0.##}" width="{cell:0.##}" height="{row:0.##}" fill="{Colour(part)}"/>""");
            if (grid.ShowsValues)
                svg.Text($"text small middle {(part < 0.5 ? "on-dark" : "on-light")}", cx + (cell / 2), cy + (row / 2) + 4, Short(value));
        }

        if (grid.Frame is { } f)
            svg.Path("outline", [(x + (f.Left * cell), y + (f.Top * row)), (x + (f.Right * cell), y + (f.Top * row)),
                (x + (f.Right * cell), y + (f.Bottom * row)), (x + (f.Left * cell), y + (f.Bottom * row)),
                (x + (f.Left * cell), y + (f.Top * row))]);
        for (int r = 0; r < grid.Rows.Count; r += Every(Line, row))
            svg.Text("text end", x - 6, y + ((r + 0.5) * row) + 4, grid.Rows[r]);
        for (int c = 0; c < grid.Columns.Count; c += Every(grid.Columns.Max(SvgDrawing.TextWidth) + 8, cell))
            svg.Text("text middle", x + ((c + 0.5) * cell), bottom + Line, grid.Columns[c]);
        svg.Text("text middle", (x + right) / 2, bottom + (2 * Line), XLabel);
        svg.UpText(left + 6, (y + bottom) / 2, YLabel);
        return bottom + (2 * Line) + 8;
    }

    private void DrawScale(SvgDrawing svg, double y, double low, double high)
    {
        const double From = 220, To = 560;
        const int Steps = 64;
        for (int i = 0; i < Steps; i++)
        {
            (double x, double width) = (From + ((To - From) * i / Steps), ((To - From) / Steps) + 0.5);
            svg.Add($"""<rect x="{x:0.##}" y="{y:0.##}" width="{width:0.##}" height="12" fill="{Colour((i + 0.5) / Steps)}"/>""");
        }

        svg.Text("text end", From - 10, y + 11, Unit);
        if (high > low)
            foreach (double tick in new Axis(low, high, From, To).Ticks(5, whole: false))
                svg.Text("text middle", new Axis(low, high, From, To).At(tick), y + 28, Axis.Text(tick));
        else
            svg.Text("text middle", (From + To) / 2, y + 28, Axis.Text(low));
    }

    private static int Every(double needed, double room) => Math.Max(1, (int)Math.Ceiling(needed / room));

    private static string Short(double value) => value.ToString(Math.Abs(value) >= 100 ? "#,0" : "0.##", CultureInfo.InvariantCulture);

    // Between neighbouring colours.
    private static string Colour(double part)
    {
        double place = Math.Clamp(part, 0, 1) * (Colours.Length - 1);
        int below = Math.Min((int)place, Colours.Length - 2);
        ((int R, int G, int B) a, (int R, int G, int B) b, double t) = (Colours[below], Colours[below + 1], place - below);
        int Mix(int from, int to) => (int)Math.Round(from + ((to - from) * t));
        return $"#{Mix(a.R, b.R):x2}{Mix(a.G, b.G):x2}{Mix(a.B, b.B):x2}";
    }
}
