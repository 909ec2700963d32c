using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// How groups of work-items share the pixels and channels of an activation where something is summed over all pixels of a channel, or
/// depends on such sums. The rows of all images are cut into slices; a group takes one slice of some lanes. Few slices: a pass that needs
/// the sums adds those of the slices itself, in each of its groups, which costs less than a launch between the two. On GPUs a group's
/// items are lanes abreast, which read 128 bytes of binary32 side by side, times workers that share the pixels; on CPU-like
/// devices a group is one item and takes a block of channels, lane by lane. All strides are in lanes.
/// </summary>
/// <remarks>Slices follow from the shape and the kind of device alone: the same sums in the same order on every run.</remarks>
[ExcludeFromCodeCoverage]
internal readonly record struct ChannelSlices
{
    // Groups of a launch, roughly: two for each processor of a large GPU; fewer where an item adds all slices alone.
    private const int GpuGroups = 256, CpuGroups = 64;

    // For less, a partial sum is not worth its place.
    private const int LeastPixels = 64;

    private const int ElementsAbreast = 32;

    public ChannelSlices(Layout layout, int width, DeviceTraits traits)
    {
        Shape shape = layout.Shape;
        (Columns, RowsPerImage, Rows) = (shape.W, shape.H, shape.N * shape.H);
        (Lanes, LanesPerBlock) = (shape.C / width, layout.Block / width);
        (ImageStride, BlockStride) = (layout.ImageStride / width, layout.BlockStride / width);
        (RowStride, Origin) = (layout.RowStride / width, layout.Origin / width);

        GroupSize = traits.IsCpuLike ? 1 : PowerOfTwo(Math.Min(traits.MaxGroupSize, GroupSum.LargestGroup));
        LanesPerItem = traits.IsCpuLike ? LanesPerBlock : 1;
        LanesAbreast = traits.IsCpuLike ? 1 : PowerOfTwo(Math.Min(Lanes, ElementsAbreast / width));
        LaneGroups = Ceiling(Lanes, LanesPerItem * LanesAbreast);
        int workers = GroupSize / LanesAbreast;
        ColumnStep = PowerOfTwo(Math.Min(workers, Columns));
        RowStep = workers / ColumnStep;
        RowStepPlaces = (RowStep / RowsPerImage * ImageStride) + (RowStep % RowsPerImage * RowStride);
        RowStepRows = RowStep % RowsPerImage;

        int wanted = Math.Max(1, (traits.IsCpuLike ? CpuGroups : GpuGroups) / LaneGroups);
        RowsPerSlice = Math.Max(Ceiling(Rows, wanted), Ceiling(LeastPixels, Columns));
        Slices = Ceiling(Rows, RowsPerSlice);
    }

    /// <summary>Slices of all images.</summary>
    public int Slices { get; }

    /// <summary>Lanes that hold all channels of a pixel.</summary>
    public int Lanes { get; }

    /// <summary>Lanes that an item takes, one after another.</summary>
    public int LanesPerItem { get; }

    /// <summary>Lanes that the items of a group take side by side; a power of two.</summary>
    public int LanesAbreast { get; }

    /// <summary>Pixels of a row.</summary>
    public int Columns { get; }

    /// <summary>Columns and rows from one pixel of an item to the next.</summary>
    public int ColumnStep { get; }

    public int RowStep { get; }

    /// <summary>Places from one pixel of an item to the next of its row.</summary>
    public int ColumnStepPlaces => ColumnStep * LanesPerBlock;

    /// <summary>Groups of a launch.</summary>
    public int Groups => LaneGroups * Slices;

    /// <summary>Work-items of a group; a power of two.</summary>
    public int GroupSize { get; }

    /// <summary>Places from one row of an item to the next, and the rows of its image that these pass.</summary>
    public int RowStepPlaces { get; }

    public int RowStepRows { get; }

    /// <summary>Rows of an image, and of all.</summary>
    public int RowsPerImage { get; }

    public int Rows { get; }

    public int RowsPerSlice { get; }

    /// <summary>Places from where the rows of an image end to where those of the next begin.</summary>
    public int ImageCarry => ImageStride - (RowsPerImage * RowStride);

    public int LaneGroups { get; }

    private int LanesPerBlock { get; }

    private int ImageStride { get; }

    private int BlockStride { get; }

    private int RowStride { get; }

    private int Origin { get; }

    /// <summary>Pixels of the last slice; all others have RowsPerSlice * Columns.</summary>
    public int LastPixels => (Rows - ((Slices - 1) * RowsPerSlice)) * Columns;

    /// <summary>A launch in which all of a group's items call <see cref="GroupSum"/> so many times.</summary>
    public LaunchGrid Grid<TLane>(ComputeDevice device, int sums)
        where TLane : unmanaged => GroupSize == 1
            ? device.Grid(Groups)
            : new LaunchGrid(Groups, GroupSize, sums * GroupSum.LargestGroup * Interop.SizeOf<TLane>());

    /// <summary>Where the first pixel of all images lies in a lane.</summary>
    public int Start(int lane)
    {
        int block = lane / LanesPerBlock;
        return Origin + (block * BlockStride) + (lane - (block * LanesPerBlock));
    }

    /// <summary>Where a row of all images begins, from the first pixel.</summary>
    public int RowPlace(int row)
    {
        int image = row / RowsPerImage;
        return (image * ImageStride) + ((row - (image * RowsPerImage)) * RowStride);
    }

    private static int Ceiling(int a, int b) => (a + b - 1) / b;

    private static int PowerOfTwo(int most) => 1 << BitOperations.Log2((uint)most);
}

/// <summary>What one item of a group does: every <see cref="ChannelSlices.RowStep"/>th row from one of a slice, in some lanes.</summary>
[ExcludeFromCodeCoverage]
internal struct ChannelTask
{
    /// <summary>The slice, the first lane and the worker among those that share a lane's pixels; how many these are.</summary>
    public int Slice, Lane, Worker, Workers;

    /// <summary>The first row and where the slice's rows end; the first column, and its place in the row.</summary>
    public int Row, EndRow, Column, ColumnPlace;

    public static ChannelTask At(in ChannelSlices slices, int group, int item)
    {
        int slice = group / slices.LaneGroups;
        int laneGroup = group - (slice * slices.LaneGroups);
        int worker = item / slices.LanesAbreast;
        int row = worker / slices.ColumnStep;
        int column = worker - (row * slices.ColumnStep);
        int first = slice * slices.RowsPerSlice;
        int end = first + slices.RowsPerSlice;
        return new ChannelTask
        {
            Slice = slice,
            Lane = ((laneGroup * slices.LanesAbreast) + (item - (worker * slices.LanesAbreast))) * slices.LanesPerItem,
            Worker = worker,
            Workers = slices.ColumnStep * slices.RowStep,
            Row = first + row,
            EndRow = end < slices.Rows ? end : slices.Rows,
            Column = column,
            ColumnPlace = slices.ColumnStepPlaces / slices.ColumnStep * column,
        };
    }
}

/// <summary>Walks the rows of an item without a division per row.</summary>
[ExcludeFromCodeCoverage]
internal struct RowWalk
{
    /// <summary>Where the item's first pixel of the row lies.</summary>
    public int Place;

    private int _row;

    public static RowWalk At(in ChannelSlices slices, in ChannelTask task, int lane) => new()
    {
        Place = slices.Start(lane) + slices.RowPlace(task.Row) + task.ColumnPlace,
        _row = task.Row % slices.RowsPerImage,
    };

    /// <summary>The item's next row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly RowWalk Next(in ChannelSlices slices)
    {
        RowWalk next = this;
        next.Place += slices.RowStepPlaces;
        next._row += slices.RowStepRows;
        if (next._row >= slices.RowsPerImage)
        {
            next._row -= slices.RowsPerImage;
            next.Place += slices.ImageCarry;
        }

        return next;
    }
}
