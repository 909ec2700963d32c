namespace Deat.Engine;

/// <summary>The element types that tensors and state files hold.</summary>
public enum ElementType
{
    /// <summary>Unsigned byte: pixels as stored, 0..255.</summary>
    UInt8,

    /// <summary>Signed 32-bit integer: labels, indices.</summary>
    Int32,

    /// <summary>Signed 64-bit integer: counters of state dictionaries.</summary>
    Int64,

    /// <summary>IEEE binary32, the type of work.</summary>
    Float32,

    /// <summary>IEEE binary64, the type of checking.</summary>
    Float64,
}

/// <summary>Facts about <see cref="ElementType"/>.</summary>
public static class ElementTypes
{
    /// <summary>The size of one element in bytes.</summary>
    public static int Bytes(this ElementType type) => type switch
    {
        ElementType.UInt8 => 1,
        ElementType.Int32 or ElementType.Float32 => 4,
        _ => 8,
    };
}
