using System.Runtime.Intrinsics;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The tiles of the CPU accelerator against each other.</summary>
public sealed class VectorTileTests
{
    [Test]
    public unsafe void AWideTileGivesTheBitsOfFourNarrowOnes([Values(12, 9, 4)] int count)
    {
        if (!Vector512.IsHardwareAccelerated)
            Assert.Ignore("no AVX-512 here: tiles are not wide");
        Contraction g = new()
        {
            K0 = 3, K1 = 2, K2 = 2, K3 = 5, XK0 = 60, XK1 = -20, XK2 = 7, XK3 = 1, YK0 = 320, YK1 = 160, YK2 = 80, YK3 = 16, YTile = 960, OTile = 192,
        };
        Random random = new(count);
        float[] x = Values(random, 1000), y = Values(random, 2000);
        TileRows rows = Rows(random, 0, Math.Min(count, 6)), more = Rows(random, 6, Math.Max(0, count - 6));
        float[] wide = Values(random, 2 * 12 * 16), narrow = [.. wide];
        fixed (float* px = x, py = y, first = wide, second = narrow)
        {
            VectorTile.ContractWide(px, py, first, in g, in rows, in more, 1, 3);
            for (int tile = 0; tile < 2; tile++)
            {
                VectorTile.Contract(px, py + (tile * g.YTile), second + (tile * g.OTile), in g, in rows, 1, 3);
                VectorTile.Contract(px, py + (tile * g.YTile), second + (tile * g.OTile), in g, in more, 1, 3);
            }
        }

        Assert.That(wide, Is.EqualTo(narrow));
    }

    private static TileRows Rows(Random random, int first, int count) => new()
    {
        Count = count,
        X0 = random.Next(20, 800), X1 = random.Next(20, 800), X2 = random.Next(20, 800),
        X3 = random.Next(20, 800), X4 = random.Next(20, 800), X5 = random.Next(20, 800),
        O0 = first * 16, O1 = (first + 1) * 16, O2 = (first + 2) * 16, O3 = (first + 3) * 16, O4 = (first + 4) * 16, O5 = (first + 5) * 16,
    };

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
