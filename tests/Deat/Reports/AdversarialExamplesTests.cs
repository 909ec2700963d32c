using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AdversarialExamplesTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Delete();

    /// <summary>The arrays are as NumPy's format says, and only the image that was fooled differs from what it was.</summary>
    [Test]
    public void TheFileHoldsImagesLabelsAndPredictionsAsNumPyReadsThem()
    {
        ImageSet images = TinyRuns.Images(3);
        AdversarialExamples examples = new(images);
        double[] delta = [.. Enumerable.Range(0, images.ImageBytes).Select(i => 0.001 * (i % 5))];
        examples.Take(new AdversarialExample(1, delta, 7));
        examples.Write(_folder["examples.npz"]);

        string shape = $"(3, 3, {images.Height}, {images.Width}, )";
        float[] clean = MemoryMarshal.Cast<byte, float>(Elements("clean", "<f4", shape)).ToArray();
        Assert.That(clean, Is.EqualTo(images.Pixels.Select(value => value / 255f)));
        float[] expected = [.. clean];
        for (int i = 0; i < delta.Length; i++)
            expected[images.ImageBytes + i] += (float)delta[i];
        Assert.That(MemoryMarshal.Cast<byte, float>(Elements("adversarial", "<f4", shape)).ToArray(), Is.EqualTo(expected));
        long[] labels = [.. images.Labels.Select(label => (long)label)];
        Assert.That(MemoryMarshal.Cast<byte, long>(Elements("labels", "<i8", "(3, )")).ToArray(), Is.EqualTo(labels));
        labels[1] = 7;
        Assert.That(MemoryMarshal.Cast<byte, long>(Elements("predictions", "<i8", "(3, )")).ToArray(), Is.EqualTo(labels));
    }

    private byte[] Elements(string name, string type, string shape)
    {
        using ZipArchive archive = ZipFile.OpenRead(_folder["examples.npz"]);
        using MemoryStream memory = new();
        using (Stream stream = archive.GetEntry($"{name}.npy")!.Open())
            stream.CopyTo(memory);
        byte[] bytes = memory.ToArray();
        Assert.That(bytes[..8], Is.EqualTo(new byte[] { 0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0 }));
        int start = 10 + bytes[8] + (bytes[9] << 8);
        Assert.That(start % 64, Is.Zero);
        string header = Encoding.ASCII.GetString(bytes, 10, start - 10);
        Assert.That(header, Does.EndWith("\n"));
        Assert.That(header.Trim(), Is.EqualTo($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}"));
        return bytes[start..];
    }
}
