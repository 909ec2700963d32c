using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// The register tile in .NET's hands, for the outermost contracted places from k0 to k0End: 6 rows by 16 columns in twelve vectors of AVX2,
/// or two tiles at once in twelve of AVX-512, which reads half of y. The sums of an output have the same order in both, hence the same bits.
/// </summary>
[ExcludeFromCodeCoverage]
internal static unsafe class VectorTile
{
    /// <summary>Whether <see cref="ContractPair"/> pays.</summary>
    public static bool HasPairs => Vector512.IsHardwareAccelerated;

    [SkipLocalsInit]
    public static void Contract(float* x, float* y, float* output, in Contraction g, in TileRows rows, int k0, int k0End)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        nint x0 = rows.X0, x1 = rows.X1, x2 = rows.X2, x3 = rows.X3, x4 = rows.X4, x5 = rows.X5;
        nint xStep = g.XK3, yStep = g.YK3;
        for (int i0 = k0; i0 < k0End; i0++)
        {
            for (int i1 = 0; i1 < g.K1; i1++)
            {
                for (int i2 = 0; i2 < g.K2; i2++)
                {
                    float* px = x + (i0 * g.XK0) + (i1 * g.XK1) + (i2 * g.XK2);
                    float* py = y + (i0 * g.YK0) + (i1 * g.YK1) + (i2 * g.YK2);
                    for (int i3 = g.K3; i3 > 0; i3--)
                    {
                        Vector256<float> ya = Vector256.Load(py), yb = Vector256.Load(py + 8);
                        Vector256<float> v = Vector256.Create(px[x0]);
                        a0 = Vector256.FusedMultiplyAdd(v, ya, a0);
                        b0 = Vector256.FusedMultiplyAdd(v, yb, b0);
                        v = Vector256.Create(px[x1]);
                        a1 = Vector256.FusedMultiplyAdd(v, ya, a1);
                        b1 = Vector256.FusedMultiplyAdd(v, yb, b1);
                        v = Vector256.Create(px[x2]);
                        a2 = Vector256.FusedMultiplyAdd(v, ya, a2);
                        b2 = Vector256.FusedMultiplyAdd(v, yb, b2);
                        v = Vector256.Create(px[x3]);
                        a3 = Vector256.FusedMultiplyAdd(v, ya, a3);
                        b3 = Vector256.FusedMultiplyAdd(v, yb, b3);
                        v = Vector256.Create(px[x4]);
                        a4 = Vector256.FusedMultiplyAdd(v, ya, a4);
                        b4 = Vector256.FusedMultiplyAdd(v, yb, b4);
                        v = Vector256.Create(px[x5]);
                        a5 = Vector256.FusedMultiplyAdd(v, ya, a5);
                        b5 = Vector256.FusedMultiplyAdd(v, yb, b5);
                        px += xStep;
                        py += yStep;
                    }
                }
            }
        }

        if (rows.Count == ContractionTile.Rows)
        {
            a0.Store(output + rows.O0);
            b0.Store(output + rows.O0 + 8);
            a1.Store(output + rows.O1);
            b1.Store(output + rows.O1 + 8);
            a2.Store(output + rows.O2);
            b2.Store(output + rows.O2 + 8);
            a3.Store(output + rows.O3);
            b3.Store(output + rows.O3 + 8);
            a4.Store(output + rows.O4);
            b4.Store(output + rows.O4 + 8);
            a5.Store(output + rows.O5);
            b5.Store(output + rows.O5 + 8);
        }
        else
        {
            // No call while accumulators live: the compiler would keep all of them in memory, inside the loop too.
            float* tile = stackalloc float[ContractionTile.Rows * ContractionTile.Columns];
            a0.Store(tile);
            b0.Store(tile + 8);
            a1.Store(tile + 16);
            b1.Store(tile + 16 + 8);
            a2.Store(tile + 32);
            b2.Store(tile + 32 + 8);
            a3.Store(tile + 48);
            b3.Store(tile + 48 + 8);
            a4.Store(tile + 64);
            b4.Store(tile + 64 + 8);
            a5.Store(tile + 80);
            b5.Store(tile + 80 + 8);
            PutSome(output, tile, in rows);
        }
    }

    [SkipLocalsInit]
    public static void ContractPair(
        float* x, float* y, float* output, in Contraction g, in TileRows rows, in TileRows more, int k0, int k0End)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        nint x0 = rows.X0, x1 = rows.X1, x2 = rows.X2, x3 = rows.X3, x4 = rows.X4, x5 = rows.X5;
        nint z0 = more.X0, z1 = more.X1, z2 = more.X2, z3 = more.X3, z4 = more.X4, z5 = more.X5;
        nint xStep = g.XK3, yStep = g.YK3;
        for (int i0 = k0; i0 < k0End; i0++)
        {
            for (int i1 = 0; i1 < g.K1; i1++)
            {
                for (int i2 = 0; i2 < g.K2; i2++)
                {
                    float* px = x + (i0 * g.XK0) + (i1 * g.XK1) + (i2 * g.XK2);
                    float* py = y + (i0 * g.YK0) + (i1 * g.YK1) + (i2 * g.YK2);
                    for (int i3 = g.K3; i3 > 0; i3--)
                    {
                        Vector512<float> v = Vector512.Load(py);
                        a0 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x0]), v, a0);
                        a1 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x1]), v, a1);
                        a2 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x2]), v, a2);
                        a3 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x3]), v, a3);
                        a4 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x4]), v, a4);
                        a5 = Vector512.FusedMultiplyAdd(Vector512.Create(px[x5]), v, a5);
                        b0 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z0]), v, b0);
                        b1 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z1]), v, b1);
                        b2 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z2]), v, b2);
                        b3 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z3]), v, b3);
                        b4 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z4]), v, b4);
                        b5 = Vector512.FusedMultiplyAdd(Vector512.Create(px[z5]), v, b5);
                        px += xStep;
                        py += yStep;
                    }
                }
            }
        }

        a0.Store(output + rows.O0);
        a1.Store(output + rows.O1);
        a2.Store(output + rows.O2);
        a3.Store(output + rows.O3);
        a4.Store(output + rows.O4);
        a5.Store(output + rows.O5);
        b0.Store(output + more.O0);
        b1.Store(output + more.O1);
        b2.Store(output + more.O2);
        b3.Store(output + more.O3);
        b4.Store(output + more.O4);
        b5.Store(output + more.O5);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PutSome(float* output, float* tile, in TileRows rows)
    {
        ReadOnlySpan<int> places = [rows.O0, rows.O1, rows.O2, rows.O3, rows.O4, rows.O5];
        for (int row = 0; row < rows.Count; row++)
        {
            Vector256.Load(tile + (row * ContractionTile.Columns)).Store(output + places[row]);
            Vector256.Load(tile + (row * ContractionTile.Columns) + 8).Store(output + places[row] + 8);
        }
    }
}
