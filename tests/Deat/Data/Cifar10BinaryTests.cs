using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class Cifar10BinaryTests
{
    private const int Record = 3073;
    private const int Records = 4;

    private static string File(int number) => number == 6 ? "test_batch.bin" : $"data_batch_{number}.bin";

    /// <summary>Record r of file f: label (f + r) mod 10, pixels f + 10 r + plane.</summary>
    private static byte[] Batch(int file, int records = Records)
    {
        byte[] bytes = new byte[records * Record];
        for (int r = 0; r < records; r++)
        {
            bytes[r * Record] = (byte)((file + r) % 10);
            for (int plane = 0; plane < 3; plane++)
                Array.Fill(bytes, (byte)(file + 10 * r + plane), r * Record + 1 + plane * 1024, 1024);
            bytes[r * Record + 1 + 33] = 200;
        }

        return bytes;
    }

    private static void WriteAll(DataFiles files, string below, int records = Records)
    {
        for (int f = 1; f <= 6; f++)
            files.Write(Path.Combine(below, File(f)), Batch(f, records));
    }

    private static string Fault(DataFiles files) =>
        Assert.Throws<DataException>(() => Cifar10Binary.Read(files.Folder, Records))!.Message;

    [TestCase("")]
    [TestCase("cifar-10-batches-bin")]
    [TestCase("CIFAR10")]
    [TestCase("CIFAR10/cifar-10-batches-bin")]
    public void FilesAreReadInOrderWhereverTheyLie(string below)
    {
        using DataFiles files = new();
        WriteAll(files, below);
        (ImageSet train, ImageSet test) = Cifar10Binary.Read(files.Folder, Records);
        Assert.Multiple(() =>
        {
            Assert.That((train.Count, train.Channels, train.Height, train.Width), Is.EqualTo((20, 3, 32, 32)));
            Assert.That(train.Pixels, Has.Length.EqualTo(20 * 3072));
            Assert.That(train.Labels, Is.EqualTo(Enumerable.Range(0, 20).Select(i => (i / 4 + 1 + i % 4) % 10)));
            Assert.That(test.Labels, Is.EqualTo(new[] { 6, 7, 8, 9 }));
            Assert.That((train.Name, test.Name), Is.EqualTo(("cifar10/train", "cifar10/test")));
            Assert.That(train.ClassNames[3], Is.EqualTo("cat"));
            Assert.That(train.Classes, Is.EqualTo(10));
            Assert.That(train.Mean, Is.EqualTo(new[] { 0.4914f, 0.4822f, 0.4465f }));
            Assert.That(train.Std, Is.EqualTo(new[] { 0.2471f, 0.2435f, 0.2616f }));
        });

        // Image 6 is record 2 of file 2: planes 22, 23, 24, and the marked pixel at row 1, column 1 of the first plane.
        ReadOnlySpan<byte> image = train.Pixels.AsSpan(6 * 3072, 3072);
        int marked = image[33];
        int[] corners = [image[0], image[1023], image[1024], image[2047], image[2048], image[3071]];
        Assert.That(marked, Is.EqualTo(200));
        Assert.That(corners, Is.EqualTo(new[] { 22, 22, 23, 23, 24, 24 }));
    }

    [Test]
    public void LabelOutOfRangeNamesFileAndRecord()
    {
        using DataFiles files = new();
        WriteAll(files, "");
        byte[] bad = Batch(2);
        bad[3 * Record] = 17;
        files.Write(File(2), bad);
        Assert.That(Fault(files), Is.EqualTo("data_batch_2.bin: label 17 at record 3 (0..9 expected)"));
    }

    [TestCase(-1)]
    [TestCase(1)]
    [TestCase(-Record)]
    [TestCase(Record)]
    public void AnyOtherSizeIsRefused(int more)
    {
        using DataFiles files = new();
        WriteAll(files, "");
        files.Write(File(6), [.. Batch(6, Records + 1).AsSpan(0, Records * Record + more)]);
        Assert.That(Fault(files), Is.EqualTo($"test_batch.bin: size {Records * Record + more:N0}, expected 12,292"));
    }

    [Test]
    public void TheFullSizeIsExpectedFromUsers()
    {
        using DataFiles files = new();
        WriteAll(files, "");
        DataException error = Assert.Throws<DataException>(() => DataSets.Open("cifar10", files.Folder, new DataLimits(), 0))!;
        Assert.That(error.Message, Is.EqualTo("data_batch_1.bin: size 12,292, expected 30,730,000"));
    }

    [Test]
    public void AMissingFileIsNamed()
    {
        using DataFiles files = new();
        WriteAll(files, "cifar-10-batches-bin");
        string folder = Path.Combine(files.Folder, "cifar-10-batches-bin");
        System.IO.File.Delete(Path.Combine(folder, File(4)));
        Assert.That(Fault(files), Is.EqualTo($"data_batch_4.bin: missing in {folder}"));
    }

    [Test]
    public void AFolderWithoutAnyFileSaysWhatToDo()
    {
        using DataFiles files = new();
        Assert.That(Fault(files), Does.StartWith($"no CIFAR-10 binary files in {files.Folder}").And.Contain("cifar-10-binary.tar.gz"));
        Assert.That(Fault(files), Does.Not.Contain("\n"));
    }
}
