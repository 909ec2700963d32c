using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>taken[m] = images[rows[m]], bit by bit, whatever the type: some images of a batch become a batch of their own.</summary>
    /// <param name="images">[N, C, H, W], elements of four or eight bytes.</param>
    /// <param name="rows">[M, 1, 1, 1] Int32, each in 0..N-1; not checked here: they lie on the device.</param>
    /// <param name="taken">[M, C, H, W] in the same layout; written, with the zeros of its border.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or there is not a row for each image.</exception>
    public static void TakeImages(Tensor images, Tensor rows, Tensor taken)
    {
        RequireRows(nameof(TakeImages), images, rows, taken);
        CopyImages(ImageCopyKernels.Take, images, rows, taken, taken.Shape.N);
    }

    /// <summary>images[rows[m]] = taken[m] for the first images of a batch: the way back of <see cref="TakeImages"/>.</summary>
    /// <param name="taken">[M, C, H, W], elements of four or eight bytes.</param>
    /// <param name="rows">[M, 1, 1, 1] Int32, each in 0..N-1, the first ones different; not checked: they lie on the device.</param>
    /// <param name="count">How many images go back, at most M.</param>
    /// <param name="images">[N, C, H, W] in the same layout; written in these rows.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or there is not a row for each image.</exception>
    public static void PutImages(Tensor taken, Tensor rows, int count, Tensor images)
    {
        RequireRows(nameof(PutImages), images, rows, taken);
        Require.That(count >= 0 && count <= taken.Shape.N, nameof(PutImages), $"0 to {taken.Shape.N} images", count);
        if (count > 0)
            CopyImages(ImageCopyKernels.Put, taken, rows, images, count);
    }

    /// <summary>place[n] = values[n], bit by bit, for the images whose flag is not 0.</summary>
    /// <param name="flags">[N, 1, 1, 1] Int32.</param>
    /// <param name="values">[N, C, H, W], elements of four or eight bytes.</param>
    /// <param name="place">The same; written where an image is flagged.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or there is not a flag for each image.</exception>
    public static void KeepWhere(Tensor flags, Tensor values, Tensor place)
    {
        RequireRows(nameof(KeepWhere), values, flags, place);
        Require.That(values.Layout == place.Layout, nameof(KeepWhere), values.Layout, place.Layout);
        CopyImages(ImageCopyKernels.Where, values, flags, place, place.Shape.N);
    }

    private static void RequireRows(string op, Tensor images, Tensor rows, Tensor taken)
    {
        Layout expected = images.Layout with { Shape = images.Shape with { N = taken.Shape.N } };
        Require.That(taken.Layout == expected, op, expected, taken.Layout);
        Require.That(taken.Type == images.Type && images.Type != ElementType.UInt8, op, images.Type, taken.Type);
        Require.That(
            rows.Type == ElementType.Int32 && rows.Shape.Count == taken.Shape.N, op, $"{taken.Shape.N} Int32", rows.Shape);
    }

    private static void CopyImages(
        Action<ArrayView<int>, ArrayView<int>, ArrayView<int>, int, int, int> kernel, Tensor values, Tensor rows, Tensor place, int images)
    {
        ComputeDevice device = values.Device;
        int words = values.Layout.ImageStride * (values.Type.Bytes() / sizeof(int));
        int chunks = (words + device.Traits.Chunk - 1) / device.Traits.Chunk;
        device.Launch(
            kernel, device.Grid(images * chunks), new Cost(0, ((2L * words) + 1) * images * sizeof(int)),
            values.View<int>(), rows.View<int>(), place.View<int>(), images, words, device.Traits.Chunk);
    }
}

/// <summary>Copies of whole images, some chunks of words an item; an image's memory is one piece in every layout.</summary>
[ExcludeFromCodeCoverage]
internal static class ImageCopyKernels
{
    public static void Take(ArrayView<int> values, ArrayView<int> rows, ArrayView<int> place, int images, int words, int chunk)
    {
        int item = Item.Index();
        int chunks = (words + chunk - 1) / chunk;
        int n = item / chunks;
        if (n < images)
            Copy(values, Real.Load(rows, n) * words, place, n * words, (item - (n * chunks)) * chunk, words, chunk);
    }

    public static void Put(ArrayView<int> values, ArrayView<int> rows, ArrayView<int> place, int images, int words, int chunk)
    {
        int item = Item.Index();
        int chunks = (words + chunk - 1) / chunk;
        int n = item / chunks;
        if (n < images)
            Copy(values, n * words, place, Real.Load(rows, n) * words, (item - (n * chunks)) * chunk, words, chunk);
    }

    public static void Where(ArrayView<int> values, ArrayView<int> flags, ArrayView<int> place, int images, int words, int chunk)
    {
        int item = Item.Index();
        int chunks = (words + chunk - 1) / chunk;
        int n = item / chunks;
        if (n < images && Real.Load(flags, n) != 0)
            Copy(values, n * words, place, n * words, (item - (n * chunks)) * chunk, words, chunk);
    }

    private static void Copy(ArrayView<int> values, int from, ArrayView<int> place, int to, int start, int words, int chunk)
    {
        int end = start + chunk < words ? start + chunk : words;
        for (int i = start; i < end; i++)
            Real.Store(place, to + i, Real.Load(values, from + i));
    }
}
