using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// One batch on a time axis, each row the parts of the row above: batch, iteration, phase, layer, kernel. The batch is the one of the
/// median time. In a browser, a click on a part stretches it to the whole width (script of <see cref="ReportPage"/>).
/// </summary>
internal static class FlameFigure
{
    private const double Left = 12, Width = SvgDrawing.Width - 24, Row = 24, Top = 40, LeastShown = 0.15;

    private static readonly (string Name, Func<LaunchRecord, string> Of)[] Levels =
    [
        ("iteration", launch => WorkPart.IterationOf(launch) is { } i ? $"iteration {Axis.Text(i + 1)}" : "once"),
        ("phase", launch => WorkPart.Of(launch).Title),
        ("layer", launch => launch.Layer.Length > 0 ? launch.Layer : "no layer"),
        ("kernel", launch => launch.Kernel),
    ];

    /// <summary>The figure.</summary>
    public static Figure Of(CostProfile profile)
    {
        TimedBatch batch = profile.Batches.OrderBy(each => each.Duration).ElementAt(profile.Batches.Count / 2);
        LaunchRecord[] launches = [.. profile.LaunchesOf(batch)];
        string title = string.Create(CultureInfo.InvariantCulture, $"A batch in time: {batch.Duration / 1e6:#,0.##} ms");
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, title);
        svg.Add($"""<g class="flame" data-left="{Left}" data-width="{Width}">""");
        Part(svg, 0, $"batch {batch.Index}, epoch 0", 5, batch.Start, batch.End, batch);
        for (int level = 0; level < Levels.Length; level++)
            foreach ((string[] path, long start, long end) in Parts(launches, level))
                Part(svg, level + 1, path[^1], Colour(path), start, end, batch);
        svg.Add($"</g>");
        IReadOnlyList<string>[] rows = [.. Parts(launches, 1).GroupBy(part => string.Join(" > ", part.Path))
            .Select(group => (IReadOnlyList<string>)
                [group.Key, Axis.Text(group.Count()), ProfileFigures.Three(group.Sum(part => part.End - part.Start) / 1e6)])];
        DataTable table = new(title, ["part", "stretches", "ms"], rows);
        return new Figure(title, svg.Finish(title, Top + ((Levels.Length + 1) * Row) + 12), [table])
        {
            Note = "Rows: batch, iteration, phase, layer, kernel; gaps are waits. Blue are passes that attack, orange updates. "
                + "A click stretches a part, a click on the batch shows all.",
        };
    }

    // Neighbouring launches with the same names down to a level.
    private static IEnumerable<(string[] Path, long Start, long End)> Parts(LaunchRecord[] launches, int level)
    {
        string[]? path = null;
        long start = 0, end = 0;
        foreach (LaunchRecord launch in launches)
        {
            string[] own = [.. Levels.Take(level + 1).Select(each => each.Of(launch))];
            if (path is not null && (level == Levels.Length - 1 || !path.SequenceEqual(own)))
            {
                yield return (path, start, end);
                path = null;
            }

            start = path is null ? launch.Start : start;
            (path, end) = (own, launch.End);
        }

        if (path is not null)
            yield return (path, start, end);
    }

    private static void Part(SvgDrawing svg, int row, string name, int colour, long start, long end, TimedBatch batch)
    {
        double from = (double)(start - batch.Start) / batch.Duration, part = (double)(end - start) / batch.Duration;
        double x = Left + (from * Width), width = part * Width;
        if (width < LeastShown)
            return;
        string tip = string.Create(CultureInfo.InvariantCulture, $"{name}: {(end - start) / 1e6:0.###} ms");
        string shown = SvgDrawing.TextWidth(name) < width - 6 ? name : "";
        double y = Top + (row * Row);
        svg.Add($"""<g data-x="{from:0.######}" data-w="{part:0.######}" data-name="{SvgDrawing.Escape(name)}">""");
        svg.Add($"""<rect class="cell part f{colour}" x="{x:0.##}" y="{y}" width="{width:0.##}" height="{Row - 2}">""");
        svg.Add($"""<title>{SvgDrawing.Escape(tip)}</title></rect>""");
        svg.Add($"""<text class="small part-name" x="{x + 4:0.##}" y="{y + 15}">{SvgDrawing.Escape(shown)}</text></g>""");
    }

    // The phase's colour; iterations are grey.
    private static int Colour(string[] path) => path.Length < 2 ? 5
        : path[1].StartsWith("attack", StringComparison.Ordinal) ? 0
        : path[1].StartsWith("update", StringComparison.Ordinal) ? 1
        : path[1].StartsWith("optimizer", StringComparison.Ordinal) ? 4 : 2;
}
