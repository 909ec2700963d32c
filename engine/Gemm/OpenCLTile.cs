using System.Diagnostics.CodeAnalysis;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// The register tile in OpenCL C with explicit vectors, which <see cref="Intrinsics"/> writes. What compilers make of
/// <see cref="Lane8{T}"/> differs between their versions, and they make no vectors of sixteen of it: for processors with AVX-512 they are
/// tuned to prefer eight, unless sixteen are there already. First elements stand for the views that they are read from.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class OpenCLTile
{
    /// <summary>Six rows by two vectors of eight.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(NarrowElsewhere), OpenCL = nameof(Intrinsics.GenerateTile))]
    public static void Narrow<T>(
        T x, T y, T output, in Contraction g, in TileRows rows, int tile, int split, int k0, int k0End)
        where T : unmanaged => NarrowElsewhere(x, y, output, in g, in rows, tile, split, k0, k0End);

    /// <summary>Twelve rows by two vectors of sixteen, which belong to two tiles of columns.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(WideElsewhere), OpenCL = nameof(Intrinsics.GenerateWideTile))]
    public static void Wide<T>(
        T x, T y, T output, in Contraction g, in TileRows rows, in TileRows more, int tile, int split, int k0, int k0End)
        where T : unmanaged => WideElsewhere(x, y, output, in g, in rows, in more, tile, split, k0, k0End);

    private static void NarrowElsewhere<T>(
        T x, T y, T output, in Contraction g, in TileRows rows, int tile, int split, int k0, int k0End)
        where T : unmanaged
    {
    }

    private static void WideElsewhere<T>(
        T x, T y, T output, in Contraction g, in TileRows rows, in TileRows more, int tile, int split, int k0, int k0End)
        where T : unmanaged
    {
    }
}
