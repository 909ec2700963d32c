using System.Runtime.Intrinsics;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Register tiles of both widths, whichever a device would take, against each other.</summary>
public sealed class TileWidthTests
{
    /// <summary>N, C, H, W; K, R; stride: rows that end within a tile, one step of columns and several.</summary>
    private static readonly int[][] Shapes =
    [
        [3, 16, 5, 7, 32, 3, 1],
        [2, 32, 8, 8, 96, 3, 2],
        [1, 48, 4, 4, 64, 1, 2],
        [2, 3, 6, 5, 64, 3, 1],
    ];

    public static IEnumerable<string> CpuLikeDevices => TestDevices.Ids.Where(id => TestDevices.Get(id).Traits.IsCpuLike);

    [Test]
    public void ConvolutionsHaveTheSameBits(
        [ValueSource(nameof(CpuLikeDevices))] string id, [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        if (id == "cpu" && type == ElementType.Float32 && !Vector512.IsHardwareAccelerated)
            Assert.Ignore("no AVX-512 here: .NET's tiles are not wide");
        using ComputeDevice narrow = Open(8), wide = Open(16);
        foreach (int[] shape in Shapes)
            Assert.That(Convolve(wide, shape, type), Is.EqualTo(Convolve(narrow, shape, type)), string.Join(' ', shape));

        ComputeDevice Open(int width)
        {
            DeviceListing listing = TestDevices.Get(id).Listing;
            return ComputeDevice.Open(listing with { Traits = listing.Traits with { VectorWidth = width } });
        }
    }

    private static byte[][] Convolve(ComputeDevice device, int[] s, ElementType type)
    {
        using Workspace workspace = new(device, MemoryCategory.Data);
        Random random = new(s[0]);
        Tensor x = Numbers(new Shape(s[0], s[1], s[2], s[3]), isActivation: true);
        Tensor w = Numbers(new Shape(s[4], s[1], s[5], s[5]), isActivation: false);
        w = w.WithGradient(workspace.Plain(w.Shape, type));
        using Tape tape = new(device, Wanted.Both);
        tape.Watch(x);
        Tensor y = Ops.Conv2d(tape, x, w, s[6], s[5] / 2);
        Tensor dy = Numbers(y.Shape, isActivation: true);
        byte[] forward = y.Bits();
        tape.Backward(y, dy);
        return [forward, tape.Gradient(x).Bits(), w.Gradient!.Bits()];

        Tensor Numbers(Shape shape, bool isActivation)
        {
            double[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextDouble() - 0.5)];
            if (type == ElementType.Float64)
                return isActivation ? workspace.Activation<double>(shape, type, values) : workspace.Plain<double>(shape, type, values);
            float[] singles = Array.ConvertAll(values, value => (float)value);
            return isActivation ? workspace.Activation<float>(shape, type, singles) : workspace.Plain<float>(shape, type, singles);
        }
    }

    [Test]
    public unsafe void AWideTileGivesTheBitsOfFourNarrowOnes([Values(12, 9, 4)] int count)
    {
        if (!Vector512.IsHardwareAccelerated)
            Assert.Ignore("no AVX-512 here: tiles are not wide");
        Contraction g = new()
        {
            K0 = 3,
            K1 = 2,
            K2 = 2,
            K3 = 5,
            XK0 = 60,
            XK1 = -20,
            XK2 = 7,
            XK3 = 1,
            YK0 = 320,
            YK1 = 160,
            YK2 = 80,
            YK3 = 16,
            YTile = 960,
            OTile = 192,
        };
        Random random = new(count);
        float[] x = Values(random, 1000), y = Values(random, 2000);
        TileRows rows = Rows(random, 0, Math.Min(count, 6)), more = Rows(random, 6, Math.Max(0, count - 6));
        float[] wide = Values(random, 2 * 12 * 16), narrow = [.. wide];
        fixed (float* px = x, py = y, first = wide, second = narrow)
        {
            VectorTile.Wide(px, py, first, in g, in rows, in more, 1, 3);
            for (int tile = 0; tile < 2; tile++)
            {
                VectorTile.Narrow(px, py + (tile * g.YTile), second + (tile * g.OTile), in g, in rows, 1, 3);
                VectorTile.Narrow(px, py + (tile * g.YTile), second + (tile * g.OTile), in g, in more, 1, 3);
            }
        }

        Assert.That(wide, Is.EqualTo(narrow));
    }

    private static TileRows Rows(Random random, int first, int count) => new()
    {
        Count = count,
        X0 = random.Next(20, 800),
        X1 = random.Next(20, 800),
        X2 = random.Next(20, 800),
        X3 = random.Next(20, 800),
        X4 = random.Next(20, 800),
        X5 = random.Next(20, 800),
        O0 = first * 16,
        O1 = (first + 1) * 16,
        O2 = (first + 2) * 16,
        O3 = (first + 3) * 16,
        O4 = (first + 4) * 16,
        O5 = (first + 5) * 16,
    };

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
