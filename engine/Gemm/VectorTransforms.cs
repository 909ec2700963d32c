using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>
/// The activations' transforms of <see cref="WinogradTransforms"/> in .NET's hands, with the same bits: the columns of a tile into vectors
/// on the stack, then its rows from there, over pointers. Each element is read once, where registers that hold one row of a tile read it
/// anew for each, and an address is one instruction instead of four.
/// </summary>
[ExcludeFromCodeCoverage]
internal static unsafe class VectorTransforms
{
    private const int Width = 8;
    private const int MaxSide = 6;
    private const int Memory = ((MaxSide * MaxSide) + 1) * Width;

    /// <summary>v = B^T x B for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void Input<TTile>(float* x, float* v, in WinogradTiles g, int item)
        where TTile : unmanaged, IWinogradLines
    {
        WinogradRow place = g.RowOf(item);
        nint row = (nint)g.Row * Width, column = (nint)g.Column * Width;
        nint step = (nint)g.PlaceStride * Width;
        float* columns = stackalloc float[Memory];
        columns = Aligned(columns);
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = x + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width)
                - (TTile.Before * row) - (TTile.Before * column);
            float* target = v + ((nint)(place.Transformed + lane) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += TTile.InputPitch * column, target += 2 * Width)
            {
                for (int j = 0; j < TTile.Side; j++)
                    TTile.InputLine(source + (j * column), row, columns + (j * Width), TTile.Side * Width);
                for (int i = 0; i < TTile.Side; i++)
                    TTile.InputLine(columns + (i * TTile.Side * Width), Width, target + (i * TTile.Side * step), step);
            }
        }
    }

    /// <summary>y = A^T m A for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void Output<TTile>(float* m, float* y, in WinogradTiles g, int item)
        where TTile : unmanaged, IWinogradLines
    {
        WinogradRow place = g.RowOf(item);
        nint row = (nint)g.Row * Width, column = (nint)g.Column * Width;
        nint step = (nint)g.PlaceStride * Width;
        float* rows = stackalloc float[Memory];
        rows = Aligned(rows);
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = m + ((nint)(place.Transformed + lane) * Width);
            float* target = y + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += 2 * Width, target += TTile.OutputPitch * column)
            {
                for (int i = 0; i < TTile.Side; i++)
                    TTile.OutputLine(source + (i * TTile.Side * step), step, rows + (i * Width), TTile.Side * Width);

                for (int q = 0; q < TTile.OutputPitch; q++)
                    TTile.OutputLine(rows + (q * TTile.Side * Width), Width, target + (q * column), row);
            }
        }
    }

    /// <summary>d = A dy A^T for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void OutputGradient(float* dy, float* d, in WinogradTiles g, int item)
    {
        int pitch = WinogradTile2.OutputPitch, side = WinogradTile2.Side;
        WinogradRow place = g.RowOf(item);
        nint row = (nint)g.Row * Width, column = (nint)g.Column * Width;
        nint step = (nint)g.PlaceStride * Width;
        float* columns = stackalloc float[Memory];
        columns = Aligned(columns);
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = dy + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width);
            float* target = d + ((nint)(place.Transformed + lane) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += pitch * column, target += 2 * Width)
            {
                for (int j = 0; j < pitch; j++)
                    WinogradTile2.OutputGradientLine(source + (j * column), row, columns + (j * Width), pitch * Width);
                for (int i = 0; i < side; i++)
                    WinogradTile2.OutputGradientLine(columns + (i * pitch * Width), Width, target + (i * side * step), step);
            }
        }
    }

    // Vectors that begin in one line of the cache and end in the next cost two accesses.
    private static float* Aligned(float* memory) => (float*)(((nint)memory + (Width * sizeof(float)) - 1) & -(Width * sizeof(float)));
}
