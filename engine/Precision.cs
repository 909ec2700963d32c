namespace Deat.Engine;

/// <summary>In which numbers convolutions multiply. They add in binary32, and all tensors stay binary32.</summary>
public enum Precision
{
    /// <summary>binary32: 23 bits of mantissa.</summary>
    Float32,

    /// <summary>TF32 on tensor cores: the exponents of binary32, 10 bits of mantissa.</summary>
    TensorFloat32,

    /// <summary>BF16 on tensor cores: the exponents of binary32, 7 bits of mantissa.</summary>
    BFloat16,
}
