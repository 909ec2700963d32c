using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace Deat.Training;

/// <summary>
/// The answer of an attack for every image, to be looked at by other programs: an NPZ file with <c>clean</c> and <c>adversarial</c>,
/// float32 [N, C, H, W] in pixel range [0,1], and <c>labels</c> and <c>predictions</c> (of the adversarial images), int64 [N]. An image
/// that no attack fooled stands there as it is.
/// </summary>
internal sealed class AdversarialExamples
{
    private readonly ImageSet _images;
    private readonly float[] _clean;
    private readonly float[] _adversarial;
    private readonly long[] _labels;
    private readonly long[] _predictions;

    /// <summary>Begins with the images as they are, and takes all for classified correctly.</summary>
    public AdversarialExamples(ImageSet images)
    {
        _images = images;
        _clean = [.. images.Pixels.Select(value => value / 255f)];
        _adversarial = [.. _clean];
        _labels = [.. images.Labels.Select(label => (long)label)];
        _predictions = [.. _labels];
    }

    /// <summary>Takes an example of one image.</summary>
    /// <param name="example">The image's number, delta and the class that the network gives it.</param>
    public void Take(AdversarialExample example)
    {
        int start = example.Image * _images.ImageBytes;
        for (int i = 0; i < example.Delta.Length; i++)
            _adversarial[start + i] = _clean[start + i] + (float)example.Delta[i];
        _predictions[example.Image] = example.Prediction;
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void Write(string path)
    {
        int[] shape = [_images.Count, _images.Channels, _images.Height, _images.Width];
        using MemoryStream content = new();
        using (ZipArchive archive = new(content, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(archive, "clean", "<f4", shape, MemoryMarshal.AsBytes<float>(_clean));
            Add(archive, "adversarial", "<f4", shape, MemoryMarshal.AsBytes<float>(_adversarial));
            Add(archive, "labels", "<i8", [_images.Count], MemoryMarshal.AsBytes<long>(_labels));
            Add(archive, "predictions", "<i8", [_images.Count], MemoryMarshal.AsBytes<long>(_predictions));
        }

        new AtomicFile(new FileOperations()).Write(path, content.Length, content.WriteTo, keepPrevious: false);
    }

    // Version 1.0 of NumPy's format: a line of text that describes the array, filled up with spaces, then the elements in C order.
    private static void Add(ZipArchive archive, string name, string type, int[] shape, ReadOnlySpan<byte> elements)
    {
        const int Preamble = 10;
        const int Alignment = 64;
        string extents = string.Concat(shape.Select(extent => $"{OptionTexts.Write(extent)}, "));
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({extents}), }}";
        int length = ((Preamble + header.Length + Alignment) / Alignment * Alignment) - Preamble;
        using Stream stream = archive.CreateEntry($"{name}.npy", CompressionLevel.Fastest).Open();
        stream.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)length, (byte)(length >> 8)]);
        stream.Write(Encoding.ASCII.GetBytes(header.PadRight(length - 1) + '\n'));
        stream.Write(elements);
    }
}
