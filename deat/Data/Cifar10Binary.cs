namespace Deat.Training;

/// <summary>
/// CIFAR-10 in its binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009): data_batch_1.bin ..
/// data_batch_5.bin and test_batch.bin, each of 10,000 records of one label byte and 3,072 bytes of red, green and blue plane.
/// </summary>
public static class Cifar10Binary
{
    private const int ImageBytes = 3 * 32 * 32;
    private const int RecordBytes = 1 + ImageBytes;
    private const int RecordsPerFile = 10_000;
    private const string TestFile = "test_batch.bin";

    private static readonly string[] TrainFiles =
        ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];

    private static readonly string[] Names =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Where below a folder the files are looked for: unpacked archives, and the folders that TorchSharp makes.</summary>
    private static readonly string[] Places =
        [".", "cifar-10-batches-bin", "CIFAR10", Path.Combine("CIFAR10", "cifar-10-batches-bin")];

    /// <summary>The statistics that the authors' scripts normalise with: mean of each channel over the 50,000 training images.</summary>
    internal static readonly float[] ChannelMean = [0.4914f, 0.4822f, 0.4465f];

    /// <summary>Standard deviation of each channel over all pixels of the 50,000 training images.</summary>
    internal static readonly float[] ChannelStd = [0.2471f, 0.2435f, 0.2616f];

    /// <summary>Reads the 50,000 training and the 10,000 test images.</summary>
    /// <param name="folder">The folder of the files, or one that holds it as cifar-10-batches-bin or below CIFAR10.</param>
    /// <exception cref="DataException">A file is missing, cannot be read, is not of the exact size, or holds a label above 9.</exception>
    public static (ImageSet Train, ImageSet Test) Read(string folder) => Read(folder, RecordsPerFile);

    /// <summary>The same for files of another number of records, which must again be exact.</summary>
    internal static (ImageSet Train, ImageSet Test) Read(string folder, int recordsPerFile)
    {
        string place = Find(folder);
        return (ReadPart("cifar10/train", place, TrainFiles, recordsPerFile), ReadPart("cifar10/test", place, [TestFile], recordsPerFile));
    }

    private static string Find(string folder)
    {
        foreach (string place in Places)
        {
            string candidate = Path.GetFullPath(Path.Combine(folder, place));
            if (File.Exists(Path.Combine(candidate, TrainFiles[0])) || File.Exists(Path.Combine(candidate, TestFile)))
                return candidate;
        }

        throw new DataException(
            $"no CIFAR-10 binary files in {folder}: neither there nor in {string.Join(", ", Places[1..])} is a {TrainFiles[0]}. " +
            "Unpack cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there");
    }

    private static ImageSet ReadPart(string name, string folder, string[] files, int recordsPerFile)
    {
        byte[] pixels = new byte[files.Length * recordsPerFile * ImageBytes];
        int[] labels = new int[files.Length * recordsPerFile];
        for (int f = 0; f < files.Length; f++)
        {
            byte[] records = ReadFile(folder, files[f], (long)recordsPerFile * RecordBytes);
            for (int r = 0; r < recordsPerFile; r++)
            {
                int image = f * recordsPerFile + r;
                ReadOnlySpan<byte> record = records.AsSpan(r * RecordBytes, RecordBytes);
                if (record[0] > 9)
                    throw new DataException($"{files[f]}: label {record[0]} at record {r:N0} (0..9 expected)");
                labels[image] = record[0];
                record[1..].CopyTo(pixels.AsSpan(image * ImageBytes));
            }
        }

        return new ImageSet
        {
            Name = name,
            Channels = 3,
            Height = 32,
            Width = 32,
            ClassNames = Names,
            Pixels = pixels,
            Labels = labels,
            Mean = ChannelMean,
            Std = ChannelStd,
            Augment = true,
        };
    }

    private static byte[] ReadFile(string folder, string file, long expected)
    {
        string path = Path.Combine(folder, file);
        try
        {
            long size = new FileInfo(path).Length;
            if (size != expected)
                throw new DataException($"{file}: size {size:N0}, expected {expected:N0}");
            return File.ReadAllBytes(path);
        }
        catch (FileNotFoundException)
        {
            throw new DataException($"{file}: missing in {folder}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{file}: cannot be read: {e.Message}", e);
        }
    }
}
