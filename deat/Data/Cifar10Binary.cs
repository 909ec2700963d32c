namespace Deat.Training;

/// <summary>
/// CIFAR-10 in its binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009): data_batch_1.bin ..
/// data_batch_5.bin and test_batch.bin, each of 10,000 records of one label byte and 3,072 bytes of red, green and blue plane.
/// </summary>
public static class Cifar10Binary
{
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
        string place = Find(folder) ?? throw new DataException(
            $"no CIFAR-10 binary files in {folder}: neither there nor in {string.Join(", ", Places[1..])} is a {TrainFiles[0]}. " +
            "Unpack cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there");
        return (ReadPart("cifar10/train", place, TrainFiles, recordsPerFile), ReadPart("cifar10/test", place, [TestFile], recordsPerFile));
    }

    /// <summary>The folder of the files; null if they are nowhere.</summary>
    internal static string? Find(string folder) => DataFile.Find(folder, Places, TrainFiles[0], TestFile);

    private static ImageSet ReadPart(string name, string folder, string[] files, int recordsPerFile)
    {
        CifarRecords records = new(LabelBytes: 1, Names.Length);
        return records.Read(name, folder, files, recordsPerFile) with { ClassNames = Names, Mean = ChannelMean, Std = ChannelStd };
    }
}
