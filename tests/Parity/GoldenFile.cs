using System.Runtime.InteropServices;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Tests;

/// <summary>The arrays of a golden file, computed by libtorch; benchmarks/Twins/README.md says what each file holds.</summary>
internal sealed class GoldenFile
{
    private static readonly Dictionary<string, GoldenFile> Files = [];

    private readonly Dictionary<string, NamedArray> _arrays;
    private readonly IReadOnlyDictionary<string, string> _metadata;

    private GoldenFile(string path)
    {
        IReadOnlyList<NamedArray> arrays = Safetensors.Read(path);
        _arrays = arrays.ToDictionary(array => array.Name);
        Names = [.. arrays.Select(array => array.Name)];
        _metadata = Safetensors.ReadMetadata(path);
    }

    /// <summary>Of all arrays, in their order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The seed of everything that <see cref="Twins.GoldenWeights"/> computes.</summary>
    public ulong Seed => ulong.Parse(_metadata["seed"]);

    /// <summary>The elements, row-major.</summary>
    public double[] this[string name] => _arrays[name] switch
    {
        { Type: ElementType.Float64 } array => array.ToDoubles(),
        { Type: ElementType.Float32 } array => [.. array.ToFloats().Select(value => (double)value)],
        { Type: ElementType.Int64 } array => [.. array.ToInt64s().Select(value => (double)value)],
        { Type: ElementType.Int32 } array => [.. Integers(array).Select(value => (double)value)],
        NamedArray array => [.. array.Data.Select(value => (double)value)],
    };

    public static GoldenFile Open(string name) => Files.TryGetValue(name, out GoldenFile? file)
        ? file
        : Files[name] = new GoldenFile(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".safetensors"));

    public byte[] Bytes(string name) => _arrays[name].Data;

    public bool Holds(string name) => _arrays.ContainsKey(name);

    /// <summary>The extents in the engine's terms: vectors run over channels.</summary>
    public Shape ShapeOf(string name) => Array.ConvertAll(_arrays[name].Shape, extent => (int)extent) switch
    {
        [] => new Shape(1, 1),
        [int c] => Shape.Vector(c),
        [int n, int c] => new Shape(n, c),
        [int n, int c, int h, int w] => new Shape(n, c, h, w),
        _ => throw new NotSupportedException(name),
    };

    /// <summary>The parts before the last slash of all arrays whose names begin with <paramref name="prefix"/>.</summary>
    public IReadOnlyList<string> Groups(string prefix = "") =>
    [
        .. Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(name => name[..name.LastIndexOf('/')]).Distinct(),
    ];

    /// <summary>A hyper-parameter from the metadata, written as name=value.</summary>
    public double Setting(string key, string name) => double.Parse(
        _metadata[key].Split(' ').Single(word => word.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..]);

    private static int[] Integers(NamedArray array) => MemoryMarshal.Cast<byte, int>(array.Data).ToArray();
}
