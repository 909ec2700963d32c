using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class PhiloxTests
{
    // The known answers that the authors of Philox distribute with Random123.
    private static readonly TestCaseData[] Known =
    [
        new(new UInt4(0, 0, 0, 0), 0u, 0u, new UInt4(0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        new(
            new UInt4(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue), uint.MaxValue, uint.MaxValue,
            new UInt4(0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        new(
            new UInt4(0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), 0xA4093822u, 0x299F31D0u,
            new UInt4(0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ];

    [TestCaseSource(nameof(Known))]
    public void GivesTheKnownAnswers(UInt4 counter, uint key0, uint key1, UInt4 expected) =>
        Assert.That(Philox.Words(counter, key0, key1), Is.EqualTo(expected));
}
