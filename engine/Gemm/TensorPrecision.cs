using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>What tensor cores multiply. Sums are binary32 in every case, and so is what kernels read and write.</summary>
internal interface ITensorPrecision
{
    /// <summary>Numbers in a word, side by side along the contracted index.</summary>
    static abstract int PerWord { get; }

    /// <summary>A word of numbers that are one step of the contracted index apart; with one number per word, of the first.</summary>
    static abstract int Pack(int first, int second);

    /// <summary>c + a b for one step of eight words, see <see cref="MatrixMultiply"/>.</summary>
    static abstract WarpTile Multiply(WarpTile c, LeftWords a, RightWords b, int columns);
}

/// <summary>
/// TF32, 10 bits of mantissa. Weights are rounded when they are packed; activations are copied into shared memory as they are, and the
/// tensor core ignores their last 13 bits.
/// </summary>
[GroupSize(TensorTile.Items, Resident = 3)]
[ExcludeFromCodeCoverage]
internal struct TensorFloat32 : ITensorPrecision
{
    public static int PerWord => 1;

    public static int Pack(int first, int second) => Rounding.TensorFloat32(Interop.IntAsFloat((uint)first));

    public static WarpTile Multiply(WarpTile c, LeftWords a, RightWords b, int columns) => MatrixMultiply.TensorFloat32(c, a, b, columns);
}

/// <summary>
/// BF16, 7 bits of mantissa and the exponents of binary32, so that losses need no scaling: pairs are rounded on their way into
/// shared memory, which halves what is read from there. Two groups to a multiprocessor leave the registers in which a slab arrives.
/// </summary>
[GroupSize(TensorTile.Items, Resident = 2)]
[ExcludeFromCodeCoverage]
internal struct BFloat16 : ITensorPrecision
{
    public static int PerWord => 2;

    public static int Pack(int first, int second) =>
        Rounding.BFloat16Pair(Interop.IntAsFloat((uint)first), Interop.IntAsFloat((uint)second));

    public static WarpTile Multiply(WarpTile c, LeftWords a, RightWords b, int columns) => MatrixMultiply.BFloat16(c, a, b, columns);
}
