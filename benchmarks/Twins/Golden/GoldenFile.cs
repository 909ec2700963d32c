using Deat.Engine;
using Deat.Nn;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>The arrays and remarks of one golden file, kept in the order in which they were added.</summary>
internal sealed class GoldenFile
{
    private readonly List<NamedArray> arrays = [];
    private readonly SortedDictionary<string, string> metadata = new(StringComparer.Ordinal);

    public void Remark(string key, FormattableString value) => metadata.Add(key, FormattableString.Invariant(value));

    /// <summary>Adds a tensor in its own type (float64, float32 or int64), row-major.</summary>
    public void Add(string name, Tensor value)
    {
        ElementType type = value.dtype switch
        {
            ScalarType.Float64 => ElementType.Float64,
            ScalarType.Float32 => ElementType.Float32,
            ScalarType.Int64 => ElementType.Int64,
            _ => throw new ArgumentException($"{name}: no golden file holds {value.dtype}"),
        };
        using Tensor packed = value.detach().contiguous();
        Add(name, type, value.shape, packed.bytes.ToArray());
    }

    public void Add(string name, ReadOnlySpan<double> values, params long[] shape) =>
        Add(name, ElementType.Float64, shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).ToArray());

    public void Add(string name, ReadOnlySpan<int> values, params long[] shape) =>
        Add(name, ElementType.Int32, shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).ToArray());

    public void Add(string name, ReadOnlySpan<byte> values, params long[] shape) =>
        Add(name, ElementType.UInt8, shape, values.ToArray());

    /// <summary>Writes the file and returns its size in bytes.</summary>
    public long Save(string path)
    {
        Safetensors.Write(path, arrays, metadata);
        return new FileInfo(path).Length;
    }

    private void Add(string name, ElementType type, long[] shape, byte[] data) => arrays.Add(new NamedArray(name, type, shape, data));
}
