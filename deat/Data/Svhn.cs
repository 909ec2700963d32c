namespace Deat.Training;

/// <summary>
/// SVHN's cropped digits (Netzer, Wang, Coates, Bissacco, Wu, Ng: "Reading Digits in Natural Images with Unsupervised Feature Learning",
/// 2011): train_32x32.mat and test_32x32.mat with X [32, 32, 3, N] and y [N, 1], in which 10 stands for the digit 0.
/// </summary>
public static class Svhn
{
    private const int Size = 32, Channels = 3, ImageBytes = Channels * Size * Size;
    private const string TrainFile = "train_32x32.mat", TestFile = "test_32x32.mat";

    private static readonly string[] Places = [".", "SVHN", "svhn"];

    private static readonly string[] Names = [.. Enumerable.Range(0, 10).Select(digit => digit.ToString("D"))];

    /// <summary>Reads training and test images; the files tell how many there are.</summary>
    /// <param name="folder">The folder of the files, or one that holds it as SVHN or svhn.</param>
    /// <exception cref="DataException">
    /// A file is missing, cannot be read, is no MAT file of level 5, lacks X or y or has them in another shape, or holds a label beyond
    /// 1..10.
    /// </exception>
    public static (ImageSet Train, ImageSet Test) Read(string folder)
    {
        string place = Find(folder) ?? throw new DataException(
            $"no SVHN files in {folder}: neither there nor in {string.Join(", ", Places[1..])} is a {TrainFile}. "
            + "Take it from http://ufldl.stanford.edu/housenumbers");
        return (Part("svhn/train", place, TrainFile), Part("svhn/test", place, TestFile));
    }

    /// <summary>The folder of the files; null if they are nowhere.</summary>
    internal static string? Find(string folder) => DataFile.Find(folder, Places, TrainFile, TestFile);

    private static ImageSet Part(string name, string place, string file)
    {
        Dictionary<string, MatMatrix> matrices = DataFile.Parse(place, file, MatFile.Read);
        if (!matrices.TryGetValue("X", out MatMatrix? x) || !matrices.TryGetValue("y", out MatMatrix? y))
            throw new DataException($"{file}: lacks X or y");
        // MATLAB drops a last extent of one.
        int count = y.Elements.Length;
        if (count == 0 || !x.Extents.Take(3).SequenceEqual([Size, Size, Channels]) || x.Elements.Length != (long)count * ImageBytes)
        {
            throw new DataException(
                $"{file}: X is {string.Join(" x ", x.Extents)} for {count:N0} labels, {Size} x {Size} x {Channels} x {count} expected");
        }

        int wrong = Array.FindIndex(y.Elements, label => label is < 1 or > 10);
        if (wrong >= 0)
            throw new DataException($"{file}: label {y.Elements[wrong]} at {wrong:N0} (1..10 expected)");
        return new ImageSet
        {
            Name = name,
            Channels = Channels,
            Height = Size,
            Width = Size,
            ClassNames = Names,
            Pixels = RowsFirst(x.Elements),
            Labels = Array.ConvertAll(y.Elements, label => label % 10),
            // The values that are in common use for the training images.
            Mean = [0.4377f, 0.4438f, 0.4728f],
            Std = [0.1980f, 0.2010f, 0.1970f],
            // A mirrored digit is none.
            Augment = false,
        };
    }

    // In the file a plane lies column by column.
    private static byte[] RowsFirst(byte[] columns)
    {
        byte[] rows = new byte[columns.Length];
        for (int plane = 0; plane < columns.Length; plane += Size * Size)
            for (int w = 0; w < Size; w++)
                for (int h = 0; h < Size; h++)
                    rows[plane + (h * Size) + w] = columns[plane + (w * Size) + h];
        return rows;
    }
}
