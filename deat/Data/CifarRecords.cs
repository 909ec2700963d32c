namespace Deat.Training;

/// <summary>
/// The records of CIFAR's binary versions: label bytes, of which the last counts, and 3,072 bytes of red, green and blue plane.
/// </summary>
/// <param name="LabelBytes">Bytes before the planes.</param>
/// <param name="Classes">Classes that the last of them tells.</param>
internal readonly record struct CifarRecords(int LabelBytes, int Classes)
{
    private const int ImageBytes = 3 * 32 * 32;

    /// <summary>The images of some files. Names and statistics are the caller's to set.</summary>
    /// <exception cref="DataException">
    /// A file is missing, cannot be read, is not of the exact size, or holds a label out of range.
    /// </exception>
    public ImageSet Read(string name, string folder, string[] files, int recordsPerFile)
    {
        int recordBytes = LabelBytes + ImageBytes;
        byte[] pixels = new byte[files.Length * recordsPerFile * ImageBytes];
        int[] labels = new int[files.Length * recordsPerFile];
        for (int f = 0; f < files.Length; f++)
        {
            byte[] records = DataFile.Read(folder, files[f], (long)recordsPerFile * recordBytes);
            for (int r = 0; r < recordsPerFile; r++)
            {
                int image = f * recordsPerFile + r;
                ReadOnlySpan<byte> record = records.AsSpan(r * recordBytes, recordBytes);
                int label = record[LabelBytes - 1];
                if (label >= Classes)
                    throw new DataException($"{files[f]}: label {label} at record {r:N0} (0..{Classes - 1} expected)");
                labels[image] = label;
                record[LabelBytes..].CopyTo(pixels.AsSpan(image * ImageBytes));
            }
        }

        return new ImageSet
        {
            Name = name,
            Channels = 3,
            Height = 32,
            Width = 32,
            ClassNames = [],
            Pixels = pixels,
            Labels = labels,
            Mean = [],
            Std = [],
            Augment = true,
        };
    }
}
