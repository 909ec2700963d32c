using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>Rounds binary32 to what tensor cores multiply. NaN stays NaN.</summary>
[ExcludeFromCodeCoverage]
internal static class Rounding
{
    /// <summary>
    /// TF32: 10 bits of mantissa, to nearest, ties away from zero (cvt.rna.tf32.f32); the bits of a binary32 whose last 13 are zero.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(TensorFloat32Body), Ptx = nameof(Intrinsics.GenerateTensorFloat32))]
    public static int TensorFloat32(float value) => TensorFloat32Body(value);

    /// <summary>
    /// Two BF16, 7 bits of mantissa, to nearest, ties to even (cvt.rn.bf16x2.f32): <paramref name="low"/> in the lower half of the word.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(BFloat16PairBody), Ptx = nameof(Intrinsics.GenerateBFloat16Pair))]
    public static int BFloat16Pair(float low, float high) => BFloat16PairBody(low, high);

    private static int TensorFloat32Body(float value)
    {
        int bits = (int)Interop.FloatAsInt(value);
        return IsNaN(bits) ? 0x7fffe000 : (bits + 0x1000) & ~0x1fff;
    }

    private static int BFloat16PairBody(float low, float high) => BFloat16(low) | (BFloat16(high) << 16);

    private static int BFloat16(float value)
    {
        int bits = (int)Interop.FloatAsInt(value);
        return IsNaN(bits) ? 0x7fff : ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) & 0xffff;
    }

    private static bool IsNaN(int bits) => (bits & 0x7fffffff) > 0x7f800000;
}
