using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SvhnTests
{
    private const int Bytes = 2, Ints = 5, UInts = 6, Doubles = 9, Matrix = 14, Compressed = 15;

    [TestCase(true, Bytes, "")]
    [TestCase(false, Bytes, "SVHN")]
    [TestCase(true, Doubles, "svhn")]
    public void PixelsAreTurnedAndTenIsZero(bool packed, int labelType, string below)
    {
        using DataFiles files = Written(packed, labelType, below);
        (ImageSet train, ImageSet test) = DataSets.Open("svhn", files.Folder, new DataLimits(), 0);
        Assert.That((train.Count, train.Channels, train.Height, train.Width), Is.EqualTo((4, 3, 32, 32)));
        Assert.That(train.Labels, Is.EqualTo(new[] { 1, 9, 0, 2 }));
        Assert.That((test.Count, test.Name, test.Augment), Is.EqualTo((1, "svhn/test", false)));
        for (int i = 0; i < train.Pixels.Length; i += 97)
        {
            (int n, int c, int h, int w) = (i / 3072, i / 1024 % 3, i / 32 % 32, i % 32);
            Assert.That(train.Pixels[i], Is.EqualTo(Pixel(h, w, c, n)));
        }

        Assert.That(DataSets.KindOf(files.Folder), Is.EqualTo("svhn"));
    }

    [Test]
    public void BrokenFilesAreNamed()
    {
        using DataFiles files = Written(packed: true, Bytes, "");
        const string File = "train_32x32.mat";
        byte[] x = X(4), y = Y(Bytes, 1, 9, 10, 2);
        Refused(Mat(true, x)[..^40], "cut off");
        Refused(Mat(false, x, y)[..^8], "cut off");
        Refused(Mat(false, x, y)[..100], "cut off");
        Refused(Mat(true, x, y)[1..], "damaged (no little-endian MAT file of level 5)");
        Refused(Mat(true, x), "lacks X or y");
        Refused(Mat(true, x, Y(Bytes, 1, 9, 10)), "X is 32 x 32 x 3 x 4 for 3 labels, 32 x 32 x 3 x 3 expected");
        Refused(Mat(true, x, Y(Bytes, 1, 9, 11, 2)), "label 11 at 2 (1..10 expected)");
        Refused(Mat(true, x, Y(Bytes, 1, 0, 10, 2)), "label 0 at 1 (1..10 expected)");
        Refused(Mat(true, x, Y(Doubles, 1, 2, 3, 4.5)), "damaged (a matrix holds 4.5, which is no byte)");
        Refused(Mat(true, x, Y(Ints, 1, 2, 3, 4)), "damaged (a matrix holds numbers of type 5; bytes (2) and doubles (9) are read)");
        byte[] damaged = Mat(true, x, y);
        damaged[140] ^= 0xFF;
        damaged[141] ^= 0xFF;
        Refused(damaged, null);

        void Refused(byte[] bytes, string? message)
        {
            files.Write(File, bytes);
            Assert.That(
                () => Svhn.Read(files.Folder),
                Throws.TypeOf<DataException>().With.Message.StartsWith($"{File}: {message}").And.Message.Not.Contains("\n"));
        }
    }

    // A file may hold anything: each byte changed in turn gives images or one line, never another exception.
    [Test]
    public void AnyChangedByteIsAnImageOrAnError()
    {
        using DataFiles files = Written(packed: false, Bytes, "");
        byte[] whole = Mat(packed: false, Y(Bytes, 1), X(1));
        for (int i = 0; i < 300; i++)
        {
            foreach (byte change in new byte[] { 0xFF, 0x80, 0x01 })
            {
                byte[] bytes = [.. whole];
                bytes[i] ^= change;
                files.Write("train_32x32.mat", bytes);
                try
                {
                    Assert.That(Svhn.Read(files.Folder).Train.Count, Is.EqualTo(1));
                }
                catch (DataException e)
                {
                    Assert.That(e.Message, Does.StartWith("train_32x32.mat: ").And.Not.Contain("\n"));
                }
            }
        }
    }

    private static DataFiles Written(bool packed, int labelType, string below)
    {
        DataFiles files = new();
        files.Write(Path.Combine(below, "train_32x32.mat"), Mat(packed, X(4), Y(labelType, 1, 9, 10, 2)));
        files.Write(Path.Combine(below, "test_32x32.mat"), Mat(packed, X(1), Y(labelType, 5)));
        return files;
    }

    private static byte Pixel(int h, int w, int c, int n) => (byte)((h + (3 * w) + (50 * c) + (11 * n)) % 256);

    private static byte[] X(int count)
    {
        byte[] pixels = new byte[count * 3072];
        int i = 0;
        for (int n = 0; n < count; n++)
            for (int c = 0; c < 3; c++)
                for (int w = 0; w < 32; w++)
                    for (int h = 0; h < 32; h++)
                        pixels[i++] = Pixel(h, w, c, n);
        return MatrixOf("X", [32, 32, 3, count], Bytes, pixels);
    }

    private static byte[] Y(int type, params double[] labels) => MatrixOf("y", [labels.Length, 1], type, type switch
    {
        Bytes => [.. labels.Select(label => (byte)label)],
        Ints => [.. labels.SelectMany(label => BitConverter.GetBytes((int)label))],
        _ => [.. labels.SelectMany(BitConverter.GetBytes)],
    });

    private static byte[] MatrixOf(string name, int[] extents, int type, byte[] numbers) => Element(Matrix,
    [
        .. Element(UInts, new byte[8]), .. Element(Ints, [.. extents.SelectMany(BitConverter.GetBytes)]),
        .. Element(1, Encoding.ASCII.GetBytes(name)), .. Element(type, numbers),
    ]);

    private static byte[] Mat(bool packed, params byte[][] matrices)
    {
        byte[] header = new byte[128];
        Array.Fill(header, (byte)' ', 0, 116);
        "MATLAB 5.0 MAT-file, written by a test"u8.CopyTo(header);
        (header[125], header[126], header[127]) = (1, (byte)'I', (byte)'M');
        return [.. header, .. matrices.SelectMany(matrix => packed ? Zipped(matrix) : matrix)];
    }

    // Up to four bytes lie in the tag; all else is padded to eight.
    private static byte[] Element(int type, byte[] data)
    {
        byte[] element = new byte[data.Length is > 0 and <= 4 ? 8 : 8 + ((data.Length + 7) / 8 * 8)];
        if (element.Length == 8)
            BinaryPrimitives.WriteInt32LittleEndian(element, type | (data.Length << 16));
        else
            BinaryPrimitives.WriteInt32LittleEndian(element, type);
        if (element.Length > 8)
            BinaryPrimitives.WriteInt32LittleEndian(element.AsSpan(4), data.Length);
        data.CopyTo(element.AsSpan(element.Length == 8 ? 4 : 8));
        return element;
    }

    private static byte[] Zipped(byte[] matrix)
    {
        using MemoryStream packed = new();
        using (ZLibStream stream = new(packed, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(matrix);
        byte[] tag = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(tag, Compressed);
        BinaryPrimitives.WriteInt32LittleEndian(tag.AsSpan(4), (int)packed.Length);
        return [.. tag, .. packed.ToArray()];
    }
}
