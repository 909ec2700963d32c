using System.Buffers.Binary;
using System.Text;
using Deat.Engine;
using Deat.Nn;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SafetensorsTests
{
    private static readonly NamedArray[] Sample =
    [
        new("labels", ElementType.UInt8, [3], [1, 2, 3]),
        NamedArray.FromFloats("conv1.weight", [1.5f, -2f, float.NaN, 4f, 5f, 6f], 2, 3),
        NamedArray.FromInt64s("bn1.num_batches_tracked", [391]),
        NamedArray.FromDoubles("magnitude", [2829.7, 1e-300], 2),
        new("indices", ElementType.Int32, [1, 1], [9, 0, 0, 0]),
        NamedArray.FromFloats("empty", [], 0, 7),
    ];

    private static readonly Dictionary<string, string> SampleMetadata =
        new() { ["state"] = """{"epoch": 3, "name": "ä\n"}""", ["format"] = "pt" };

    [Test]
    public void WhatWasWrittenIsRead()
    {
        var file = Bytes(Sample, SampleMetadata);
        var read = Safetensors.Read(new MemoryStream(file));
        Assert.That(read.Select(a => a.Name), Is.EqualTo(Sample.Select(a => a.Name)));
        foreach (var (actual, expected) in read.Zip(Sample))
        {
            Assert.That(actual.Type, Is.EqualTo(expected.Type));
            Assert.That(actual.Shape, Is.EqualTo(expected.Shape));
            Assert.That(actual.Data, Is.EqualTo(expected.Data));
        }
        Assert.That(read[1].ToFloats(), Is.EqualTo(new[] { 1.5f, -2f, float.NaN, 4f, 5f, 6f }));
        Assert.That(read[2].ToInt64s(), Is.EqualTo(new[] { 391L }));
        Assert.That(read[3].ToDoubles(), Is.EqualTo(new[] { 2829.7, 1e-300 }));
        Assert.That(Safetensors.ReadMetadata(new MemoryStream(file)), Is.EquivalentTo(SampleMetadata));
        Assert.That(Safetensors.FileBytes(Sample, SampleMetadata), Is.EqualTo(file.Length));
    }

    [Test]
    public void TheSameContentGivesTheSameBytes()
    {
        var reversed = SampleMetadata.Reverse().ToDictionary();
        Assert.That(Bytes(Sample, reversed), Is.EqualTo(Bytes(Sample, SampleMetadata)));
    }

    [Test]
    public void EachArrayIsAlignedToItsElements()
    {
        var file = Bytes(Sample, SampleMetadata);
        Assert.That(BinaryPrimitives.ReadInt64LittleEndian(file) % 8, Is.Zero);
        var data = file.AsSpan(8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file));
        Assert.That(data.IndexOf(Sample[1].Data) % 4, Is.Zero);
        Assert.That(data.IndexOf(Sample[3].Data) % 8, Is.Zero);
    }

    // The layout as the format's description shows it, put together by hand.
    [Test]
    public void AFileMadeByHandIsRead()
    {
        const string Header = """{"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},""" +
            """
            "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}
            """;
        var read = Safetensors.Read(File(Header, [0, 0, 128, 63, 0, 0, 0, 64, 7]));
        Assert.That(read[0].Data, Is.EqualTo(new byte[] { 7 }));
        Assert.That(read[0].Shape, Is.Empty);
        Assert.That(read[1].ToFloats(), Is.EqualTo(new[] { 1f, 2f }));
    }

    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4,
        "begins at byte 0, 4 expected", TestName = "Overlap")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3,
        "begins at byte 2, 1 expected", TestName = "Hole")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 2, "the file holds 2", TestName = "BytesLeftOver")]
    [TestCase("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", 2, "describes 9 bytes", TestName = "BytesMissing")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "has the range", TestName = "ShapeAndRangeDiffer")]
    [TestCase("""{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", 4, "type BF16", TestName = "UnknownType")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "2^63", TestName = "ShapeOverflow")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}""", 0, "2^63",
        TestName = "OverflowBeforeZero")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[1,0]}}""", 0, "number -1", TestName = "NegativeExtent")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}""", 1, "number 1.5", TestName = "FractionalExtent")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1]}}""", 1, "exactly dtype, shape and data_offsets", TestName = "RangeMissing")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0,
        "uplicate", TestName = "DuplicateName")]
    [TestCase("""{"__metadata__":{"a":"1","\u0061":"2"}}""", 0, "uplicate", TestName = "DuplicateMetadata")]
    [TestCase("""{"a":{"dtype":"U8","dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0, "uplicate", TestName = "DuplicateField")]
    [TestCase("""{"__metadata__":{"a":1}}""", 0, "", TestName = "MetadataIsNotText")]
    [TestCase("""{"\ud800":{}}""", 0, "", TestName = "LoneSurrogate")]
    [TestCase("[]", 0, "starts with {", TestName = "NotAnObject")]
    [TestCase("", 0, "starts with {", TestName = "EmptyHeader")]
    public void ADamagedHeaderIsRefused(string header, int dataBytes, string message)
    {
        var e = Assert.Throws<StateFileException>(() => Safetensors.Read(File(header, new byte[dataBytes])))!;
        Assert.That(e.Message, Does.Contain(message));
        Assert.That(e.Message, Does.Not.Contain("\n"));
    }

    [Test]
    public void AHugeHeaderIsRefusedBeforeItIsRead([Values(100_000_001UL, ulong.MaxValue, 1UL << 63, 3UL)] ulong length)
    {
        var file = new byte[10];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        Assert.That(() => Safetensors.Read(new MemoryStream(file)), Throws.TypeOf<StateFileException>().With.Message.Contains("claims"));
    }

    [Test]
    public void AMissingFileIsAStateFileException() =>
        Assert.That(() => Safetensors.Read("no-such-file"), Throws.TypeOf<StateFileException>().With.Message.Contains("no-such-file"));

    [Test]
    public void AnotherTypeIsNamed() =>
        Assert.That(() => Sample[1].ToDoubles(), Throws.TypeOf<StateFileException>().With.Message.Contains("conv1.weight is Float32"));

    [Test]
    public void BadArraysAreNotWritten()
    {
        Assert.That(() => NamedArray.FromFloats("a", [1f], 2), Throws.ArgumentException);
        Assert.That(() => Bytes([Sample[0], Sample[0]]), Throws.ArgumentException);
        Assert.That(() => Bytes([new("__metadata__", ElementType.UInt8, [0], [])]), Throws.ArgumentException);
    }

    [Test]
    public void NoMutantIsReadOutOfBoundsOrThrowsAnythingElse() => Fuzz(20_000, seed: 1);

    [Test, Explicit("long"), Category("nightly")]
    public void NoMutantIsReadOutOfBoundsOrThrowsAnythingElseNightly() => Fuzz(200_000, seed: Environment.TickCount);

    private static void Fuzz(int count, int seed)
    {
        var random = new Random(seed);
        var whole = Bytes(Sample, SampleMetadata);
        var (read, refused) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            var mutant = Mutant(whole, random);
            try
            {
                foreach (var array in Safetensors.Read(new MemoryStream(mutant)))
                    Assert.That(array.Data, Has.Length.LessThanOrEqualTo(mutant.Length));
                read++;
            }
            catch (StateFileException)
            {
                refused++;
            }
            catch (Exception e) when (e is not AssertionException)
            {
                Assert.Fail($"seed {seed}, mutant {i}: {e.GetType()} {e.Message}: {Convert.ToHexString(mutant)}");
            }
        }
        // Both roads must be walked: mutants of names and of data stay valid, most others do not.
        Assert.That(read, Is.GreaterThan(count / 20));
        Assert.That(refused, Is.GreaterThan(count / 4));
    }

    private static byte[] Mutant(byte[] whole, Random random)
    {
        var mutant = whole.ToArray();
        for (var edits = random.Next(1, 4); edits > 0; edits--)
        {
            var at = random.Next(mutant.Length);
            var length = random.Next(Math.Min(12, mutant.Length - at) + 1);
            switch (random.Next(5))
            {
                case 0: mutant[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: mutant[at] = (byte)random.Next(256); break;
                case 2: mutant = [.. mutant.AsSpan(0, at), .. mutant.AsSpan(at + length)]; break;
                case 3: mutant = [.. mutant.AsSpan(0, at), .. mutant.AsSpan(at, length), .. mutant.AsSpan(at)]; break;
                default: mutant = [.. mutant.AsSpan(0, at), .. "-0123456789[]{}\",:\\u"u8[random.Next(15)..], .. mutant.AsSpan(at)]; break;
            }
            if (mutant.Length == 0)
                return mutant;
        }
        if (random.Next(2) == 0)
            RepairLength(mutant);
        return mutant;
    }

    // Edits of the header's text alone would nearly always die at the length check.
    private static void RepairLength(byte[] mutant)
    {
        var end = mutant.AsSpan().LastIndexOf("}}"u8) + 2;
        while (end < mutant.Length && mutant[end] == ' ')
            end++;
        if (end > 8)
            BinaryPrimitives.WriteInt64LittleEndian(mutant, end - 8);
    }

    private static byte[] Bytes(NamedArray[] arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var stream = new MemoryStream();
        Safetensors.Write(stream, arrays, metadata);
        return stream.ToArray();
    }

    private static MemoryStream File(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return new MemoryStream([.. length, .. text, .. data]);
    }
}
