namespace Deat.Engine;

/// <summary>
/// How the elements of a <see cref="Shape"/> lie in memory: N, C / Block, H, W, Block, with <see cref="Border"/> rows and columns
/// of zeros around each image. Block 1 without a border is NCHW, Block = C is NHWC. Neighbours share a border: the columns to the left of a
/// row are those to the right of the row before, the rows above an image those below the image before.
/// </summary>
/// <remarks>
/// The border is what a convolution's padding reads. It is zeroed when a buffer is made and no kernel writes into it, so it
/// costs nothing later. Block divides C: there are no padding channels.
/// </remarks>
/// <param name="Shape">The extents.</param>
/// <param name="Block">Channels that lie side by side; divides C.</param>
/// <param name="Border">Zero rows between images, zero columns between rows; as many before the first and behind the last.</param>
public readonly record struct Layout(Shape Shape, int Block, int Border)
{
    /// <summary>Plain NCHW without a border: parameters, labels, what the outside sees.</summary>
    public static Layout Plain(Shape shape) => new(shape, 1, 0);

    /// <summary>Elements from one column to the next.</summary>
    public int ColumnStride => Block;

    /// <summary>Elements from one row to the next.</summary>
    public int RowStride => (Shape.W + Border) * Block;

    /// <summary>Elements from one block of channels to the next.</summary>
    public int BlockStride => (Shape.H + Border) * RowStride;

    /// <summary>Elements from one image to the next.</summary>
    public int ImageStride => Blocks * BlockStride;

    /// <summary>Blocks of channels.</summary>
    public int Blocks => Shape.C / Block;

    /// <summary>The element of pixel (0, 0) of channel 0 of image 0.</summary>
    public int Origin => (Border * RowStride) + (Border * ColumnStride);

    /// <summary>Elements in memory, border included.</summary>
    public int Length => checked((Shape.N * ImageStride) + (Border * (RowStride + ColumnStride)));

    /// <summary>The place of element (n, c, h, w); h and w may reach into the border.</summary>
    public int Index(int n, int c, int h, int w) =>
        (n * ImageStride) + (c / Block * BlockStride) + ((h + Border) * RowStride) + ((w + Border) * Block) + (c % Block);
}
