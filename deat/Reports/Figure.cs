namespace Deat.Training;

/// <summary>A picture of a report with the numbers behind it.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Svg">The picture, as SVG; null where the tables are all there is.</param>
/// <param name="Tables">The numbers.</param>
internal sealed record Figure(string Title, string? Svg, IReadOnlyList<DataTable> Tables)
{
    /// <summary>How to read it: plain text.</summary>
    public string Note { get; init; } = "";

    /// <summary>A chart.</summary>
    public static Figure Of(LineChart chart, string note = "") => new(chart.Title, chart.Draw(), [chart.Table()]) { Note = note };

    /// <summary>Grids of colours.</summary>
    public static Figure Of(HeatMap map, string note = "") => new(map.Title, map.Draw(), map.Tables()) { Note = note };
}

/// <summary>Figures of one subject.</summary>
/// <param name="Title">The subject.</param>
/// <param name="Facts">What is known of it, one line each.</param>
/// <param name="Figures">The figures.</param>
internal sealed record Section(string Title, IReadOnlyList<string> Facts, IReadOnlyList<Figure> Figures)
{
    /// <summary>What could be shown besides, and which command makes it.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];
}
