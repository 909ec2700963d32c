using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// Kernels under the measured roofs of their device, both axes logarithmic: operations for each byte against operations per second. The
/// area of a point is the kernel's time. Source: Williams, Waterman, Patterson: Roofline (CACM 2009).
/// </summary>
internal static class RooflineFigure
{
    private const double Left = 78, Right = 736, Top = 62, Bottom = 400;

    private static readonly (string Name, Func<LaunchRecord, bool> Is)[] Phases =
    [
        ("attack passes", launch => launch.Phase == Phase.Attack), ("updates", launch => launch.Phase == Phase.Update),
        ("everything else", launch => launch.Phase is not (Phase.Attack or Phase.Update)),
    ];

    // Parts of the sloping roof at which its name may stand.
    private static readonly double[] Places = [0.5, 0.35, 0.65, 0.2, 0.8];

    /// <summary>The figure.</summary>
    public static Figure Of(CostProfile profile)
    {
        DevicePeaks peaks = profile.Peaks;
        Dot[] dots = [.. Phases.SelectMany((phase, series) => profile.Launches.Where(phase.Is).GroupBy(launch => launch.Kernel)
            .Select(kernel => new Dot(kernel.Key, series, CostSum.Of(kernel)))
            .Where(dot => dot.Sum is { Flops: > 0, Bytes: > 0, Nanoseconds: > 0 })).OrderByDescending(dot => dot.Sum.Nanoseconds)];
        DataTable table = new(
            "Kernels under the roof", ["kernel", "phase", "FLOP/byte", "GFLOP/s", "roof at this intensity, GFLOP/s", "ms"],
            [.. dots.Select(dot => (IReadOnlyList<string>)
            [
                dot.Kernel, Phases[dot.Series].Name, ProfileFigures.Three(dot.Sum.Intensity),
                ProfileFigures.Three(dot.Sum.GigaflopsPerSecond),
                ProfileFigures.Three(Roof(peaks, dot.Kernel, dot.Sum.Intensity!.Value)), ProfileFigures.Three(dot.Sum.Milliseconds),
            ])]);
        return new Figure("Roofline", dots.Length == 0 ? null : Draw(peaks, dots), [table])
        {
            Note = "The line is what the device reached in copies and multiply-adds. "
                + "Above it: fewer operations than the definition's, or caches.",
        };
    }

    private static double Roof(DevicePeaks peaks, string kernel, double intensity) =>
        Math.Min(peaks.GigaflopsOf(kernel), peaks.GigabytesPerSecond * intensity);

    private static string Draw(DevicePeaks peaks, Dot[] dots)
    {
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, "Roofline");
        svg.Legend(Left, 46, Phases.Select((phase, i) => (i, phase.Name)));
        double[] roofs = [.. dots.Select(dot => peaks.GigaflopsOf(dot.Kernel)).Distinct()];
        Axis x = Decades([.. dots.Select(dot => dot.Sum.Intensity!.Value), roofs.Max() / peaks.GigabytesPerSecond], Left, Right);
        Axis y = Decades([.. dots.Select(dot => dot.Sum.GigaflopsPerSecond!.Value), .. roofs], Bottom, Top);
        foreach (double tick in Powers(x))
        {
            svg.Path("grid", [(x.At(tick), Top), (x.At(tick), Bottom)]);
            svg.Text("text middle", x.At(tick), Bottom + 20, Power(tick));
        }

        foreach (double tick in Powers(y))
        {
            svg.Path("grid", [(Left, y.At(tick)), (Right, y.At(tick))]);
            svg.Text("text end", Left - 8, y.At(tick) + 4, Power(tick));
        }

        svg.Path("axis", [(Left, Top), (Left, Bottom), (Right, Bottom)]);
        double longest = dots[0].Sum.Nanoseconds;
        List<(double X, double Y, double Radius)> circles = [];
        foreach (Dot dot in dots)
        {
            double radius = 3 + (13 * Math.Sqrt(dot.Sum.Nanoseconds / longest));
            double cx = x.At(Math.Log10(dot.Sum.Intensity!.Value)), cy = y.At(Math.Log10(dot.Sum.GigaflopsPerSecond!.Value));
            circles.Add((cx, cy, radius));
            string tip = $"{dot.Kernel}, {Phases[dot.Series].Name}: {ProfileFigures.Three(dot.Sum.Milliseconds)} ms";
            svg.Add($"""<circle class="dot f{dot.Series}" cx="{cx:0.##}" cy="{cy:0.##}" r="{radius:0.##}">""");
            svg.Add($"<title>{SvgDrawing.Escape(tip)}</title></circle>");
        }

        // Over the dots, which would hide what is written at the roof.
        foreach (double roof in roofs)
            DrawRoof(svg, peaks.GigabytesPerSecond, roof, x, y, circles);
        svg.Text("text middle", (Left + Right) / 2, Bottom + 44, "FLOP for each byte that must move");
        svg.UpText(18, (Top + Bottom) / 2, "GFLOP/s");
        return svg.Finish("Roofline", Bottom + 58);
    }

    private static void DrawRoof(
        SvgDrawing svg, double bandwidth, double roof, Axis x, Axis y, List<(double X, double Y, double Radius)> circles)
    {
        double low = Math.Max(x.Low, y.Low - Math.Log10(bandwidth));
        double ridge = Math.Log10(roof / bandwidth);
        double top = y.At(Math.Log10(roof));
        svg.Path("line axis", [(x.At(low), y.At(low + Math.Log10(bandwidth))), (x.At(ridge), top), (Right, top)]);
        svg.Text("text small end", Right - 4, top - 6, $"{ProfileFigures.Three(roof)} GFLOP/s");
        string text = $"{ProfileFigures.Three(bandwidth)} GB/s";
        // Where no dot lies under it, or in the middle.
        (double right, double bottom) = Places.Select(part => low + (part * (ridge - low)))
            .Select(place => (x.At(place) - 8, y.At(place + Math.Log10(bandwidth)) - 4))
            .OrderBy(place => circles.Any(circle => Covers(circle, place, SvgDrawing.TextWidth(text)))).First();
        svg.Text("text small end", right, bottom, text);
    }

    private static bool Covers((double X, double Y, double Radius) circle, (double Right, double Bottom) text, double width) =>
        circle.X + circle.Radius > text.Right - width && circle.X - circle.Radius < text.Right
        && circle.Y + circle.Radius > text.Bottom - 11 && circle.Y - circle.Radius < text.Bottom + 3;

    // Whole powers of ten around values, as logarithms.
    private static Axis Decades(double[] values, double start, double end)
    {
        double low = Math.Floor(Math.Log10(values.Min())), high = Math.Ceiling(Math.Log10(values.Max()) + 0.05);
        return new Axis(low, Math.Max(high, low + 1), start, end);
    }

    private static IEnumerable<double> Powers(Axis axis) =>
        Enumerable.Range((int)axis.Low, (int)(axis.High - axis.Low) + 1).Select(power => (double)power);

    private static string Power(double power) => Math.Pow(10, power).ToString("#,0.######", CultureInfo.InvariantCulture);

    private sealed record Dot(string Kernel, int Series, CostSum Sum);
}
