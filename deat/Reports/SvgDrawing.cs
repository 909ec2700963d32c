using System.Globalization;
using System.Security;
using System.Text;

namespace Deat.Training;

/// <summary>
/// An SVG file in the making: text, lines, and one style for all figures. Series s0 to s5 have the colours of Okabe and Ito, told apart
/// with any colour vision, and dashes of their own; all follow the viewer's light or dark scheme.
/// </summary>
internal sealed class SvgDrawing
{
    /// <summary>The width of a figure.</summary>
    public const double Width = 760;

    /// <summary>Series that can be told apart.</summary>
    public const int Series = 6;

    private const string Style = """
        .page { fill: #ffffff } .text, .title { fill: #222222 } .grid { stroke: #dddddd } .axis { stroke: #666666 }
        .s0 { stroke: #0072b2 } .s1 { stroke: #d55e00 } .s2 { stroke: #009e73 } .s3 { stroke: #cc79a7 } .s4 { stroke: #b37c00 }
        .s5 { stroke: #666666 } .f0 { fill: #0072b2 } .f1 { fill: #d55e00 } .f2 { fill: #009e73 } .f3 { fill: #cc79a7 }
        .f4 { fill: #b37c00 } .f5 { fill: #666666 } .on-dark { fill: #ffffff } .on-light { fill: #000000 }
        .s1 { stroke-dasharray: 7 4 } .s2 { stroke-dasharray: 2 3 } .s3 { stroke-dasharray: 9 3 2 3 } .s4 { stroke-dasharray: 4 3 }
        .s5 { stroke-dasharray: 12 3 }
        .text { font: 13px sans-serif } .title { font: bold 15px sans-serif } .middle { text-anchor: middle } .end { text-anchor: end }
        .small { font-size: 11px } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
        .ring { fill: none; stroke-width: 1.5; stroke-dasharray: none } .grid, .axis { stroke-width: 1; fill: none }
        .outline { fill: none; stroke: #ffffff; stroke-width: 2 }
        .pixels { image-rendering: pixelated } .cell { shape-rendering: crispEdges } .solid { stroke-dasharray: none }
        .dot { fill-opacity: 0.6 } .area { fill-opacity: 0.85 } .part { stroke: #ffffff; stroke-width: 0.5; fill-opacity: 0.75 }
        .part-name { font: 11px sans-serif; fill: #000000; pointer-events: none }
        @media (prefers-color-scheme: dark) {
          .page { fill: #16181c } .text, .title { fill: #e6e6e6 } .grid { stroke: #33373d } .axis { stroke: #9aa0a8 }
          .s0 { stroke: #56b4e9 } .s1 { stroke: #e69f00 } .s2 { stroke: #2bb38c } .s3 { stroke: #cc79a7 } .s4 { stroke: #f0e442 }
          .s5 { stroke: #9aa0a8 } .f0 { fill: #56b4e9 } .f1 { fill: #e69f00 } .f2 { fill: #2bb38c } .f3 { fill: #cc79a7 }
          .f4 { fill: #f0e442 } .f5 { fill: #9aa0a8 } .on-dark { fill: #ffffff } .on-light { fill: #000000 }
        }
        """;

    private readonly StringBuilder _body = new();

    /// <summary>Adds an element.</summary>
    public void Add(FormattableString line) => _body.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    /// <summary>Adds text.</summary>
    public void Text(string style, double x, double y, string text) =>
        Add($"""<text class="{style}" x="{x:0.##}" y="{y:0.##}">{Escape(text)}</text>""");

    /// <summary>Adds text that runs upwards.</summary>
    public void UpText(double x, double y, string text) =>
        Add($"""<text class="text middle" transform="translate({x:0.##} {y:0.##}) rotate(-90)">{Escape(text)}</text>""");

    /// <summary>Adds a line through points; nothing without points.</summary>
    public void Path(string style, IEnumerable<(double X, double Y)> points)
    {
        IEnumerable<string> steps = points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:0.##} {p.Y:0.##}"));
        if (string.Join("L", steps) is { Length: > 0 } path)
            Add($"""<path class="{style}" d="M{path}"/>""");
    }

    /// <summary>Adds a line of text that explains series, and another where the first is full.</summary>
    /// <param name="left">Where lines begin.</param>
    /// <param name="y">The baseline of the first.</param>
    /// <param name="entries">The number of each series and its text.</param>
    /// <returns>The baseline after the last line.</returns>
    public double Legend(double left, double y, IEnumerable<(int Series, string Text)> entries)
    {
        double x = left;
        foreach ((int series, string text) in entries)
        {
            if (x > left && x + 32 + TextWidth(text) > Width)
                (x, y) = (left, y + 18);
            Path($"line s{series % Series}", [(x, y - 4), (x + 26, y - 4)]);
            Text("text", x + 32, y, text);
            x += 50 + TextWidth(text);
        }

        return y + 18;
    }

    /// <summary>About the width of text of 13 pixels.</summary>
    public static double TextWidth(string text) => 6.6 * text.Length;

    /// <summary>The whole file.</summary>
    /// <param name="title">What the figure shows.</param>
    /// <param name="height">Its height.</param>
    public string Finish(string title, double height)
    {
        SvgDrawing file = new();
        file.Add($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height:0.##}" role="img">""");
        file.Add($"<title>{Escape(title)}</title>\n<style>{Style}</style>");
        file.Add($"""<rect class="page" width="{Width}" height="{height:0.##}"/>""");
        file._body.Append(_body).Append("</svg>\n");
        return file._body.ToString();
    }

    /// <summary>The height of a figure that <see cref="Finish"/> made.</summary>
    public static double HeightOf(string svg)
    {
        string before = $"viewBox=\"0 0 {Width} ";
        int start = svg.IndexOf(before, StringComparison.Ordinal) + before.Length;
        return double.Parse(svg[start..svg.IndexOf('"', start)], CultureInfo.InvariantCulture);
    }

    /// <summary>Text as it stands in an SVG file.</summary>
    public static string? Escape(string text) => SecurityElement.Escape(text);
}
