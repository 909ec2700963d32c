using System.Globalization;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class PixelsTests
{
    [TestCase("8", 8.0 / 255, "8/255 = 0.031373")]
    [TestCase(" 8 ", 8.0 / 255, "8/255 = 0.031373")]
    [TestCase("8/255", 8.0 / 255, "8/255 = 0.031373")]
    [TestCase("8 / 255", 8.0 / 255, "8 / 255 = 0.031373")]
    [TestCase("0.031", 0.031, "0.031 = 7.905/255")]
    [TestCase("1", 1.0 / 255, "1/255 = 0.003922")]
    [TestCase("1.5", 1.5 / 255, "1.5/255 = 0.005882")]
    [TestCase("255", 1.0, "255/255 = 1")]
    [TestCase("1/1", 1.0, "1/1 = 1")]
    [TestCase("0", 0.0, "0 = 0/255")]
    [TestCase("1e-2", 0.01, "1e-2 = 2.55/255")]
    public void PixelsQuotientsAndFractionsAreUnderstood(string text, double value, string shown)
    {
        var pixels = Pixels.Parse(text, "--epsilon");
        Assert.That(pixels.Value, Is.EqualTo(value));
        Assert.That(pixels.ToString(), Is.EqualTo(shown));
    }

    [TestCase("0,031", "not a number")]
    [TestCase("eight", "not a number")]
    [TestCase("", "not a number")]
    [TestCase("8/255/2", "not a number")]
    [TestCase("8/0", "not a quotient")]
    [TestCase("8/x", "not a quotient")]
    [TestCase("256", "outside")]
    [TestCase("-1", "outside")]
    [TestCase("3/2", "outside")]
    [TestCase("NaN", "not a number")]
    [TestCase("Infinity", "not a number")]
    public void AnythingElseIsRefusedWithTheOptionsName(string text, string reason) =>
        Assert.That(() => Pixels.Parse(text, "--alpha"),
            Throws.TypeOf<UsageException>().With.Message.Contains($"--alpha '{text}'").And.Message.Contains(reason));

    [Test]
    public void ARadiusInL2MayBeLargerThanThePixelRange()
    {
        Assert.That(Pixels.Parse("512/255", "--epsilon", most: 100).Value, Is.EqualTo(512.0 / 255));
        Assert.That(() => Pixels.Parse("101/1", "--epsilon", most: 100), Throws.TypeOf<UsageException>().With.Message.Contains("0 to 100"));
    }

    [Test]
    public void TheMachinesLanguageDoesNotMatter()
    {
        // Under ordinary globalisation a comma culture reads "0.031" as 31; a custom one does so in invariant mode too.
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NumberGroupSeparator) = (",", ".");
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = comma;
            Assert.That(double.Parse("0.031"), Is.EqualTo(31));
            Assert.That(Pixels.Parse("0.031", "--epsilon").ToString(), Is.EqualTo("0.031 = 7.905/255"));
            Assert.That(Pixels.Parse("1.5", "--epsilon").ToString(), Is.EqualTo("1.5/255 = 0.005882"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
