using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>Where the pixels of an activation lie, for work-items of <see cref="PixelRuns"/>. All strides are in lanes.</summary>
[ExcludeFromCodeCoverage]
internal readonly record struct LanePlaces(int Rows, int Columns, int Image, int Group, int Row, int Column, int Origin)
{
    public static LanePlaces Of(Layout layout, int width, bool fat) => new(
        layout.Shape.H, layout.Shape.W, layout.ImageStride / width, fat ? layout.BlockStride / width : 1, layout.RowStride / width,
        layout.ColumnStride / width, layout.Origin / width);

    /// <summary>Where the first lane of a group lies at the first pixel of a row.</summary>
    public int Start(int image, int group, int row) => Origin + (image * Image) + (group * Group) + (row * Row);
}

/// <summary>
/// How the work-items of a kernel share the pixels and channels of an activation where each result depends on few pixels of one channel:
/// an item takes one lane of one pixel (GPUs: neighbouring items, neighbouring channels), or a row of pixels of a block of channels
/// (CPU-like devices). Tensors of the same channels share groups of lanes, whatever their pixels.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly record struct PixelRuns
{
    public PixelRuns(Layout layout, int width, bool fat)
    {
        Shape shape = layout.Shape;
        (Lanes, Groups) = fat ? (layout.Block / width, layout.Blocks) : (1, shape.C / width);
        Columns = fat ? shape.W : 1;
        (RunsPerRow, Rows) = (shape.W / Columns, shape.H);
        Items = shape.N * Rows * RunsPerRow * Groups;
    }

    /// <summary>Work-items.</summary>
    public int Items { get; }

    /// <summary>Pixels of a run.</summary>
    public int Columns { get; }

    /// <summary>Lanes that lie side by side and are one item's.</summary>
    public int Lanes { get; }

    private int Groups { get; }

    private int RunsPerRow { get; }

    private int Rows { get; }

    /// <summary>The run of an item.</summary>
    public PixelRun Run(int item)
    {
        int pixel = item / Groups;
        int row = pixel / RunsPerRow;
        int image = row / Rows;
        return new PixelRun
        {
            Group = item - (pixel * Groups),
            Column = (pixel - (row * RunsPerRow)) * Columns,
            Row = row - (image * Rows),
            Image = image,
        };
    }
}

/// <summary>Neighbouring pixels of a row, in some lanes.</summary>
[ExcludeFromCodeCoverage]
internal struct PixelRun
{
    /// <summary>The image, the group of lanes, the row and its first pixel.</summary>
    public int Image, Group, Row, Column;
}
