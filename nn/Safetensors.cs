using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// Reads and writes safetensors files: 8 bytes of header length, a JSON header, the data. Nothing in a file is ever executed.
/// The reader is strict: a header of at most 100 MB, no duplicate keys, and ranges that cover the data exactly, without overlap
/// or hole. The writer gives the same bytes for the same content. Source: the format's description in huggingface/safetensors.
/// </summary>
public static class Safetensors
{
    private const long MaxHeaderBytes = 100_000_000;
    private const string MetadataKey = "__metadata__";

    /// <summary>Reads all arrays of a file, in the order of its header.</summary>
    /// <exception cref="StateFileException">The file cannot be read or is not a valid safetensors file.</exception>
    public static IReadOnlyList<NamedArray> Read(string path) => WithFile(path, Read);

    /// <summary>Reads all arrays from a seekable stream that ends where the file ends.</summary>
    /// <exception cref="StateFileException">The content is not a valid safetensors file.</exception>
    public static IReadOnlyList<NamedArray> Read(Stream stream)
    {
        var (header, dataBytes) = ReadHeader(stream);
        RequireTiling(header.Entries, dataBytes);
        var arrays = new NamedArray[header.Entries.Count];
        foreach (var (entry, index) in header.Entries.Select((entry, index) => (entry, index)).OrderBy(e => e.entry.Begin))
        {
            if (entry.End - entry.Begin > Array.MaxLength)
                throw new StateFileException($"'{entry.Name}' has {entry.End - entry.Begin:N0} bytes; the limit is {Array.MaxLength:N0}");
            var data = new byte[entry.End - entry.Begin];
            Fill(stream, data);
            arrays[index] = new NamedArray(entry.Name, entry.Type, entry.Shape, data);
        }
        return arrays;
    }

    /// <summary>Reads the free text entries of a file, empty if it has none.</summary>
    /// <exception cref="StateFileException">The file cannot be read or its header is not valid.</exception>
    public static IReadOnlyDictionary<string, string> ReadMetadata(string path) => WithFile(path, ReadMetadata);

    /// <summary>Reads the free text entries from a seekable stream, empty if there are none.</summary>
    /// <exception cref="StateFileException">The header is not valid.</exception>
    public static IReadOnlyDictionary<string, string> ReadMetadata(Stream stream) => ReadHeader(stream).Header.Metadata;

    /// <summary>Writes a file in place; use an atomic writer where the old content matters.</summary>
    public static void Write(string path, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = File.Create(path);
        Write(stream, arrays, metadata);
    }

    /// <summary>
    /// Writes the arrays. The header keeps their order; the data lie with the largest elements first, so that each array is
    /// aligned to its element size.
    /// </summary>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var layout = arrays.OrderByDescending(a => a.Type.Bytes()).ToArray();
        var header = Header(arrays, layout, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var array in layout)
            stream.Write(array.Data);
    }

    /// <summary>The size in bytes of the file that these arrays and metadata make.</summary>
    public static long FileBytes(IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null) =>
        8 + Header(arrays, [.. arrays.OrderByDescending(a => a.Type.Bytes())], metadata).Length + arrays.Sum(a => a.Data.LongLength);

    private sealed record Entry(string Name, ElementType Type, long[] Shape, long Begin, long End);

    private sealed record FileHeader(IReadOnlyList<Entry> Entries, IReadOnlyDictionary<string, string> Metadata);

    private static byte[] Header(
        IReadOnlyList<NamedArray> arrays, NamedArray[] layout, IReadOnlyDictionary<string, string>? metadata)
    {
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        var offset = 0L;
        foreach (var array in layout)
        {
            if (array.Name == MetadataKey || !offsets.TryAdd(array.Name, offset))
                throw new ArgumentException($"array name '{array.Name}' is reserved or used twice");
            offset += array.Data.LongLength;
        }
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            foreach (var array in arrays)
                WriteEntry(json, array, offsets[array.Name]);
            json.WriteEndObject();
        }
        while (text.Length % 8 != 0)
            text.WriteByte((byte)' ');
        return text.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is not { Count: > 0 })
            return;
        json.WriteStartObject(MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, NamedArray array, long offset)
    {
        json.WriteStartObject(array.Name);
        json.WriteString("dtype", Code(array.Type));
        json.WriteStartArray("shape");
        foreach (var extent in array.Shape)
            json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + array.Data.LongLength);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static (FileHeader Header, long DataBytes) ReadHeader(Stream stream)
    {
        var available = stream.Length - stream.Position - 8;
        if (available < 0)
            throw new StateFileException($"not a safetensors file: {available + 8} bytes, at least 8 expected");
        Span<byte> prefix = stackalloc byte[8];
        Fill(stream, prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes || length > (ulong)available)
            throw new StateFileException(
                $"damaged safetensors header: it claims {length:N0} bytes, {available:N0} follow (limit {MaxHeaderBytes:N0})");
        var text = new byte[length];
        Fill(stream, text);
        try
        {
            return (ParseHeader(text), available - (long)length);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new StateFileException($"damaged safetensors header: {e.Message}", e);
        }
    }

    private static FileHeader ParseHeader(byte[] text)
    {
        if (!text.AsSpan().StartsWith("{"u8) || !Utf8.IsValid(text))
            throw new JsonException("it is not JSON text that starts with {");
        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        var entries = new List<Entry>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name != MetadataKey)
                entries.Add(ParseEntry(property.Name, property.Value));
            else
                foreach (var item in property.Value.EnumerateObject())
                    metadata.Add(item.Name, item.Value.GetString() ?? throw new JsonException("null in the metadata"));
        }
        return new FileHeader(entries, metadata);
    }

    private static Entry ParseEntry(string name, JsonElement value)
    {
        var keys = value.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal);
        if (!keys.SequenceEqual(["data_offsets", "dtype", "shape"], StringComparer.Ordinal))
            throw new JsonException($"'{name}' does not have exactly dtype, shape and data_offsets");
        var code = value.GetProperty("dtype").GetString();
        var type = code switch
        {
            "U8" => ElementType.UInt8,
            "I32" => ElementType.Int32,
            "I64" => ElementType.Int64,
            "F32" => ElementType.Float32,
            "F64" => ElementType.Float64,
            _ => throw new JsonException($"'{name}' has type {code}; U8, I32, I64, F32 and F64 can be read"),
        };
        var shape = Integers(name, value.GetProperty("shape"));
        var range = Integers(name, value.GetProperty("data_offsets"));
        var bytes = shape.Aggregate((long)type.Bytes(), (product, extent) => Product(name, product, extent));
        if (range.Length != 2 || range[0] > range[1] || range[1] - range[0] != bytes)
            throw new JsonException($"'{name}' is {code} [{string.Join(", ", shape)}] but has the range [{string.Join(", ", range)}]");
        return new Entry(name, type, shape, range[0], range[1]);
    }

    private static long Product(string name, long bytes, long extent) =>
        (Int128)bytes * extent is var product && product <= long.MaxValue
            ? (long)product
            : throw new JsonException($"'{name}' has a shape of more than 2^63 bytes");

    private static long[] Integers(string name, JsonElement array) =>
        [.. array.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out var i) && i >= 0
            ? i
            : throw new JsonException($"'{name}' has the number {e.GetRawText()}; whole numbers from 0 expected"))];

    private static void RequireTiling(IReadOnlyList<Entry> entries, long dataBytes)
    {
        var position = 0L;
        foreach (var entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != position)
                throw Damaged($"'{entry.Name}' begins at byte {entry.Begin:N0}, {position:N0} expected");
            position = entry.End;
        }
        if (position != dataBytes)
            throw Damaged($"the header describes {position:N0} bytes of data, the file holds {dataBytes:N0}");
    }

    private static StateFileException Damaged(string what) => new($"damaged safetensors file: {what}");

    private static void Fill(Stream stream, Span<byte> target)
    {
        try
        {
            stream.ReadExactly(target);
        }
        catch (IOException e)
        {
            throw new StateFileException($"cannot read the state file: {e.Message}", e);
        }
    }

    private static T WithFile<T>(string path, Func<Stream, T> read)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return read(stream);
        }
        catch (StateFileException e)
        {
            throw new StateFileException($"{path}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new StateFileException($"cannot read {path}: {e.Message}", e);
        }
    }

    private static string Code(ElementType type) => type switch
    {
        ElementType.UInt8 => "U8",
        ElementType.Int32 => "I32",
        ElementType.Int64 => "I64",
        ElementType.Float32 => "F32",
        _ => "F64",
    };
}
