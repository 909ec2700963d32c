using System.Globalization;
using System.Xml.Linq;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The flame view: each part lies within the one above it, under the epoch that it was measured in.</summary>
public sealed class FlameFigureTests
{
    // Batches of 10, 40 and 30 ns in epochs 2, 3, 3; that of 30 is the median.
    private static readonly CostProfile Profile = TestProfiles.Of(
        [
            TestProfiles.Launch(0, 10), TestProfiles.Launch(10, 50, batch: 1),
            TestProfiles.Launch(50, 60, iteration: 0, batch: 2), TestProfiles.Launch(60, 80, iteration: 1, layer: "bn", batch: 2),
        ],
        10, 50, 80) with
    { Options = new() { ["method"] = "free" }, Epochs = [2, 3, 3] };

    [Test]
    public void EpochsStandOverBatchesAndTheseOverTheirParts()
    {
        XElement[] parts = Parts(Profile);
        Assert.That(
            parts.Select(part => $"{part.Attribute("data-name")!.Value} {Number(part, "data-x"):0.##} {Number(part, "data-w"):0.##}"),
            Is.EqualTo(new[]
            {
                "epoch 3, 2 timed batches 0 1", "batch 1 0 0.57", "iteration 1 0 0.57", "batch 2 0.57 0.43",
                "iteration 1 0.57 0.14", "iteration 2 0.71 0.29", "update forward 0.57 0.14", "update forward 0.71 0.29",
                "conv1 0.57 0.14", "bn 0.71 0.29", "K.A<Single> 0.57 0.14", "K.A<Single> 0.71 0.29",
            }));
    }

    [Test]
    public void TheMedianBatchFillsThePictureAtFirst()
    {
        XElement[] parts = Parts(Profile), shown = [.. parts.Where(part => part.Attribute("style") is null)];
        Assert.That(
            parts.Except(shown).Select(part => part.Attribute("data-name")!.Value), Is.EqualTo(new[] { "batch 1", "iteration 1" }));
        XElement[] wide = [.. shown.Where(part => Number(part.Elements().First(), "width") > 735)];
        Assert.That(
            wide.Select(part => part.Attribute("data-name")!.Value), Is.EqualTo(new[] { "epoch 3, 2 timed batches", "batch 2" }));
    }

    [Test]
    public void AProfileThatKnowsNoEpochsSaysNone() => Assert.That(
        Parts(Profile with { Epochs = [] })[0].Attribute("data-name")!.Value, Is.EqualTo("an epoch, 3 timed batches"));

    private static XElement[] Parts(CostProfile profile) =>
        [.. XElement.Parse(FlameFigure.Of(profile).Svg!).Descendants().Where(each => each.Attribute("data-x") is not null)];

    private static double Number(XElement element, string name) =>
        double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
}
