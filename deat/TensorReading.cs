using Deat.Engine;

namespace Deat.Training;

/// <summary>Reading and writing of tensors whose element type is only known when the program runs.</summary>
internal static class TensorReading
{
    /// <summary>All elements in N, C, H, W order, in double precision. Waits for the device.</summary>
    public static double[] ToDoubles(this Tensor tensor) => tensor.Type == ElementType.Float64
        ? tensor.ToArray<double>()
        : Array.ConvertAll(tensor.ToArray<float>(), value => (double)value);

    /// <summary>Sets all elements from N, C, H, W order, rounded to the element type.</summary>
    public static void SetDoubles(this Tensor tensor, double[] values)
    {
        if (tensor.Type == ElementType.Float64)
            tensor.CopyFrom<double>(values);
        else
            tensor.CopyFrom<float>(Array.ConvertAll(values, value => (float)value));
    }
}
