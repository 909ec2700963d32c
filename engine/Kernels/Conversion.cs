using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>Turns an integer into an element inside a kernel, where the conversions of generic mathematics do not compile.</summary>
internal interface IConversion<T>
    where T : unmanaged
{
    /// <summary>The element of this value; exact up to 2^24.</summary>
    static abstract T From(int value);
}

/// <summary>Integers to binary32.</summary>
[ExcludeFromCodeCoverage]
internal struct ToFloat32 : IConversion<float>
{
    public static float From(int value) => value;
}

/// <summary>Integers to binary64.</summary>
[ExcludeFromCodeCoverage]
internal struct ToFloat64 : IConversion<double>
{
    public static double From(int value) => value;
}
