using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class Cifar100BinaryTests
{
    private const int Record = 3074;

    /// <summary>Record r: coarse label 7, fine label 10 r + first, pixels r + plane.</summary>
    private static byte[] Records(int count, int first)
    {
        byte[] bytes = new byte[count * Record];
        for (int r = 0; r < count; r++)
        {
            bytes[r * Record] = 7;
            bytes[(r * Record) + 1] = (byte)((10 * r) + first);
            for (int plane = 0; plane < 3; plane++)
                Array.Fill(bytes, (byte)(r + plane), (r * Record) + 2 + (plane * 1024), 1024);
        }

        return bytes;
    }

    private static DataFiles Written(string below = "")
    {
        DataFiles files = new();
        files.Write(Path.Combine(below, "train.bin"), Records(4, first: 3));
        files.Write(Path.Combine(below, "test.bin"), Records(2, first: 89));
        return files;
    }

    private static string Fault(DataFiles files) =>
        Assert.Throws<DataException>(() => Cifar100Binary.Read(files.Folder, 4, 2))!.Message;

    [TestCase("")]
    [TestCase("cifar-100-binary")]
    [TestCase("CIFAR100/cifar-100-binary")]
    public void TheFineLabelIsTaken(string below)
    {
        using DataFiles files = Written(below);
        (ImageSet train, ImageSet test) = Cifar100Binary.Read(files.Folder, 4, 2);
        Assert.That(train.Labels, Is.EqualTo(new[] { 3, 13, 23, 33 }));
        Assert.That(test.Labels, Is.EqualTo(new[] { 89, 99 }));
        Assert.That((train.Name, train.Classes, train.Augment), Is.EqualTo(("cifar100/train", 100, true)));
        Assert.That((train.ClassNames[3], train.ClassNames[99], train.ClassNames.Distinct().Count()), Is.EqualTo(("bear", "worm", 100)));
        Assert.That(train.ClassNames, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(train.Mean, Is.EqualTo(new[] { 0.5071f, 0.4865f, 0.4409f }));
        Assert.That(train.Pixels[(2 * 3072) + 1024], Is.EqualTo(3));
        Assert.That(DataSets.KindOf(files.Folder), Is.EqualTo("cifar100"));
    }

    [Test]
    public void BrokenFilesAreNamed()
    {
        using DataFiles files = Written();
        byte[] bad = Records(2, first: 3);
        bad[Record + 1] = 100;
        files.Write("test.bin", bad);
        Assert.That(Fault(files), Is.EqualTo("test.bin: label 100 at record 1 (0..99 expected)"));
        files.Write("test.bin", bad[..^1]);
        Assert.That(Fault(files), Is.EqualTo("test.bin: size 6,147, expected 6,148"));
        File.Delete(Path.Combine(files.Folder, "test.bin"));
        Assert.That(Fault(files), Is.EqualTo($"test.bin: missing in {files.Folder}"));
        File.Delete(Path.Combine(files.Folder, "train.bin"));
        Assert.That(Fault(files), Does.StartWith($"no CIFAR-100 binary files in {files.Folder}").And.Not.Contain("\n"));
    }

    [Test]
    public void TheFullSizeIsExpectedFromUsers()
    {
        using DataFiles files = Written();
        DataException error = Assert.Throws<DataException>(() => DataSets.Open("cifar100", files.Folder, new DataLimits(), 0))!;
        Assert.That(error.Message, Is.EqualTo("train.bin: size 12,296, expected 153,700,000"));
    }
}
