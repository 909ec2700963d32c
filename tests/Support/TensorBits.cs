using Deat.Engine;

namespace Deat.Tests;

internal static class TensorBits
{
    /// <summary>The elements of a float32 or float64 tensor as bytes, to compare to the bit (NaN too).</summary>
    public static byte[] Bits(this Tensor tensor) => tensor.Type == ElementType.Float64
        ? [.. tensor.ToArray<double>().SelectMany(BitConverter.GetBytes)]
        : [.. tensor.ToArray<float>().SelectMany(BitConverter.GetBytes)];
}
