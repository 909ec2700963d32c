using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>What one work-item finds where: in chunks, computed once.</summary>
[ExcludeFromCodeCoverage]
internal struct ItemPlaces
{
    /// <summary>In x and y, of the first slab.</summary>
    public int X0, X1, X2, X3, X4, X5, X6, X7;
    public int Y0, Y1, Y2, Y3;

    /// <summary>Instead of numbers that do not exist: the first one of x in the slab, and zeros of y, from its beginning.</summary>
    public int XFirst, YZero;

    /// <summary>In a stage of shared memory: where the item stores, and where it finds what it brings to the tensor core.</summary>
    public int XTo, XToNext, YTo, YToNext;
    public int XFrom, XFromNext, YFrom0, YFrom1, YFrom2, YFrom3;

    public readonly ItemPlaces Pinned() => new()
    {
        X0 = Pin.Value(X0),
        X1 = Pin.Value(X1),
        X2 = Pin.Value(X2),
        X3 = Pin.Value(X3),
        X4 = Pin.Value(X4),
        X5 = Pin.Value(X5),
        X6 = Pin.Value(X6),
        X7 = Pin.Value(X7),
        Y0 = Pin.Value(Y0),
        Y1 = Pin.Value(Y1),
        Y2 = Pin.Value(Y2),
        Y3 = Pin.Value(Y3),
        XFirst = Pin.Value(XFirst),
        YZero = Pin.Value(YZero),
        XTo = Pin.Value(XTo),
        XToNext = Pin.Value(XToNext),
        YTo = Pin.Value(YTo),
        YToNext = Pin.Value(YToNext),
        XFrom = Pin.Value(XFrom),
        XFromNext = Pin.Value(XFromNext),
        YFrom0 = Pin.Value(YFrom0),
        YFrom1 = Pin.Value(YFrom1),
        YFrom2 = Pin.Value(YFrom2),
        YFrom3 = Pin.Value(YFrom3),
    };
}

/// <summary>Chunks of numbers of which one work-item packs two into one.</summary>
[ExcludeFromCodeCoverage]
internal struct LoadedChunks
{
    public Words4 P0, Q0, P1, Q1, P2, Q2, P3, Q3;
    public Words4 Y0, Z0, Y1, Z1;
}

/// <summary>
/// How operands lie: it decides what a chunk of four words is, hence who copies what, and which row, column and word a work-item
/// brings to the tensor core.
/// </summary>
/// <remarks>
/// A contraction may run over its index in any order, and rows and columns may be dealt to fragments in any order, and
/// either operand may be
/// the first one. All of it is used so that the words of an operand lie side by side in shared memory just as the instruction
/// wants them in registers: wide loads do what ldmatrix does, and where x is not contracted along its innermost index they do what
/// ldmatrix can do for 16-bit elements only.
/// </remarks>
internal interface ITensorOrder
{
    static abstract ItemPlaces Places(in TensorContraction g, in TensorTask task, int perWord);

    /// <summary>Starts copying words as they are.</summary>
    static abstract void Copy(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in ItemPlaces places, in TensorSlab slab);

    /// <summary>Loads half of the numbers that are to be packed in pairs, and starts copying what is packed already.</summary>
    static abstract LoadedChunks Load(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in TensorContraction g,
        in ItemPlaces places, in TensorSlab slab, int half);

    /// <summary>Packs what was loaded and stores it.</summary>
    static abstract void Store<TPrecision>(
        ArrayView<Words4> shared, int stage, in ItemPlaces places, in LoadedChunks chunks, int half)
        where TPrecision : unmanaged, ITensorPrecision;

    /// <summary>Multiplies half of the words of a stage.</summary>
    static abstract WarpTile Multiply<TPrecision>(
        WarpTile sums, ArrayView<Words4> shared, int stage, in ItemPlaces places, int half)
        where TPrecision : unmanaged, ITensorPrecision;

    /// <summary>Stores the sums of rows and columns that exist.</summary>
    static abstract void Put(ArrayView<Words4> output, in TensorContraction g, in TensorTask task, in WarpTile sums);
}
