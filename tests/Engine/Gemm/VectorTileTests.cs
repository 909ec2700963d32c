using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The tiles of the CPU accelerator against each other.</summary>
public sealed class VectorTileTests
{
    [Test]
    public unsafe void APairGivesTheBitsOfTwoTiles()
    {
        if (!VectorTile.HasPairs)
            Assert.Ignore("no AVX-512 here: tiles are not taken in pairs");
        Contraction g = new() { K0 = 3, K1 = 2, K2 = 2, K3 = 5, XK0 = 60, XK1 = -20, XK2 = 7, XK3 = 1, YK0 = 320, YK1 = 160, YK2 = 80, YK3 = 16 };
        Random random = new(1);
        float[] x = Values(random, 1000), y = Values(random, 1000);
        TileRows rows = Rows(random, 0), more = Rows(random, 6);
        float[] pair = Values(random, 12 * 16), single = Values(random, 12 * 16);
        fixed (float* px = x, py = y, first = pair, second = single)
        {
            VectorTile.ContractPair(px, py, first, in g, in rows, in more, 1, 3);
            VectorTile.Contract(px, py, second, in g, in rows, 1, 3);
            VectorTile.Contract(px, py, second, in g, in more, 1, 3);
        }

        Assert.That(pair, Is.EqualTo(single));
    }

    private static TileRows Rows(Random random, int first) => new()
    {
        Count = 6,
        X0 = random.Next(20, 800), X1 = random.Next(20, 800), X2 = random.Next(20, 800),
        X3 = random.Next(20, 800), X4 = random.Next(20, 800), X5 = random.Next(20, 800),
        O0 = first * 16, O1 = (first + 1) * 16, O2 = (first + 2) * 16, O3 = (first + 3) * 16, O4 = (first + 4) * 16, O5 = (first + 5) * 16,
    };

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
