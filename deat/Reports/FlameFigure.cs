using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// The timed batches of an epoch on a time axis, joined end to end, each row the parts of the row above: epoch, batch, iteration, phase,
/// layer, kernel. The batch of the median time is shown first and down to its kernels, the others down to their iterations. In a browser,
/// a click on a part stretches it to the whole width (script of <see cref="ReportPage"/>).
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
        TimedBatch[] epoch = [.. profile.Batches.Where(each => EpochOf(profile, each) == EpochOf(profile, batch))];
        LaunchRecord[] launches = [.. profile.LaunchesOf(batch)];
        string title = string.Create(CultureInfo.InvariantCulture, $"A batch in time: {batch.Duration / 1e6:#,0.##} ms");
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, title);
        svg.Add($"""<g class="flame" data-left="{Left}" data-width="{Width}">""");
        Axes axes = new(
            epoch.Sum(each => each.Duration), epoch.TakeWhile(each => each != batch).Sum(each => each.Duration), batch.Duration);
        string number = EpochOf(profile, batch) is { } known ? $"epoch {Axis.Text(known)}" : "an epoch";
        Part(svg, 0, $"{number}, {Axis.Text(epoch.Length)} timed {(epoch.Length == 1 ? "batch" : "batches")}", 5, 0, axes.Whole, axes);
        long offset = 0;
        foreach (TimedBatch each in epoch)
        {
            Part(svg, 1, $"batch {Axis.Text(each.Index)}", 5, offset, offset + each.Duration, axes);
            LaunchRecord[] own = each == batch ? launches : [.. profile.LaunchesOf(each)];
            for (int level = 0; level < (each == batch ? Levels.Length : 1); level++)
                foreach ((string[] path, long start, long end) in Parts(own, level))
                    Part(svg, level + 2, path[^1], Colour(path), start - each.Start + offset, end - each.Start + offset, axes);
            offset += each.Duration;
        }

        svg.Add($"</g>");
        IReadOnlyList<string>[] rows = [.. Parts(launches, 1).GroupBy(part => string.Join(" > ", part.Path))
            .Select(group => (IReadOnlyList<string>)
                [group.Key, Axis.Text(group.Count()), ProfileFigures.Three(group.Sum(part => part.End - part.Start) / 1e6)])];
        DataTable table = new(title, ["part", "stretches", "ms"], rows);
        return new Figure(title, svg.Finish(title, Top + ((Levels.Length + 2) * Row) + 12), [table])
        {
            Note = "Rows: epoch, batch, iteration, phase, layer, kernel; gaps are waits. Blue are passes that attack, orange updates. "
                + "A click stretches a part, a click on the epoch shows its timed batches side by side.",
        };
    }

    // From 0; null where the profile does not know.
    private static int? EpochOf(CostProfile profile, TimedBatch batch) =>
        batch.Index < profile.Epochs.Count ? profile.Epochs[batch.Index] : null;

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

    // From start to end on the axis of all batches, drawn where the shown stretch has it.
    private static void Part(SvgDrawing svg, int row, string name, int colour, long start, long end, Axes axes)
    {
        double from = (start - axes.Start) / (double)axes.Shown, to = (end - axes.Start) / (double)axes.Shown;
        if ((to - from) * Width < LeastShown)
            return;
        (double left, double right) = (Math.Clamp(from, 0, 1), Math.Clamp(to, 0, 1));
        double x = Left + (left * Width), width = (right - left) * Width, y = Top + (row * Row);
        string tip = string.Create(CultureInfo.InvariantCulture, $"{name}: {(end - start) / 1e6:0.###} ms");
        string shown = SvgDrawing.TextWidth(name) < width - 6 ? name : "";
        (double place, double part) = (start / (double)axes.Whole, (end - start) / (double)axes.Whole);
        string hidden = right > left ? "" : " style=\"display: none\"";
        svg.Add($"""<g data-x="{place:0.########}" data-w="{part:0.########}" data-name="{SvgDrawing.Escape(name)}"{hidden}>""");
        svg.Add($"""<rect class="cell part f{colour}" x="{x:0.##}" y="{y}" width="{width:0.##}" height="{Row - 2}">""");
        svg.Add($"""<title>{SvgDrawing.Escape(tip)}</title></rect>""");
        svg.Add($"""<text class="small part-name" x="{x + 4:0.##}" y="{y + 15}">{SvgDrawing.Escape(shown)}</text></g>""");
    }

    // The phase's colour; iterations are grey.
    private static int Colour(string[] path) => path.Length < 2 ? 5
        : path[1].StartsWith("attack", StringComparison.Ordinal) ? 0
        : path[1].StartsWith("update", StringComparison.Ordinal) ? 1
        : path[1].StartsWith("optimizer", StringComparison.Ordinal) ? 4 : 2;

    /// <summary>Nanoseconds: of all batches, where the shown stretch begins among them, and how long that is.</summary>
    private readonly record struct Axes(long Whole, long Start, long Shown);
}
