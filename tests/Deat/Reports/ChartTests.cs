using System.Globalization;
using System.Xml.Linq;
using Deat.Training;
using NUnit.Framework;
using StbImageSharp;

namespace Deat.Tests;

public sealed class ChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Test]
    public void PointsLieWhereTheirValuesAreAndTheTableHasThem()
    {
        LineChart chart = new("A < B & C", "seconds",
        [
            new Panel("loss", "nats", [Line("first", [(1, 2.5), (2, null), (4, 7.5)]), Line("second", [(2, 5), (3, double.NaN)])]),
            new Panel("count", "", [new Series("third", Mark.Bars, [(1, 3)])]) { IsWhole = true },
        ])
        { IsWhole = false };
        XElement figure = Parse(chart.Draw());
        XElement[] points = [.. Of(figure, "circle", "f0"), .. Of(figure, "circle", "f1")];
        double[] heights = [.. points.Select(point => Number(point, "cy"))];
        Assert.That(heights, Has.Length.EqualTo(3));
        Assert.That(heights[2], Is.EqualTo((heights[0] + heights[1]) / 2).Within(0.02), "5 is half-way between 2.5 and 7.5");
        Assert.That(heights[0], Is.GreaterThan(heights[1]), "up is more");
        double[] places = [.. points.Select(point => Number(point, "cx"))];
        Assert.That((places[2] - places[0]) / (places[1] - places[0]), Is.EqualTo(1.0 / 3).Within(1e-3));
        Assert.That(Texts(figure), Is.SupersetOf(new[] { "A < B & C", "seconds", "loss, nats", "count", "first", "second" }));
        DataTable table = chart.Table();
        Assert.That(table.Columns, Is.EqualTo(new[] { "seconds", "first, nats", "second, nats", "third" }));
        Assert.That(table.Rows.Select(row => string.Join("|", row)), Is.EqualTo(new[] { "1|2.5||3", "2||5|", "3|||", "4|7.5||" }));
        XElement html = XDocument.Parse(table.Html()).Root!;
        Assert.That((string)html.Element("caption")!, Is.EqualTo("A < B & C"));
        Assert.That(html.Descendants("td").Count(), Is.EqualTo(16));
    }

    [Test]
    public void PointsBeyondTheScaleStandAtItsEndsWithTheirValues()
    {
        LineChart chart = new("t", "x", [new Panel("y", "", [Line("s", [(0, 1000), (1, 1), (2, 2), (3, -50)])]) { Scale = [1, 2] }]);
        XElement figure = Parse(chart.Draw());
        Assert.That(Texts(figure), Is.SupersetOf(new[] { "\u2191 1,000", "\u2193 -50" }));
        double[] heights = [.. Of(figure, "circle", "point").Select(p => Number(p, "cy"))];
        Assert.That(heights[0], Is.LessThan(heights[2]).And.EqualTo(heights.Min()));
        Assert.That(heights[3], Is.GreaterThan(heights[1]).And.EqualTo(heights.Max()));
    }

    [Test]
    public void EverySeriesHasAColourAndADashOfItsOwn()
    {
        Series[] series = [.. Enumerable.Range(0, SvgDrawing.Series).Select(i => Line($"s{i}", [(0, i), (1, i)]))];
        LineChart chart = new("t", "x", [new Panel("y", "", series)]);
        string text = chart.Draw();
        XElement figure = Parse(text);
        string style = (string)figure.Element(Svg + "style")!;
        for (int i = 0; i < SvgDrawing.Series; i++)
        {
            Assert.That(Of(figure, "path", $"s{i}"), Has.Length.EqualTo(2), "line and legend");
            Assert.That(style.Split($".s{i} {{ stroke: #"), Has.Length.EqualTo(3), "light and dark");
            Assert.That(style.Contains($".s{i} {{ stroke-dasharray"), Is.EqualTo(i > 0));
        }
    }

    [Test]
    public void OddChartsAreDrawnToo()
    {
        (double, double?)[][] odd = [[], [(3, null)], [(3, 0)], [(0, double.PositiveInfinity), (1, 4)]];
        foreach ((double, double?)[] points in odd)
        {
            string text = new LineChart("t", "x", [new Panel("y", "u", [new Series("s", Mark.Line, points)])]).Draw();
            Assert.That(text, Does.Not.Contain("NaN").And.Not.Contain("Infinity").And.Not.Contain("\u221e"));
            Parse(text);
        }

        string map = new HeatMap("t", "x", "y", "u", [new HeatGrid("c", ["a"], ["b"], [double.NaN])]).Draw();
        Assert.That(Of(Parse(map), "rect", "cell"), Is.Empty);
    }

    [Test]
    public void CellsAreDarkToLightInTheOrderOfTheirValues()
    {
        HeatMap map = new("t", "columns", "rows", "ms",
            [new HeatGrid("grid", ["a", "b", "c"], ["r", "s"], [1, 2, 3, 4, 5, 6]) { ShowsValues = true, Frame = (0, 0, 1, 1) }]);
        XElement figure = Parse(map.Draw());
        XElement[] cells = Of(figure, "rect", "cell");
        Assert.That(cells.Select(cell => (string)cell.Attribute("fill")!).First(), Is.EqualTo("#00224e"));
        Assert.That(cells.Select(cell => (string)cell.Attribute("fill")!).Last(), Is.EqualTo("#fee838"));
        double[] lightness = [.. cells.Select(cell => Lightness((string)cell.Attribute("fill")!))];
        Assert.That(lightness, Is.Ordered.Ascending);
        Assert.That(Number(cells[3], "y"), Is.GreaterThan(Number(cells[0], "y")), "row by row from above");
        Assert.That(Number(cells[1], "x"), Is.GreaterThan(Number(cells[0], "x")));
        Assert.That(Texts(figure), Is.SupersetOf(new[] { "columns", "rows", "ms", "a", "b", "c", "r", "s", "6" }));
        Assert.That(Of(figure, "path", "outline"), Has.Length.EqualTo(1));
        DataTable table = map.Tables().Single();
        Assert.That(table.Rows.Select(row => string.Join("|", row)), Is.EqualTo(new[] { "r|1|2|3", "s|4|5|6" }));
    }

    [TestCase(3, 5, 7)]
    [TestCase(1, 4, 3)]
    [TestCase(3, 32, 32)]
    public void PicturesAreReadAsTheyWereWritten(int channels, int height, int width)
    {
        byte[] pixels = new byte[channels * height * width];
        new Random(3).NextBytes(pixels);
        ImageResult image = ImageResult.FromMemory(Png.Encode(pixels, height, width));
        Assert.That((image.Width, image.Height, (int)image.Comp), Is.EqualTo((width, height, channels)));
        for (int i = 0; i < pixels.Length; i++)
            Assert.That(image.Data[(i % (height * width) * channels) + (i / (height * width))], Is.EqualTo(pixels[i]));
    }

    private static Series Line(string name, (double, double?)[] points) => new(name, Mark.Line, points);

    private static XElement Parse(string svg) => XDocument.Parse(svg).Root!;

    private static string[] Texts(XElement figure) => [.. figure.Descendants(Svg + "text").Select(t => t.Value)];

    private static XElement[] Of(XElement figure, string name, string style) =>
        [.. figure.Descendants(Svg + name).Where(e => ((string?)e.Attribute("class") ?? "").Split(' ').Contains(style))];

    private static double Number(XElement element, string attribute) =>
        double.Parse((string)element.Attribute(attribute)!, CultureInfo.InvariantCulture);

    private static double Lightness(string colour)
    {
        int Part(int start) => int.Parse(colour.AsSpan(start, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (0.2126 * Part(1)) + (0.7152 * Part(3)) + (0.0722 * Part(5));
    }
}
