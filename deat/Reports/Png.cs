using System.Buffers.Binary;
using System.IO.Compression;

namespace Deat.Training;

/// <summary>Images as PNG files (W3C, Portable Network Graphics, 2nd edition), with eight bits a channel and no filters.</summary>
internal static class Png
{
    private static readonly uint[] Remainders = [.. Enumerable.Range(0, 256).Select(i =>
    {
        uint remainder = (uint)i;
        for (int bit = 0; bit < 8; bit++)
            remainder = (remainder & 1) == 0 ? remainder >> 1 : 0xEDB88320 ^ (remainder >> 1);
        return remainder;
    })];

    /// <summary>The bytes of a file.</summary>
    /// <param name="pixels">[C, H, W], 0 to 255; three channels are colours, of any other number the first is grey.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public static byte[] Encode(byte[] pixels, int height, int width)
    {
        int plane = height * width;
        int channels = pixels.Length / plane == 3 ? 3 : 1;
        using MemoryStream packed = new();
        using (ZLibStream lines = new(packed, CompressionLevel.Optimal))
        {
            byte[] line = new byte[1 + (width * channels)];
            for (int h = 0; h < height; h++)
            {
                for (int c = 0; c < channels; c++)
                    for (int w = 0; w < width; w++)
                        line[1 + (w * channels) + c] = pixels[(c * plane) + (h * width) + w];
                lines.Write(line);
            }
        }

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, (byte)(channels == 3 ? 2 : 0));
        return [0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. type, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        uint remainder = uint.MaxValue;
        foreach (byte value in chunk.AsSpan(4..^4))
            remainder = Remainders[(byte)(remainder ^ value)] ^ (remainder >> 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(^4..), ~remainder);
        return chunk;
    }
}
