using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Deat.Training;

/// <summary>A matrix of whole numbers in a MAT file: its extents, and its elements with the first extent running fastest.</summary>
/// <param name="Extents">Two or more.</param>
/// <param name="Elements">Bytes; other numbers are taken where they are whole and below 256.</param>
internal sealed record MatMatrix(int[] Extents, byte[] Elements);

/// <summary>
/// MATLAB's files of level 5: a header of 128 bytes, then elements of a tag (type, bytes) and data, padded to eight bytes; what is four
/// bytes or less may lie in its tag. A compressed element holds one matrix as a zlib stream, a matrix holds flags, extents, name and
/// numbers as elements. Source: MathWorks, "MAT-File Format", section 1. Little-endian files of real matrices, which is what MATLAB and
/// scipy write today.
/// </summary>
internal static class MatFile
{
    private const int Header = 128;
    private const int Compressed = 15, Matrix = 14;

    /// <summary>The matrices of a file by name.</summary>
    /// <exception cref="InvalidDataException">It is no such file.</exception>
    /// <exception cref="EndOfStreamException">It is cut off.</exception>
    public static Dictionary<string, MatMatrix> Read(Stream stream)
    {
        byte[] header = Bytes(stream, Header);
        if (!header.AsSpan().StartsWith("MATLAB 5.0 MAT-file"u8) || header[126] != 'I' || header[127] != 'M')
            throw new InvalidDataException("no little-endian MAT file of level 5");
        Dictionary<string, MatMatrix> matrices = [];
        byte[] tag = new byte[8];
        for (int read = stream.ReadAtLeast(tag, 8, throwOnEndOfStream: false); read > 0;
            read = stream.ReadAtLeast(tag, 8, throwOnEndOfStream: false))
        {
            if (read < 8)
                throw new EndOfStreamException();
            (int type, int bytes) = Tag(tag);
            byte[] data = Bytes(stream, bytes);
            if (type == Compressed)
                (type, data) = Unpacked(data);
            if (type == Matrix)
                AddMatrix(matrices, data);
        }

        return matrices;
    }

    private static (int Type, byte[] Data) Unpacked(byte[] packed)
    {
        using ZLibStream stream = new(new MemoryStream(packed), CompressionMode.Decompress);
        (int type, int bytes) = Tag(Bytes(stream, 8));
        return (type, Bytes(stream, bytes));
    }

    private static void AddMatrix(Dictionary<string, MatMatrix> matrices, byte[] data)
    {
        int place = 0;
        Element(data, ref place);
        (_, ReadOnlyMemory<byte> sizes) = Element(data, ref place);
        (_, ReadOnlyMemory<byte> name) = Element(data, ref place);
        (int type, ReadOnlyMemory<byte> numbers) = Element(data, ref place);
        int[] extents = new int[sizes.Length / sizeof(int)];
        for (int i = 0; i < extents.Length; i++)
            extents[i] = BinaryPrimitives.ReadInt32LittleEndian(sizes.Span[(sizeof(int) * i)..]);
        byte[] elements = Whole(type, numbers);
        string text = Encoding.ASCII.GetString(name.Span);
        if (extents.Length < 2 || extents.Any(extent => extent < 0) || extents.Aggregate(1L, (n, extent) => n * extent) != elements.Length)
            throw new InvalidDataException($"{text} of {string.Join(" x ", extents)} has {elements.Length:N0} elements");
        matrices[text] = new MatMatrix(extents, elements);
    }

    /// <summary>The element at a place, which moves behind it and its padding.</summary>
    private static (int Type, ReadOnlyMemory<byte> Data) Element(byte[] data, ref int place)
    {
        if (data.Length - place < 8)
            throw new InvalidDataException("a matrix ends in an element");
        ReadOnlySpan<byte> tag = data.AsSpan(place, 8);
        int shortBytes = BinaryPrimitives.ReadUInt16LittleEndian(tag[2..]);
        bool isShort = shortBytes is > 0 and <= 4;
        (int type, int bytes) = isShort ? (BinaryPrimitives.ReadUInt16LittleEndian(tag), shortBytes) : Tag(tag);
        int start = place + (isShort ? 4 : 8);
        if (bytes > data.Length - start)
            throw new InvalidDataException("a matrix ends in an element");
        place = isShort ? place + 8 : start + ((bytes + 7) / 8 * 8);
        return (type, data.AsMemory(start, bytes));
    }

    private static byte[] Whole(int type, ReadOnlyMemory<byte> numbers)
    {
        // miUINT8, miDOUBLE: what labels and pixels are written as.
        if (type == 2)
            return numbers.ToArray();
        if (type != 9)
            throw new InvalidDataException($"a matrix holds numbers of type {type}; bytes (2) and doubles (9) are read");
        byte[] whole = new byte[numbers.Length / sizeof(double)];
        for (int i = 0; i < whole.Length; i++)
        {
            double value = BinaryPrimitives.ReadDoubleLittleEndian(numbers.Span[(sizeof(double) * i)..]);
            whole[i] = value is >= 0 and <= byte.MaxValue && Math.Floor(value) == value
                ? (byte)value
                : throw new InvalidDataException(FormattableString.Invariant($"a matrix holds {value}, which is no byte"));
        }

        return whole;
    }

    private static (int Type, int Bytes) Tag(ReadOnlySpan<byte> tag)
    {
        int bytes = BinaryPrimitives.ReadInt32LittleEndian(tag[4..]);
        return bytes >= 0 && bytes <= Array.MaxLength
            ? (BinaryPrimitives.ReadInt32LittleEndian(tag), bytes)
            : throw new InvalidDataException($"an element of {(uint)bytes:N0} bytes");
    }

    private static byte[] Bytes(Stream stream, int count)
    {
        // Grows with what is there: the length of a damaged file may be anything.
        using MemoryStream bytes = new(Math.Min(count, 1 << 20));
        byte[] buffer = new byte[1 << 16];
        while (bytes.Length < count)
        {
            int read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, count - bytes.Length));
            if (read == 0)
                throw new EndOfStreamException();
            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }
}
