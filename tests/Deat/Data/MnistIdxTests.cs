using System.Buffers.Binary;
using System.IO.Compression;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class MnistIdxTests
{
    private const string TrainImages = "train-images-idx3-ubyte", TestLabels = "t10k-labels-idx1-ubyte";

    [TestCase("", false)]
    [TestCase("", true)]
    [TestCase("MNIST/raw", true)]
    public void ImagesAndLabelsAreRead(string below, bool packed)
    {
        using DataFiles files = Written(below, packed);
        (ImageSet train, ImageSet test) = DataSets.Open("mnist", files.Folder, new DataLimits(), 0);
        Assert.That((train.Count, train.Channels, train.Height, train.Width), Is.EqualTo((12, 1, 28, 28)));
        Assert.That(train.Labels, Is.EqualTo(Enumerable.Range(0, 12).Select(i => i % 10)));
        Assert.That(train.Pixels, Is.EqualTo(Pixels(12)));
        Assert.That((test.Count, test.Name, test.Classes, test.Augment), Is.EqualTo((3, "mnist/test", 10, false)));
        Assert.That((train.Mean[0], train.Std[0]), Is.EqualTo((0.1307f, 0.3081f)));
        Assert.That(DataSets.KindOf(files.Folder), Is.EqualTo("mnist"));
    }

    [Test]
    public void BrokenFilesAreNamed()
    {
        using DataFiles files = Written();
        byte[] images = Idx([12, 28, 28], Pixels(12)), labels = Idx([3], [0, 1, 2]);
        Refused(TrainImages, images[..^1], $"{TrainImages}: cut off");
        Refused(TrainImages, images[..7], $"{TrainImages}: cut off");
        Refused(TrainImages, [.. images, 0], $"{TrainImages}: longer than its extents 12 x 28 x 28 tell");
        Refused(TrainImages, labels, $"{TrainImages}: begins with 0x00000801, expected 0x00000803");
        Refused(TrainImages, Idx([12, 0, 28], []), $"{TrainImages}: impossible extents 12 x 0 x 28");
        Refused(TrainImages, Idx([int.MaxValue, 28, 28], []), $"{TrainImages}: impossible extents 2147483647 x 28 x 28");
        Refused(TrainImages, Idx([11, 28, 28], Pixels(11)), $"train-labels-idx1-ubyte: 12 labels for 11 images of {TrainImages}");
        Refused(TrainImages, images, null);
        Refused(TestLabels, Idx([3], [0, 10, 2]), $"{TestLabels}: label 10 at 1 (0..9 expected)");
        Refused(TestLabels, labels, null);
        Refused("t10k-images-idx3-ubyte", Idx([3, 1, 1], [1, 2, 3]), "t10k-images-idx3-ubyte: images are 1x1, those of training 28x28");
        File.Delete(Path.Combine(files.Folder, TestLabels));
        Refused("t10k-images-idx3-ubyte", Idx([3, 28, 28], Pixels(3)), $"{TestLabels}: missing in {files.Folder}");

        void Refused(string file, byte[] bytes, string? message)
        {
            files.Write(file, bytes);
            if (message is null)
                MnistIdx.Read(files.Folder);
            else
                Assert.That(() => MnistIdx.Read(files.Folder), Throws.TypeOf<DataException>().With.Message.EqualTo(message));
        }
    }

    [Test]
    public void BrokenArchivesAreNamed()
    {
        using DataFiles files = Written(packed: true);
        byte[] packed = Packed(Idx([12, 28, 28], Pixels(12)));
        files.Write($"{TrainImages}.gz", packed[..(packed.Length / 2)]);
        Assert.That(() => MnistIdx.Read(files.Folder), Throws.TypeOf<DataException>().With.Message.StartsWith($"{TrainImages}.gz: "));
        files.Write($"{TrainImages}.gz", [1, 2, 3, 4]);
        Assert.That(
            () => MnistIdx.Read(files.Folder), Throws.TypeOf<DataException>().With.Message.StartsWith($"{TrainImages}.gz: damaged ("));
    }

    [Test]
    public void AFolderWithoutAnyFileSaysWhatIsLookedFor()
    {
        using DataFiles files = new();
        Assert.That(
            () => MnistIdx.Read(files.Folder),
            Throws.TypeOf<DataException>().With.Message.StartsWith($"no MNIST files in {files.Folder}").And.Message.Not.Contains("\n"));
    }

    /// <summary>Twelve training and three test images, labels in turn.</summary>
    internal static DataFiles Written(string below = "", bool packed = false, int train = 12)
    {
        DataFiles files = new();
        foreach ((string part, int count) in new[] { ("train", train), ("t10k", 3) })
        {
            Write($"{part}-images-idx3-ubyte", Idx([count, 28, 28], Pixels(count)));
            Write($"{part}-labels-idx1-ubyte", Idx([count], [.. Enumerable.Range(0, count).Select(i => (byte)(i % 10))]));
        }

        return files;

        void Write(string file, byte[] bytes) =>
            files.Write(Path.Combine(below, packed ? file + ".gz" : file), packed ? Packed(bytes) : bytes);
    }

    private static byte[] Pixels(int images) => [.. Enumerable.Range(0, images * 784).Select(i => (byte)((i * 7) % 251))];

    private static byte[] Idx(int[] extents, byte[] elements)
    {
        byte[] header = new byte[4 * (extents.Length + 1)];
        BinaryPrimitives.WriteInt32BigEndian(header, 0x0800 + extents.Length);
        for (int i = 0; i < extents.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 * (i + 1)), extents[i]);
        return [.. header, .. elements];
    }

    private static byte[] Packed(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream stream = new(packed, CompressionMode.Compress))
            stream.Write(bytes);
        return packed.ToArray();
    }
}
