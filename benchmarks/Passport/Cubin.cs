using System.Buffers.Binary;
using System.Text;

namespace Deat.Benchmarks;

/// <summary>What ptxas writes: an ELF file of 64 bits, little-endian, with a section for each function.</summary>
internal static class Cubin
{
    private const int SectionTable = 0x28;
    private const int SectionSize = 0x3A;
    private const int SectionCount = 0x3C;
    private const int NamesSection = 0x3E;

    /// <summary>The machine code of a function.</summary>
    public static byte[] CodeOf(byte[] elf, string function)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(SectionCount));
        (int names, _) = Place(elf, BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(NamesSection)));
        for (int section = 0; section < count; section++)
        {
            int name = names + BinaryPrimitives.ReadInt32LittleEndian(elf.AsSpan(Header(elf, section)));
            if (Encoding.ASCII.GetString(elf, name, Array.IndexOf(elf, (byte)0, name) - name) != $".text.{function}")
                continue;
            (int offset, int size) = Place(elf, section);
            return elf[offset..(offset + size)];
        }

        throw new ToolException($"ptxas wrote no code of {function}");
    }

    private static int Header(byte[] elf, int section) => (int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(SectionTable))
        + (section * BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(SectionSize)));

    private static (int Offset, int Size) Place(byte[] elf, int section)
    {
        ReadOnlySpan<byte> header = elf.AsSpan(Header(elf, section));
        return ((int)BinaryPrimitives.ReadInt64LittleEndian(header[0x18..]), (int)BinaryPrimitives.ReadInt64LittleEndian(header[0x20..]));
    }
}
