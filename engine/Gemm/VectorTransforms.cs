using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
        where TTile : unmanaged, IWinogradTile
    {
        WinogradRow place = g.RowOf(item);
        Stride row = new((nint)g.Row * Width), column = new((nint)g.Column * Width);
        byte* order = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(TTile.Order));
        nint step = (nint)g.PlaceStride * Width;
        float* columns = stackalloc float[Memory];
        columns = Aligned(columns);
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
                        columns + (i * TTile.InputSide * Width), new Stride(Width), target, new Places(order + (i * TTile.Side), step));
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
        byte* order = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(TTile.Order));
        nint step = (nint)g.PlaceStride * Width;
        float* rows = stackalloc float[Memory];
        rows = Aligned(rows);
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = m + ((nint)(place.Transformed + lane) * Width);
            float* target = y + ((nint)(place.Tensor + g.LaneOffset(place.FirstLane + lane)) * Width);
            for (int tile = 0; tile < g.TileColumns; tile++, source += 2 * Width, target += column.Of(TTile.OutputPitch))
            {
                for (int i = 0; i < TTile.Side; i++)
                {
                    TTile.OutputLine(
                        source, new Places(order + (i * TTile.Side), step), rows + (i * Width), new Stride(TTile.Side * Width));
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
        byte* order = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(TTile.Order));
        nint step = (nint)g.PlaceStride * Width;
        float* columns = stackalloc float[Memory];
        columns = Aligned(columns);
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
                        columns + (i * TTile.OutputPitch * Width), new Stride(Width), target, new Places(order + (i * TTile.Side), step));
                }
            }
        }
    }

    // Vectors that begin in one line of the cache and end in the next cost two accesses.
    private static float* Aligned(float* memory) => (float*)(((nint)memory + (Width * sizeof(float)) - 1) & -(Width * sizeof(float)));
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

/// <summary>Places of a transformed tile.</summary>
/// <param name="order">Which place each is; data of the program, which does not move.</param>
/// <param name="step">From one place to the next.</param>
internal readonly unsafe struct Places(byte* order, nint step) : IOffsets
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Of(int index) => order[index] * step;
}
