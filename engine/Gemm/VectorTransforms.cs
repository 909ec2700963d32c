using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>
/// The activations' transforms of <see cref="WinogradTransforms"/> in .NET's hands, with the same bits: the columns of a tile into vectors
/// on the stack, then its rows from there, over pointers. Each element is read once, where registers that hold one row of a tile read it anew
/// for each, and an address is one instruction instead of four.
/// </summary>
[ExcludeFromCodeCoverage]
internal static unsafe class VectorTransforms
{
    private const int Width = 8;
    private const int MaxSide = 6;

    /// <summary>v = B^T x B for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void Input<TTile>(float* x, float* v, in WinogradTiles g, int item)
        where TTile : unmanaged, IWinogradTile
    {
        WinogradRow place = g.RowOf(item);
        Stride row = new((nint)g.Row * Width), column = new((nint)g.Column * Width);
        nint* places = stackalloc nint[MaxSide * MaxSide];
        Place<TTile>(places, (nint)g.PlaceStride * Width);
        float* columns = stackalloc float[MaxSide * MaxSide * Width];
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = x + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width)
                - row.Of(TTile.Before) - column.Of(TTile.Before);
            float* target = v + ((nint)(place.Transformed + lane) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += column.Of(TTile.InputPitch), target += 2 * Width)
            {
                for (int j = 0; j < TTile.InputSide; j++)
                    TTile.InputLine(source + column.Of(j), row, columns + (j * Width), new Stride(TTile.InputSide * Width));
                for (int i = 0; i < TTile.Side; i++)
                {
                    TTile.InputLine(
                        columns + (i * TTile.InputSide * Width), new Stride(Width), target, new Table(places + (i * TTile.Side)));
                }
            }
        }
    }

    /// <summary>y = A^T m A for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void Output<TTile>(float* m, float* y, in WinogradTiles g, int item)
        where TTile : unmanaged, IWinogradTile
    {
        WinogradRow place = g.RowOf(item);
        Stride row = new((nint)g.Row * Width), column = new((nint)g.Column * Width);
        nint* places = stackalloc nint[MaxSide * MaxSide];
        Place<TTile>(places, (nint)g.PlaceStride * Width);
        float* rows = stackalloc float[MaxSide * MaxSide * Width];
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = m + ((nint)(place.Transformed + lane) * Width);
            float* target = y + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += 2 * Width, target += column.Of(TTile.OutputPitch))
            {
                for (int i = 0; i < TTile.Side; i++)
                {
                    TTile.OutputLine(
                        source, new Table(places + (i * TTile.Side)), rows + (i * Width), new Stride(TTile.Side * Width));
                }

                for (int q = 0; q < TTile.OutputPitch; q++)
                    TTile.OutputLine(rows + (q * TTile.Side * Width), new Stride(Width), target + column.Of(q), row);
            }
        }
    }

    /// <summary>d = A dy A^T for a row of tiles.</summary>
    [SkipLocalsInit]
    public static void OutputGradient<TTile>(float* dy, float* d, in WinogradTiles g, int item)
        where TTile : unmanaged, IWinogradGradientTile
    {
        WinogradRow place = g.RowOf(item);
        Stride row = new((nint)g.Row * Width), column = new((nint)g.Column * Width);
        nint* places = stackalloc nint[MaxSide * MaxSide];
        Place<TTile>(places, (nint)g.PlaceStride * Width);
        float* columns = stackalloc float[MaxSide * MaxSide * Width];
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = dy + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width);
            float* target = d + ((nint)(place.Transformed + lane) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += column.Of(TTile.OutputPitch), target += 2 * Width)
            {
                for (int j = 0; j < TTile.OutputPitch; j++)
                    TTile.OutputGradientLine(source + column.Of(j), row, columns + (j * Width), new Stride(TTile.OutputPitch * Width));
                for (int i = 0; i < TTile.Side; i++)
                {
                    TTile.OutputGradientLine(
                        columns + (i * TTile.OutputPitch * Width), new Stride(Width), target, new Table(places + (i * TTile.Side)));
                }
            }
        }
    }

    private static void Place<TTile>(nint* places, nint step)
        where TTile : unmanaged, IWinogradTile
    {
        for (int i = 0; i < TTile.Side * TTile.Side; i++)
            places[i] = TTile.PlaceOf(i / TTile.Side, i % TTile.Side) * step;
    }
}

/// <summary>Where the elements of a line lie, from its first one on.</summary>
internal interface IOffsets
{
    /// <summary>Of element <paramref name="index"/>.</summary>
    nint Of(int index);
}

/// <summary>Elements that lie <paramref name="step"/> apart.</summary>
/// <param name="step">From one to the next.</param>
internal readonly struct Stride(nint step) : IOffsets
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Of(int index) => index * step;
}

/// <summary>Elements that lie where <paramref name="offsets"/> says.</summary>
/// <param name="offsets">One for each.</param>
internal readonly unsafe struct Table(nint* offsets) : IOffsets
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Of(int index) => offsets[index];
}
