using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>
/// The activations' transforms of <see cref="WinogradTransforms"/> in .NET's hands, with the same bits: along the columns of a tile into
/// vectors on the stack, then along its rows from there, over pointers. Each element is read once, where registers that hold one row of a
/// tile read it anew for each, and an address is one instruction instead of four.
/// </summary>
[ExcludeFromCodeCoverage]
internal static unsafe class VectorTransforms
{
    private const int Width = 8;
    private const int MaxSide = 6;
    private const int Memory = ((MaxSide * MaxSide) + 1) * Width;

    /// <summary>The transformed tiles of a row, from its pixels and those that lie <paramref name="before"/> them both ways.</summary>
    public static void ToPlaces<TLine>(float* pixels, float* places, in WinogradTiles g, int item, int before = 0)
        where TLine : struct, IWinogradLine
    {
        WinogradRow row = g.RowOf(item);
        for (int lane = 0; lane < 2; lane++)
        {
            float* source = Pixels(pixels, in g, in row, lane) - ((nint)before * (g.Row + g.Column) * Width);
            Transform<TLine>(source, OfPixels(in g), Places(places, in row, lane), OfPlaces(in g, TLine.To), g.TileColumns);
        }
    }

    /// <summary>The pixels of a row of tiles from the transformed ones.</summary>
    public static void FromPlaces<TLine>(float* places, float* pixels, in WinogradTiles g, int item)
        where TLine : struct, IWinogradLine
    {
        WinogradRow row = g.RowOf(item);
        for (int lane = 0; lane < 2; lane++)
        {
            Transform<TLine>(
                Places(places, in row, lane), OfPlaces(in g, TLine.From), Pixels(pixels, in g, in row, lane), OfPixels(in g),
                g.TileColumns);
        }
    }

    [SkipLocalsInit]
    private static void Transform<TLine>(float* source, Spacing from, float* target, Spacing to, int tiles)
        where TLine : struct, IWinogradLine
    {
        float* memory = stackalloc float[Memory];
        // Vectors that begin in one line of the cache and end in the next cost two accesses.
        float* lines = (float*)(((nint)memory + (Width * sizeof(float)) - 1) & -(Width * sizeof(float)));
        for (int tile = 0; tile < tiles; tile++, source += from.Tile, target += to.Tile)
        {
            for (int j = 0; j < TLine.From; j++)
                TLine.Apply(source + (j * from.Column), from.Row, lines + (j * Width), TLine.From * Width);
            for (int i = 0; i < TLine.To; i++)
                TLine.Apply(lines + (i * TLine.From * Width), Width, target + (i * to.Row), to.Column);
        }
    }

    private static float* Pixels(float* tensor, in WinogradTiles g, in WinogradRow row, int lane) =>
        tensor + ((nint)(row.Tensor + g.LaneOffset(row.FirstLane + lane)) * Width);

    private static float* Places(float* transformed, in WinogradRow row, int lane) =>
        transformed + ((nint)(row.Transformed + lane) * Width);

    private static Spacing OfPixels(in WinogradTiles g) =>
        new((nint)g.Row * Width, (nint)g.Column * Width, (nint)g.Pitch * g.Column * Width);

    private static Spacing OfPlaces(in WinogradTiles g, int side) =>
        new((nint)side * g.PlaceStride * Width, (nint)g.PlaceStride * Width, 2 * Width);

    // Floats from one row, column and tile to the next.
    private readonly record struct Spacing(nint Row, nint Column, nint Tile);
}
