using System.Runtime.InteropServices;
using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// A named array on the host, in row-major order and little-endian bytes: one entry of a state file. Two arrays are equal as
/// records only if they share their data; compare <see cref="Data"/> for content.
/// </summary>
/// <param name="Name">The key, as PyTorch writes it, such as <c>layer1.0.conv1.weight</c>.</param>
/// <param name="Type">The type of one element.</param>
/// <param name="Shape">The extents, empty for a scalar.</param>
/// <param name="Data">The elements, product of <paramref name="Shape"/> times the element size in bytes.</param>
/// <exception cref="ArgumentException">The length of the data does not fit the shape.</exception>
public sealed record NamedArray(string Name, ElementType Type, long[] Shape, byte[] Data)
{
    /// <summary>The elements as little-endian bytes.</summary>
    public byte[] Data { get; } = Data.LongLength == Product(Shape) * Type.Bytes()
        ? Data
        : throw new ArgumentException($"{Name}: {Data.LongLength} bytes do not hold {Type} [{string.Join(", ", Shape)}]");

    /// <summary>An array of float32.</summary>
    public static NamedArray FromFloats(string name, ReadOnlySpan<float> values, params long[] shape) =>
        new(name, ElementType.Float32, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>An array of float64.</summary>
    public static NamedArray FromDoubles(string name, ReadOnlySpan<double> values, params long[] shape) =>
        new(name, ElementType.Float64, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>An array of 64-bit integers.</summary>
    public static NamedArray FromInt64s(string name, ReadOnlySpan<long> values, params long[] shape) =>
        new(name, ElementType.Int64, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>The elements of a float32 array.</summary>
    /// <exception cref="StateFileException">The array has another type.</exception>
    public float[] ToFloats() => As<float>(ElementType.Float32);

    /// <summary>The elements of a float64 array.</summary>
    /// <exception cref="StateFileException">The array has another type.</exception>
    public double[] ToDoubles() => As<double>(ElementType.Float64);

    /// <summary>The elements of an array of 64-bit integers.</summary>
    /// <exception cref="StateFileException">The array has another type.</exception>
    public long[] ToInt64s() => As<long>(ElementType.Int64);

    /// <summary>How many elements are infinite or no number.</summary>
    public long CountNotFinite() => Type switch
    {
        ElementType.Float32 => ToFloats().LongCount(value => !float.IsFinite(value)),
        ElementType.Float64 => ToDoubles().LongCount(value => !double.IsFinite(value)),
        _ => 0,
    };

    private T[] As<T>(ElementType expected)
        where T : unmanaged => Type == expected
            ? MemoryMarshal.Cast<byte, T>(Data).ToArray()
            : throw new StateFileException($"{Name} is {Type}, {expected} expected");

    private static long Product(long[] shape)
    {
        long product = 1;
        foreach (var extent in shape)
            product = checked(product * extent);
        return product;
    }
}

/// <summary>A state file that cannot be read or does not fit. The message is one line, ready for the user.</summary>
public sealed class StateFileException : Exception
{
    /// <summary>Creates the exception.</summary>
    public StateFileException(string message, Exception? inner = null)
        : base(OneLine(message), inner)
    {
    }

    // Names and values from a damaged file may hold line breaks and terminal escapes.
    private static string OneLine(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
