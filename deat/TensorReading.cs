using Deat.Engine;

namespace Deat.Training;

/// <summary>Reading of tensors whose element type is only known when the program runs.</summary>
internal static class TensorReading
{
    /// <summary>All elements in N, C, H, W order, in double precision. Waits for the device.</summary>
    public static double[] ToDoubles(this Tensor tensor) => tensor.Type == ElementType.Float64
        ? tensor.ToArray<double>()
        : Array.ConvertAll(tensor.ToArray<float>(), value => (double)value);
}
