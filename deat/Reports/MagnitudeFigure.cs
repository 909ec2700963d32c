using System.Globalization;
using System.Text;

namespace Deat.Training;

/// <summary>
/// magnitude.svg: the gradient magnitude per epoch with the threshold it was compared with, and below it the replays of each epoch.
/// A ringed point lies above its threshold. The colours are those of Okabe and Ito, told apart with any colour vision, and
/// follow the viewer's light or dark scheme.
/// </summary>
public static class MagnitudeFigure
{
    private const double Width = 760, Left = 78, Right = 736;
    private static readonly Panel Magnitudes = new(Top: 66, Bottom: 300);
    private static readonly Panel Replays = new(Top: 330, Bottom: 418);

    private const string Style = """
        .page { fill: #ffffff } .text, .title { fill: #222222 } .grid { stroke: #dddddd } .axis { stroke: #666666 }
        .magnitude { stroke: #0072b2 } .point { fill: #0072b2 } .threshold { stroke: #d55e00 } .replays { fill: #009e73 }
        .text { font: 13px sans-serif } .title { font: bold 15px sans-serif } .middle { text-anchor: middle } .end { text-anchor: end }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round } .threshold { stroke-dasharray: 7 4 }
        .ring { fill: none; stroke-width: 1.5 } .grid, .axis { stroke-width: 1 }
        @media (prefers-color-scheme: dark) {
          .page { fill: #16181c } .text, .title { fill: #e6e6e6 } .grid { stroke: #33373d } .axis { stroke: #9aa0a8 }
          .magnitude { stroke: #56b4e9 } .point { fill: #56b4e9 } .threshold { stroke: #e69f00 } .replays { fill: #2bb38c }
        }
        """;

    /// <summary>Draws the figure.</summary>
    /// <param name="epochs">The recorded epochs, at least one.</param>
    /// <returns>The text of an SVG file.</returns>
    public static string Draw(IReadOnlyList<EpochMetrics> epochs)
    {
        var svg = new Drawing();
        svg.Add($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} 470" role="img">""");
        svg.Add($"<title>Gradient magnitude and replays in {epochs.Count} epochs</title>\n<style>{Style}</style>");
        svg.Add($"""<rect class="page" width="{Width}" height="470"/>""");
        svg.Text("title", Left, 24, "Gradient magnitude and replays per epoch");
        var x = new Axis(epochs[0].Epoch - 0.5, epochs[^1].Epoch + 0.5, Left, Right);
        if (epochs.Any(e => e.Magnitude is not null))
            DrawMagnitudes(svg, epochs, x);
        else
            svg.Text("text middle", (Left + Right) / 2, 180, "This method does not measure the gradient magnitude.");
        DrawReplays(svg, epochs, x);
        svg.Text("text middle", (Left + Right) / 2, 460, "epoch");
        svg.Add($"</svg>");
        return svg.ToString();
    }

    private static void DrawMagnitudes(Drawing svg, IReadOnlyList<EpochMetrics> epochs, Axis x)
    {
        var y = MagnitudeAxis(epochs);
        foreach (var tick in y.Ticks(6, whole: false))
            svg.Tick(y.At(tick), tick.ToString("#,0.######", CultureInfo.InvariantCulture));
        svg.UpText(18, (Magnitudes.Top + Magnitudes.Bottom) / 2, "MG: sum of |gradient|, normalised input");
        svg.Frame(Magnitudes);
        var shown = epochs.Where(e => e.Magnitude is { } m && double.IsFinite(m)).ToArray();
        svg.Path("line threshold", epochs.Where(e => e.Threshold is { } t && double.IsFinite(t)).SelectMany(e => new[]
            { (x.At(e.Epoch - 0.5), y.At(e.Threshold!.Value)), (x.At(e.Epoch + 0.5), y.At(e.Threshold.Value)) }));
        svg.Path("line magnitude", shown.Select(e => (x.At(e.Epoch), y.Inside(e.Magnitude!.Value))));
        foreach (var e in shown)
        {
            var (px, py) = (x.At(e.Epoch), y.Inside(e.Magnitude!.Value));
            svg.Add($"""<circle class="point" cx="{px:0.##}" cy="{py:0.##}" r="3"/>""");
            if (e.Magnitude > e.Threshold)
                svg.Add($"""<circle class="ring threshold" style="stroke-dasharray: none" cx="{px:0.##}" cy="{py:0.##}" r="6.5"/>""");
            if (py != y.At(e.Magnitude.Value))
                svg.Text("text", px + 8, py + 4, $"\u2191 {e.Magnitude.Value:N0}");
        }
        svg.Legend();
    }

    // Epoch 0 trains on one iteration and its magnitude is often twice all others; it must not press them flat.
    private static Axis MagnitudeAxis(IReadOnlyList<EpochMetrics> epochs)
    {
        var values = epochs.Where(e => e.Epoch > 0 || epochs.Count == 1)
            .SelectMany(e => new[] { e.Magnitude, e.Threshold }).OfType<double>().Where(double.IsFinite).DefaultIfEmpty(1).ToArray();
        var margin = Math.Max((values.Max() - values.Min()) * 0.08, Math.Abs(values.Max()) * 0.01 + 1e-9);
        return new Axis(values.Min() - margin, values.Max() + 1.5 * margin, Magnitudes.Bottom, Magnitudes.Top);
    }

    private static void DrawReplays(Drawing svg, IReadOnlyList<EpochMetrics> epochs, Axis x)
    {
        var y = new Axis(0, Math.Max(1, epochs.Max(e => e.Replays)) * 1.08, Replays.Bottom, Replays.Top);
        foreach (var tick in y.Ticks(8, whole: true))
            svg.Tick(y.At(tick), $"{tick:0}");
        foreach (var e in epochs)
        {
            var gap = Math.Min(1, (x.At(1) - x.At(0)) * 0.1);
            var (from, to) = (x.At(e.Epoch - 0.5) + gap, x.At(e.Epoch + 0.5) - gap);
            var top = y.At(e.Replays);
            svg.Add($"""<path class="replays" d="M{from:0.##} {y.At(0):0.##}V{top:0.##}H{to:0.##}V{y.At(0):0.##}Z"/>""");
        }
        foreach (var tick in x.Ticks(12, whole: true))
            svg.Text("text middle", x.At(tick), Replays.Bottom + 18, $"{tick:0}");
        svg.UpText(18, (Replays.Top + Replays.Bottom) / 2, "replays");
        svg.Frame(Replays);
    }

    private readonly record struct Panel(double Top, double Bottom);

    /// <summary>Values from Low to High on the drawing from Start to End.</summary>
    private readonly record struct Axis(double Low, double High, double Start, double End)
    {
        public double At(double value) => Start + (value - Low) / (High - Low) * (End - Start);

        public double Inside(double value) => At(Math.Clamp(value, Low, High));

        /// <summary>About <paramref name="count"/> round values: 1, 2 or 5 times a power of ten apart.</summary>
        public IEnumerable<double> Ticks(int count, bool whole)
        {
            var power = Math.Pow(10, Math.Floor(Math.Log10((High - Low) / count)));
            var rough = (High - Low) / count / power;
            var step = power * (rough <= 1 ? 1 : rough <= 2 ? 2 : rough <= 5 ? 5 : 10);
            step = whole ? Math.Max(1, step) : step;
            for (var i = (long)Math.Ceiling(Low / step); i * step <= High; i++)
                yield return i * step;
        }
    }

    private sealed class Drawing
    {
        private readonly StringBuilder _svg = new();

        public void Add(FormattableString line) => _svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        public void Text(string style, double x, double y, string text) =>
            Add($"""<text class="{style}" x="{x:0.##}" y="{y:0.##}">{text}</text>""");

        public void UpText(double x, double y, string text) =>
            Add($"""<text class="text middle" transform="translate({x} {y}) rotate(-90)">{text}</text>""");

        public void Tick(double y, string text)
        {
            Add($"""<path class="grid" d="M{Left} {y:0.##}H{Right}"/>""");
            Text("text end", Left - 8, y + 4, text);
        }

        public void Frame(Panel panel) =>
            Add($"""<path class="axis" fill="none" d="M{Left} {panel.Top}V{panel.Bottom}H{Right}"/>""");

        public void Path(string style, IEnumerable<(double X, double Y)> points)
        {
            var steps = points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:0.##} {p.Y:0.##}"));
            if (string.Join("L", steps) is { Length: > 0 } path)
                Add($"""<path class="{style}" d="M{path}"/>""");
        }

        public void Legend()
        {
            Path("line magnitude", [(Left, 44), (Left + 26, 44)]);
            Text("text", Left + 32, 48, "gradient magnitude");
            Path("line threshold", [(Left + 172, 44), (Left + 198, 44)]);
            Text("text", Left + 204, 48, "threshold (ringed: exceeded, one more replay up to the maximum)");
        }

        public override string ToString() => _svg.ToString();
    }
}
