using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// How the work-items of a kernel share the pixels and channels of an activation. The rows of every image are cut into slices of
/// equal height; an item takes one slice of one lane (GPUs: neighbouring items, neighbouring channels), or several slices of one
/// block of channels (CPU-like devices, where an item must be worth its dispatch). All strides are in lanes.
/// </summary>
/// <remarks>
/// The slices follow from the shape alone, so a reduction over them adds the same numbers in the same order whatever the device
/// can do, and all have the same number of pixels, so that means of slices weigh alike.
/// </remarks>
[ExcludeFromCodeCoverage]
internal readonly record struct RowSlices
{
    // Small enough for a first-level cache on CPUs and for many thousand items on GPUs.
    private const int PixelsPerSlice = 64;

    private const int PixelsPerFatItem = 512;

    private RowSlices(Layout layout, int width, int rows, bool fat)
    {
        (Rows, Columns) = (rows, layout.Shape.W);
        SlicesPerImage = layout.Shape.H / rows;
        Slices = layout.Shape.N * SlicesPerImage;
        Lanes = layout.Shape.C / width;
        LanesPerBlock = layout.Block / width;
        ImageStride = layout.ImageStride / width;
        BlockStride = layout.BlockStride / width;
        RowStride = layout.RowStride / width;
        Origin = layout.Origin / width;
        LanesPerItem = fat ? LanesPerBlock : 1;
        SlicesPerItem = fat ? Math.Max(1, PixelsPerFatItem / Pixels) : 1;
        LaneGroups = Lanes / LanesPerItem;
        Items = LaneGroups * ((Slices + SlicesPerItem - 1) / SlicesPerItem);
    }

    /// <summary>Rows of a slice.</summary>
    public int Rows { get; }

    /// <summary>Pixels of a row.</summary>
    public int Columns { get; }

    /// <summary>Slices of an image.</summary>
    public int SlicesPerImage { get; }

    /// <summary>Slices of all images.</summary>
    public int Slices { get; }

    /// <summary>Lanes that hold all channels of a pixel.</summary>
    public int Lanes { get; }

    /// <summary>Lanes of a block: what lies between a pixel and the next of its row.</summary>
    public int LanesPerBlock { get; }

    /// <summary>Lanes from one row to the next.</summary>
    public int RowStride { get; }

    /// <summary>Work-items.</summary>
    public int Items { get; }

    /// <summary>Pixels of a slice.</summary>
    public int Pixels => Rows * Columns;

    private int LanesPerItem { get; }

    private int SlicesPerItem { get; }

    private int LaneGroups { get; }

    private int ImageStride { get; }

    private int BlockStride { get; }

    private int Origin { get; }

    /// <summary>Slices of about 64 pixels: as many whole rows as fit and divide the height, at least one.</summary>
    public static RowSlices Of<T, TLane>(Tensor tensor)
        where T : unmanaged, System.Numerics.INumber<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Shape shape = tensor.Shape;
        int rows = Math.Clamp(PixelsPerSlice / shape.W, 1, shape.H);
        while (shape.H % rows != 0)
            rows--;
        return new RowSlices(tensor.Layout, TLane.Width, rows, tensor.Device.Traits.IsCpuLike);
    }

    /// <summary>One slice an image.</summary>
    public static RowSlices Images<T, TLane>(Tensor tensor)
        where T : unmanaged, System.Numerics.INumber<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        new(tensor.Layout, TLane.Width, tensor.Shape.H, tensor.Device.Traits.IsCpuLike);

    /// <summary>The first of the lanes that <paramref name="item"/> takes.</summary>
    public int FirstLane(int item) => item % LaneGroups * LanesPerItem;

    /// <summary>The last of the lanes that <paramref name="item"/> takes.</summary>
    public int LastLane(int item) => FirstLane(item) + LanesPerItem - 1;

    /// <summary>The first of the slices that <paramref name="item"/> takes.</summary>
    public int FirstSlice(int item) => item / LaneGroups * SlicesPerItem;

    /// <summary>The last of the slices that <paramref name="item"/> takes.</summary>
    public int LastSlice(int item) => Math.Min(FirstSlice(item) + SlicesPerItem, Slices) - 1;

    /// <summary>Where the first pixel of a lane of a slice lies.</summary>
    public int Start(int slice, int lane)
    {
        int image = slice / SlicesPerImage;
        int block = lane / LanesPerBlock;
        return Origin + (image * ImageStride) + ((slice - (image * SlicesPerImage)) * Rows * RowStride)
            + (block * BlockStride) + (lane - (block * LanesPerBlock));
    }
}
