using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// The register tile in .NET's hands, for the outermost contracted places from k0 to k0End: 6 rows by 16 columns in twelve vectors of
/// AVX2, or 12 by 32 in 24 of AVX-512. The sums of an output have the same order in both, hence the same bits.
/// </summary>
[ExcludeFromCodeCoverage]
internal static unsafe class VectorTile
{
    [SkipLocalsInit]
    public static void Narrow(float* x, float* y, float* output, in Contraction g, in TileRows rows, int k0, int k0End)
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

    /// <summary>Twelve rows by two tiles of 16 columns, where vectors of sixteen and 32 registers of them are.</summary>
    [SkipLocalsInit]
    public static void Wide(
        float* x, float* y, float* output, in Contraction g, in TileRows rows, in TileRows more, int k0, int k0End)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector512<float> a6 = default, a7 = default, a8 = default, a9 = default, a10 = default, a11 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        Vector512<float> b6 = default, b7 = default, b8 = default, b9 = default, b10 = default, b11 = default;
        nint* at = stackalloc nint[]
        {
            rows.X0, rows.X1, rows.X2, rows.X3, rows.X4, rows.X5, more.X0, more.X1, more.X2, more.X3, more.X4, more.X5,
        };
        nint xStep = g.XK3, yStep = g.YK3, yTile = g.YTile;
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
                        Vector512<float> ya = Vector512.Load(py), yb = Vector512.Load(py + yTile);
                        Vector512<float> v = Vector512.Create(px[at[0]]);
                        a0 = Vector512.FusedMultiplyAdd(v, ya, a0);
                        b0 = Vector512.FusedMultiplyAdd(v, yb, b0);
                        v = Vector512.Create(px[at[1]]);
                        a1 = Vector512.FusedMultiplyAdd(v, ya, a1);
                        b1 = Vector512.FusedMultiplyAdd(v, yb, b1);
                        v = Vector512.Create(px[at[2]]);
                        a2 = Vector512.FusedMultiplyAdd(v, ya, a2);
                        b2 = Vector512.FusedMultiplyAdd(v, yb, b2);
                        v = Vector512.Create(px[at[3]]);
                        a3 = Vector512.FusedMultiplyAdd(v, ya, a3);
                        b3 = Vector512.FusedMultiplyAdd(v, yb, b3);
                        v = Vector512.Create(px[at[4]]);
                        a4 = Vector512.FusedMultiplyAdd(v, ya, a4);
                        b4 = Vector512.FusedMultiplyAdd(v, yb, b4);
                        v = Vector512.Create(px[at[5]]);
                        a5 = Vector512.FusedMultiplyAdd(v, ya, a5);
                        b5 = Vector512.FusedMultiplyAdd(v, yb, b5);
                        v = Vector512.Create(px[at[6]]);
                        a6 = Vector512.FusedMultiplyAdd(v, ya, a6);
                        b6 = Vector512.FusedMultiplyAdd(v, yb, b6);
                        v = Vector512.Create(px[at[7]]);
                        a7 = Vector512.FusedMultiplyAdd(v, ya, a7);
                        b7 = Vector512.FusedMultiplyAdd(v, yb, b7);
                        v = Vector512.Create(px[at[8]]);
                        a8 = Vector512.FusedMultiplyAdd(v, ya, a8);
                        b8 = Vector512.FusedMultiplyAdd(v, yb, b8);
                        v = Vector512.Create(px[at[9]]);
                        a9 = Vector512.FusedMultiplyAdd(v, ya, a9);
                        b9 = Vector512.FusedMultiplyAdd(v, yb, b9);
                        v = Vector512.Create(px[at[10]]);
                        a10 = Vector512.FusedMultiplyAdd(v, ya, a10);
                        b10 = Vector512.FusedMultiplyAdd(v, yb, b10);
                        v = Vector512.Create(px[at[11]]);
                        a11 = Vector512.FusedMultiplyAdd(v, ya, a11);
                        b11 = Vector512.FusedMultiplyAdd(v, yb, b11);
                        px += xStep;
                        py += yStep;
                    }
                }
            }
        }

        if (rows.Count + more.Count == ContractionTile.WideRows)
        {
            a0.Store(output + rows.O0);
            b0.Store(output + rows.O0 + g.OTile);
            a1.Store(output + rows.O1);
            b1.Store(output + rows.O1 + g.OTile);
            a2.Store(output + rows.O2);
            b2.Store(output + rows.O2 + g.OTile);
            a3.Store(output + rows.O3);
            b3.Store(output + rows.O3 + g.OTile);
            a4.Store(output + rows.O4);
            b4.Store(output + rows.O4 + g.OTile);
            a5.Store(output + rows.O5);
            b5.Store(output + rows.O5 + g.OTile);
            a6.Store(output + more.O0);
            b6.Store(output + more.O0 + g.OTile);
            a7.Store(output + more.O1);
            b7.Store(output + more.O1 + g.OTile);
            a8.Store(output + more.O2);
            b8.Store(output + more.O2 + g.OTile);
            a9.Store(output + more.O3);
            b9.Store(output + more.O3 + g.OTile);
            a10.Store(output + more.O4);
            b10.Store(output + more.O4 + g.OTile);
            a11.Store(output + more.O5);
            b11.Store(output + more.O5 + g.OTile);
        }
        else
        {
            float* tile = stackalloc float[ContractionTile.WideRows * ContractionTile.WideColumns];
            a0.Store(tile + 0);
            b0.Store(tile + 192);
            a1.Store(tile + 16);
            b1.Store(tile + 208);
            a2.Store(tile + 32);
            b2.Store(tile + 224);
            a3.Store(tile + 48);
            b3.Store(tile + 240);
            a4.Store(tile + 64);
            b4.Store(tile + 256);
            a5.Store(tile + 80);
            b5.Store(tile + 272);
            a6.Store(tile + 96);
            b6.Store(tile + 288);
            a7.Store(tile + 112);
            b7.Store(tile + 304);
            a8.Store(tile + 128);
            b8.Store(tile + 320);
            a9.Store(tile + 144);
            b9.Store(tile + 336);
            a10.Store(tile + 160);
            b10.Store(tile + 352);
            a11.Store(tile + 176);
            b11.Store(tile + 368);
            PutSome(output, tile, in rows);
            PutSome(output, tile + 96, in more);
            PutSome(output + g.OTile, tile + 192, in rows);
            PutSome(output + g.OTile, tile + 288, in more);
        }
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
