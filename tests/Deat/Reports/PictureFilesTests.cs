using Deat.Training;
using NUnit.Framework;
using StbImageSharp;

namespace Deat.Tests;

/// <summary>Pictures that a browser draws; without one, what is said.</summary>
public sealed class PictureFilesTests
{
    private TemporaryFolder _folder = null!;

    /// <summary>Whether a Chrome, Chromium or Edge is there.</summary>
    public static bool HasBrowser => Browser.Usual.Any(File.Exists);

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    // More than one sheet: the first and the last row of each must have its own colour.
    [Test]
    public void PicturesAreCutWhereTheyBeginAndEnd()
    {
        RequireBrowser();
        (string Colour, double Height)[] wanted = [("#c00000", 3000), ("#00c000", 2999.5), ("#0000c0", 200)];
        byte[][] files = [.. PictureFiles.Draw([.. wanted.Select(each => Plain(each.Colour, each.Height))], Find(), _folder.Path)];
        ImageResult[] images = [.. files.Select(file => ImageResult.FromMemory(file, ColorComponents.RedGreenBlue))];
        Assert.That(
            images.Select(image => (image.Width, image.Height)), Is.EqualTo(new[] { (1520, 6000), (1520, 6000), (1520, 400) }));
        for (int i = 0; i < images.Length; i++)
        {
            byte[] colour = Convert.FromHexString(wanted[i].Colour[1..]);
            Assert.That(images[i].Data[..3], Is.EqualTo(colour));
            // The last half pixel of 2,999.5 is the page's.
            Assert.That(images[i].Data[^(2 * 3 * 1520)..][..3], Is.EqualTo(colour));
        }

        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.Empty, "what the browser left behind");
    }

    [Test]
    public void APictureShowsTheLightSchemeWithText()
    {
        RequireBrowser();
        SvgDrawing drawing = new();
        drawing.Text("title", 20, 40, "Roofline");
        ImageResult image = ImageResult.FromMemory(
            PictureFiles.Draw([drawing.Finish("Roofline", 60)], Find(), _folder.Path).Single(), ColorComponents.RedGreenBlue);
        byte[] greens = [.. image.Data.Where((_, i) => i % 3 == 1)];
        Assert.That(greens[0], Is.EqualTo(255), "the page is white");
        int[] dark = [.. Enumerable.Range(0, greens.Length).Where(i => greens[i] < 80)];
        Assert.That(dark, Has.Length.InRange(400, 5000), "letters");
        Assert.That(dark.Select(i => i % 1520), Is.All.InRange(40, 250));
    }

    [Test]
    public void WithoutABrowserOneLineSaysWhatIsLookedFor() => Assert.That(
        () => Browser.Find(["/nowhere/chromium"]),
        Throws.TypeOf<UsageException>().With.Message.Contains("chromium").And.Message.Contains("msedge").And.Message.Contains("--browser"));

    [Test]
    public void WhatDrawsNothingIsNamed() => Assert.That(
        () => new Browser(Environment.ProcessPath!).Draw("", 1, 1, 1, _folder.Path),
        Throws.TypeOf<StorageException>().With.Message.Contains(Environment.ProcessPath!).And.Message.Not.Contains("\n"));

    [TestCase("Price of an iteration: 1.5 ms", "report-07-price-of-an-iteration-1-5-ms.png")]
    [TestCase("(all)", "report-07-all.png")]
    public void FilesAreNamedByPlaceAndTitle(string title, string name) =>
        Assert.That(PictureFiles.NameOf("report.html", 7, title), Is.EqualTo(name));

    private static void RequireBrowser()
    {
        if (!HasBrowser)
            Assert.Ignore("no browser (Debian: apt install chromium)");
    }

    private static Browser Find() => Browser.Find(Browser.Usual);

    private static string Plain(string colour, double height)
    {
        SvgDrawing drawing = new();
        drawing.Add($"""<rect width="{SvgDrawing.Width}" height="{height}" fill="{colour}"/>""");
        return drawing.Finish(colour, height);
    }
}
