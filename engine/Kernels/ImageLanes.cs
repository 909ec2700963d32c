using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// How the work-items of a kernel share the images and channels of an activation, each pixel of an image in one item: an item takes one
/// lane of one image (GPUs: neighbouring items, neighbouring channels), or a block of channels of several images (CPU-like devices, where
/// an item must be worth its dispatch). All strides are in lanes.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly record struct ImageLanes
{
    private const int PixelsPerFatItem = 512;

    public ImageLanes(Layout layout, int width, bool fat)
    {
        (Images, Rows, Columns) = (layout.Shape.N, layout.Shape.H, layout.Shape.W);
        Lanes = layout.Shape.C / width;
        LanesPerBlock = layout.Block / width;
        ImageStride = layout.ImageStride / width;
        BlockStride = layout.BlockStride / width;
        RowStride = layout.RowStride / width;
        Origin = layout.Origin / width;
        LanesPerItem = fat ? LanesPerBlock : 1;
        ImagesPerItem = fat ? Math.Max(1, PixelsPerFatItem / (Rows * Columns)) : 1;
        LaneGroups = Lanes / LanesPerItem;
        Items = LaneGroups * ((Images + ImagesPerItem - 1) / ImagesPerItem);
    }

    /// <summary>Rows of an image.</summary>
    public int Rows { get; }

    /// <summary>Pixels of a row.</summary>
    public int Columns { get; }

    /// <summary>Lanes that hold all channels of a pixel.</summary>
    public int Lanes { get; }

    /// <summary>Lanes of a block: what lies between a pixel and the next of its row.</summary>
    public int LanesPerBlock { get; }

    /// <summary>Lanes from one row to the next.</summary>
    public int RowStride { get; }

    /// <summary>Work-items.</summary>
    public int Items { get; }

    private int Images { get; }

    private int LanesPerItem { get; }

    private int ImagesPerItem { get; }

    private int LaneGroups { get; }

    private int ImageStride { get; }

    private int BlockStride { get; }

    private int Origin { get; }

    /// <summary>The first of the lanes that <paramref name="item"/> takes.</summary>
    public int FirstLane(int item) => item % LaneGroups * LanesPerItem;

    /// <summary>The last of the lanes that <paramref name="item"/> takes.</summary>
    public int LastLane(int item) => FirstLane(item) + LanesPerItem - 1;

    /// <summary>The first of the images that <paramref name="item"/> takes.</summary>
    public int FirstImage(int item) => item / LaneGroups * ImagesPerItem;

    /// <summary>The last of the images that <paramref name="item"/> takes.</summary>
    public int LastImage(int item) => Math.Min(FirstImage(item) + ImagesPerItem, Images) - 1;

    /// <summary>Where the first pixel of a lane of an image lies.</summary>
    public int Start(int image, int lane)
    {
        int block = lane / LanesPerBlock;
        return Origin + (image * ImageStride) + (block * BlockStride) + (lane - (block * LanesPerBlock));
    }
}
