using System.Buffers.Binary;

namespace Deat.Training;

/// <summary>
/// MNIST and sets in its form (LeCun, Cortes, Burges: "The MNIST database of handwritten digits", 1998): train-images-idx3-ubyte,
/// train-labels-idx1-ubyte and the same with t10k, or each of them with .gz. An idx file is a magic number (two bytes zero, the type, the
/// number of extents), the extents, and the elements; all numbers are 32-bit big-endian.
/// </summary>
public static class MnistIdx
{
    private const int BytesOfImages = 0x0803, BytesOfLabels = 0x0801;
    private const int MostPixels = 1024;

    private static readonly string[] Places = [".", "MNIST", Path.Combine("MNIST", "raw"), "raw"];

    private static readonly string[] Names = [.. Enumerable.Range(0, 10).Select(digit => digit.ToString("D"))];

    /// <summary>Reads training and test images; how many there are and of which size, the files tell.</summary>
    /// <param name="folder">The folder of the files, or one that holds it as MNIST, MNIST/raw or raw.</param>
    /// <exception cref="DataException">
    /// A file is missing, cannot be read, is no idx file of bytes or not of the length that it tells, images and labels are not equally
    /// many, or a label is above 9.
    /// </exception>
    public static (ImageSet Train, ImageSet Test) Read(string folder)
    {
        string place = Find(folder) ?? throw new DataException(
            $"no MNIST files in {folder}: neither there nor in {string.Join(", ", Places[1..])} is a {ImagesOf("train")} (.gz)");
        (ImageSet train, ImageSet test) = (Part(place, "train", "train"), Part(place, "test", "t10k"));
        return (train.Height, train.Width) == (test.Height, test.Width)
            ? (train, test)
            : throw new DataException(
                $"{ImagesOf("t10k")}: images are {test.Height}x{test.Width}, those of training {train.Height}x{train.Width}");
    }

    /// <summary>The folder of the files; null if they are nowhere.</summary>
    internal static string? Find(string folder) =>
        DataFile.Find(folder, Places, [.. Variants(ImagesOf("train")), .. Variants(ImagesOf("t10k"))]);

    private static string ImagesOf(string part) => $"{part}-images-idx3-ubyte";

    private static string[] Variants(string file) => [file, file + ".gz"];

    private static ImageSet Part(string place, string name, string prefix)
    {
        (string imageFile, int[] extents, byte[] pixels) = ReadIdx(place, ImagesOf(prefix), BytesOfImages);
        (string labelFile, int[] counts, byte[] labels) = ReadIdx(place, $"{prefix}-labels-idx1-ubyte", BytesOfLabels);
        if (counts[0] != extents[0])
            throw new DataException($"{labelFile}: {counts[0]:N0} labels for {extents[0]:N0} images of {imageFile}");
        int wrong = Array.FindIndex(labels, label => label >= Names.Length);
        if (wrong >= 0)
            throw new DataException($"{labelFile}: label {labels[wrong]} at {wrong:N0} (0..{Names.Length - 1} expected)");
        return new ImageSet
        {
            Name = "mnist/" + name,
            Channels = 1,
            Height = extents[1],
            Width = extents[2],
            ClassNames = Names,
            Pixels = pixels,
            Labels = Array.ConvertAll(labels, label => (int)label),
            // The values of PyTorch's examples.
            Mean = [0.1307f],
            Std = [0.3081f],
            // A mirrored digit is none.
            Augment = false,
        };
    }

    private static (string File, int[] Extents, byte[] Elements) ReadIdx(string place, string name, int magic)
    {
        string file = Array.Find(Variants(name), variant => File.Exists(Path.Combine(place, variant))) ?? name;
        return DataFile.Parse(place, file, stream =>
        {
            int found = Number(stream);
            if (found != magic)
                throw new DataException($"{file}: begins with 0x{found:X8}, expected 0x{magic:X8}");
            int[] extents = new int[magic & 0xFF];
            for (int i = 0; i < extents.Length; i++)
                extents[i] = Number(stream);
            bool isSize = extents[0] > 0 && Array.TrueForAll(extents[1..], extent => extent is > 0 and <= MostPixels);
            long count = extents.Aggregate(1L, (product, extent) => product * extent);
            if (!isSize || count > Array.MaxLength)
                throw new DataException($"{file}: impossible extents {string.Join(" x ", extents)}");
            byte[] elements = new byte[count];
            stream.ReadExactly(elements);
            return stream.ReadByte() < 0
                ? (file, extents, elements)
                : throw new DataException($"{file}: longer than its extents {string.Join(" x ", extents)} tell");
        });
    }

    private static int Number(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[4];
        stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt32BigEndian(bytes);
    }
}
