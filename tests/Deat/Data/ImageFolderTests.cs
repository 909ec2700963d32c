using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ImageFolderTests
{
    private static readonly DataLimits All = new();

    /// <summary>Two classes with one test image each, to which a test adds what it is about.</summary>
    private static DataFiles TwoClasses()
    {
        DataFiles files = new();
        foreach (string part in new[] { "train", "test" })
        {
            files.Write($"{part}/cat/0.png", DataFiles.Plain(10, 20, 30));
            files.Write($"{part}/dog/0.png", DataFiles.Plain(40, 50, 60));
        }

        return files;
    }

    private static string Fault(DataFiles files) =>
        Assert.Throws<DataException>(() => ImageFolder.Read(files.Folder, All))!.Message;

    [Test]
    public void PngIsReadExactlyIntoPlanes()
    {
        using DataFiles files = TwoClasses();
        files.Write("train/cat/0.png", DataFiles.Png(3, 2, 3, (x, y, s) => 100 * s + 10 * y + x));
        files.Write("train/cat/grey.png", DataFiles.Png(3, 2, 1, (x, y, _) => 10 * y + x));
        files.Write("train/cat/transparent.PNG", DataFiles.Png(3, 2, 4, (x, y, s) => s == 3 ? 7 : 50 * s + 10 * y + x));
        foreach (string other in new[] { "train/dog/0.png", "test/cat/0.png", "test/dog/0.png" })
            files.Write(other, DataFiles.Plain(1, 2, 3, 3, 2));
        ImageSet set = ImageFolder.Read(files.Folder, All).Train;
        Assert.Multiple(() =>
        {
            Assert.That((set.Count, set.Channels, set.Height, set.Width), Is.EqualTo((4, 3, 2, 3)));
            Assert.That(set.Pixels[..18], Is.EqualTo(
                new byte[] { 0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112, 200, 201, 202, 210, 211, 212 }));
            Assert.That(set.Pixels[18..36], Is.EqualTo(new byte[] { 0, 1, 2, 10, 11, 12, 0, 1, 2, 10, 11, 12, 0, 1, 2, 10, 11, 12 }));
            Assert.That(set.Pixels[36..54], Is.EqualTo(
                new byte[] { 0, 1, 2, 10, 11, 12, 50, 51, 52, 60, 61, 62, 100, 101, 102, 110, 111, 112 }));
            Assert.That(set.Pixels[54..], Is.EqualTo(new byte[] { 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3 }));
            Assert.That(set.Mean, Is.EqualTo(new[] { 0.5f, 0.5f, 0.5f }));
        });
    }

    [Test]
    public void JpegIsReadWithinItsLoss()
    {
        using DataFiles files = new();
        foreach (string path in new[] { "train/a/0.jpg", "train/b/0.JPEG", "test/a/0.jpeg", "test/b/0.jpg" })
            files.Write(path, DataFiles.Jpeg);
        (ImageSet train, ImageSet test) = ImageFolder.Read(files.Folder, All);
        Assert.That((train.Count, test.Count, train.Height, train.Width), Is.EqualTo((2, 2, 16, 16)));
        for (int i = 0; i < 256; i++)
        {
            Assert.That(train.Pixels[i], Is.EqualTo(16 * (i % 16)).Within(24), $"red {i}");
            Assert.That(train.Pixels[256 + i], Is.EqualTo(16 * (i / 16)).Within(24), $"green {i}");
            Assert.That(train.Pixels[512 + i], Is.EqualTo(128).Within(24), $"blue {i}");
        }
    }

    [Test]
    public void ClassesAndFilesAreInOrdinalOrderAndOtherFilesIgnored()
    {
        using DataFiles files = new();
        foreach (string name in new[] { "b", "Z", "10", "9" })
            files.Write($"test/{name}/x.png", DataFiles.Plain(0, 0, 0));
        byte red = 0;
        foreach (string path in new[] { "10/x.png", "9/x.png", "Z/x.png", "b/10.png", "b/9.png", "b/B.png", "b/a.png" })
            files.Write("train/" + path, DataFiles.Plain(red++, 0, 0));
        files.Write("train/b/readme.txt", [1]);
        files.Write("train/b/._a.png", [1]);
        files.Write("train/.cache/x.png", [1]);
        ImageSet train = ImageFolder.Read(files.Folder, All).Train;
        Assert.That(train.ClassNames, Is.EqualTo(new[] { "10", "9", "Z", "b" }));
        Assert.That(train.Labels, Is.EqualTo(new[] { 0, 1, 2, 3, 3, 3, 3 }));
        Assert.That(Enumerable.Range(0, 7).Select(i => (int)train.Pixels[48 * i]), Is.EqualTo(Enumerable.Range(0, 7)));
        Assert.That(train.Name, Is.EqualTo("folder/train"));
    }

    [Test]
    public void ALimitTakesABalancedPrefixAndLeavesOtherFilesAlone()
    {
        using DataFiles files = TwoClasses();
        for (int i = 1; i < 6; i++)
        {
            files.Write($"train/cat/{i}.png", DataFiles.Plain((byte)i, 0, 0));
            files.Write($"train/dog/{i}.png", DataFiles.Plain((byte)(100 + i), 0, 0));
        }

        files.Write("train/cat/4.png", [1, 2, 3]);
        ImageSet train = ImageFolder.Read(files.Folder, new DataLimits { Train = 5 }).Train;
        Assert.That(Enumerable.Range(0, 5).Select(i => (int)train.Pixels[48 * i]), Is.EqualTo(new[] { 10, 1, 2, 40, 101 }));
        Assert.That(train.Labels, Is.EqualTo(new[] { 0, 0, 0, 1, 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new DataLimits { Train = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new DataLimits { Test = -1 });
    }

    [Test]
    public void ImagesOfCifarSizeAreNormalisedAsCifar()
    {
        using DataFiles files = new();
        foreach (string path in new[] { "train/a/0.png", "test/a/0.png" })
            files.Write(path, DataFiles.Plain(0, 0, 0, 32, 32));
        ImageSet test = ImageFolder.Read(files.Folder, All).Test;
        Assert.That(test.Mean, Is.EqualTo(new[] { 0.4914f, 0.4822f, 0.4465f }));
        Assert.That(test.Std, Is.EqualTo(new[] { 0.2471f, 0.2435f, 0.2616f }));
    }

    [Test]
    public void AnotherSizeNamesFileAndBothSizes()
    {
        using DataFiles files = TwoClasses();
        files.Write("test/cat/5.png", DataFiles.Plain(0, 0, 0, 5, 4));
        files.Write("test/dog/6.png", DataFiles.Plain(0, 0, 0, 6, 6));
        string bad = Path.Combine("test", "cat", "5.png"), first = Path.Combine("train", "cat", "0.png");
        Assert.That(Fault(files), Is.EqualTo($"{bad}: image is 5x4, but {first} is 4x4; all images must be of one size"));
    }

    [Test]
    public void TheFirstOfManyBadFilesIsNamedWhateverTheTiming()
    {
        using DataFiles files = TwoClasses();
        for (int i = 0; i < 200; i++)
            files.Write($"train/cat/{i:000}.png", i is 0 or 1 ? DataFiles.Plain(0, 0, 0) : [1, 2, 3]);
        files.Write("train/cat/0.png", DataFiles.Plain(0, 0, 0));
        for (int run = 0; run < 10; run++)
            Assert.That(Fault(files), Does.StartWith(Path.Combine("train", "cat", "002.png") + ": not a JPEG or PNG image"));
    }

    [TestCase("png", 20)]
    [TestCase("png", 200)]
    [TestCase("jpg", 1)]
    [TestCase("jpg", 2)]
    [TestCase("jpg", 20)]
    [TestCase("jpg", 200)]
    public void CutImagesAreRefused(string type, int missing)
    {
        using DataFiles files = new();
        byte[] whole = type == "jpg"
            ? DataFiles.Jpeg
            : DataFiles.Png(16, 16, 3, (x, y, s) => (x * 41 ^ y * 97 ^ s * 31) & 255);
        foreach (string path in new[] { "train/a/0", "test/a/0" })
            files.Write($"{path}.{type}", whole);
        Assert.That(ImageFolder.Read(files.Folder, All).Train.Count, Is.EqualTo(1));
        files.Write($"train/a/1.{type}", whole[..^missing]);
        Assert.That(Fault(files), Does.StartWith(Path.Combine("train", "a", $"1.{type}") + ": damaged image (").And.Not.Contain("\n"));
    }

    [Test]
    public void AMissingPartSaysWhatIsExpected()
    {
        using DataFiles files = new();
        files.Write("train/a/0.png", DataFiles.Plain(0, 0, 0));
        Assert.That(Fault(files), Is.EqualTo($"no folder {Path.Combine(files.Folder, "test")}: expected "
            + $"{Path.Combine(files.Folder, "test", "CLASS")} with .jpg, .jpeg or .png images"));
    }

    [Test]
    public void EmptyFoldersAreNamed()
    {
        using DataFiles files = TwoClasses();
        Directory.CreateDirectory(Path.Combine(files.Folder, "train", "bird"));
        Directory.CreateDirectory(Path.Combine(files.Folder, "test", "bird"));
        Assert.That(Fault(files), Is.EqualTo($"{Path.Combine("train", "bird")} has no images (.jpg, .jpeg or .png)"));

        using DataFiles empty = new();
        Directory.CreateDirectory(Path.Combine(empty.Folder, "train"));
        Assert.That(Fault(empty), Does.StartWith($"{Path.Combine(empty.Folder, "train")} has no class folders"));
    }

    [TestCase("train")]
    [TestCase("test")]
    public void PartsWithDifferentClassesAreRefused(string part)
    {
        using DataFiles files = TwoClasses();
        files.Write($"{part}/emu/0.png", DataFiles.Plain(0, 0, 0));
        string other = part == "train" ? "test" : "train";
        Assert.That(Fault(files), Is.EqualTo($"{files.Folder}: class 'emu' is in {part} but not in {other}"));
    }
}
