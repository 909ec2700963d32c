using System.Globalization;
using System.Xml.Linq;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class MagnitudeFigureTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Test]
    public void EveryEpochAndEveryIncreaseIsDrawn()
    {
        var figure = Parse(MagnitudeFigure.Draw(Authors()));
        Assert.That(Elements(figure, "circle", "point"), Has.Length.EqualTo(50));
        // From 2 to 8 replays; the first, after epoch 0, knows no threshold.
        Assert.That(Elements(figure, "circle", "ring"), Has.Length.EqualTo(6));
        Assert.That(Elements(figure, "path", "bar"), Has.Length.EqualTo(50));
        var texts = figure.Descendants(Svg + "text").Select(t => t.Value).ToArray();
        Assert.That(texts, Is.SupersetOf(new[] { "epoch", "replays", "gradient magnitude", "\u2191 5,825", "8", "45", "3,000" }));
    }

    [Test]
    public void ThePointsLieWhereTheirValuesAre()
    {
        var points = Elements(Parse(MagnitudeFigure.Draw(Authors())), "circle", "point");
        var height = points.Select(p => Number(p, "cy")).ToArray();
        var magnitude = AuthorsLogs.PreActResNet18.Magnitude;
        // Epoch 0 is cut off; between the others heights are in proportion.
        for (var e = 3; e < 50; e++)
            Assert.That((height[e] - height[1]) / (height[2] - height[1]),
                Is.EqualTo((magnitude[e] - magnitude[1]) / (magnitude[2] - magnitude[1])).Within(2e-3));
        Assert.That(height[0], Is.EqualTo(height.Min()));
    }

    [Test]
    public void OddRunsAreDrawnToo([Values("one", "infinite", "none", "constant", "zero replays")] string kind)
    {
        var epochs = Authors().Take(kind == "one" ? 1 : 10).Select(e => kind switch
        {
            "infinite" => e with { Threshold = e.Threshold is null ? null : double.PositiveInfinity },
            "none" => e with { Magnitude = null, Threshold = null },
            "constant" => e with { Magnitude = 3, Threshold = 3 },
            "zero replays" => e with { Replays = 0 },
            _ => e,
        }).ToArray();
        var text = MagnitudeFigure.Draw(epochs);
        Assert.That(text, Does.Not.Contain("NaN").And.Not.Contain("∞").And.Not.Contain("Infinity"));
        var figure = Parse(text);
        Assert.That(Elements(figure, "circle", "point"), Has.Length.EqualTo(kind == "none" ? 0 : epochs.Length));
        Assert.That(figure.ToString().Contains("does not measure"), Is.EqualTo(kind == "none"));
    }

    internal static EpochMetrics[] Authors()
    {
        var schedule = new MagnitudeReplays { Gamma = 1.01, Maximum = 8, StepSize = 10.0 / 255, Epsilon = 8.0 / 255 };
        var state = schedule.First;
        return [.. AuthorsLogs.PreActResNet18.Magnitude.Select(magnitude =>
        {
            var metrics = new EpochMetrics
            {
                Epoch = state.Epoch, Seconds = 1, LearningRate = 0.05, TrainLoss = 1, TrainAccuracy = 0.5, Replays = state.Count,
                StepSize = state.StepSize, Passes = 391 * state.Count, Magnitude = magnitude, Threshold = state.Threshold,
            };
            state = schedule.Next(state, new EpochOutcome(magnitude, 0.5));
            return metrics;
        })];
    }

    private static XElement Parse(string svg) => XDocument.Parse(svg).Root!;

    private static XElement[] Elements(XElement figure, string name, string style) =>
        [.. figure.Descendants(Svg + name).Where(e => ((string?)e.Attribute("class") ?? "").Split(' ').Contains(style))];

    private static double Number(XElement element, string attribute) =>
        double.Parse((string)element.Attribute(attribute)!, CultureInfo.InvariantCulture);
}
