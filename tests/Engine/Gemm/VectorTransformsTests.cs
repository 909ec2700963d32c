using Deat.Engine;
using ILGPU;
using ILGPU.Runtime;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The two forms of Winograd's transforms on the CPU accelerator: along lines, and a row of a tile at a time.</summary>
public sealed unsafe class VectorTransformsTests
{
    private static readonly Shape Images = new(2, 32, 12, 8);

    private delegate void Whole(ArrayView<VectorLane> from, ArrayView<VectorLane> to, in WinogradTiles tiles, int item);

    private delegate void Lines(float* from, float* to, in WinogradTiles tiles, int item);

    [Test]
    public void LinesHaveTheBitsOfWholeTiles()
    {
        Same<WinogradTile2>(
            toPlaces: true, WinogradTransforms.Input<float, VectorLane, WinogradTile2>,
            (float* x, float* v, in WinogradTiles g, int item) =>
                VectorTransforms.ToPlaces<WinogradTile2.InputLine>(x, v, in g, item, WinogradTile2.Before));
        Same<WinogradTile4>(
            toPlaces: true, WinogradTransforms.Input<float, VectorLane, WinogradTile4>,
            (float* x, float* v, in WinogradTiles g, int item) =>
                VectorTransforms.ToPlaces<WinogradTile4.InputLine>(x, v, in g, item, WinogradTile4.Before));
        Same<WinogradTile2>(
            toPlaces: false, WinogradTransforms.Output<float, VectorLane, WinogradTile2>,
            VectorTransforms.FromPlaces<WinogradTile2.OutputLine>);
        Same<WinogradTile4>(
            toPlaces: false, WinogradTransforms.Output<float, VectorLane, WinogradTile4>,
            VectorTransforms.FromPlaces<WinogradTile4.OutputLine>);
        Same<WinogradTile2>(
            toPlaces: true, WinogradTransforms.OutputGradient<float, VectorLane, WinogradTile2>,
            (float* dy, float* d, in WinogradTiles g, int item) =>
                VectorTransforms.ToPlaces<WinogradTile2.OutputGradientLine>(dy, d, in g, item));
    }

    private static void Same<TTile>(bool toPlaces, Whole whole, Lines lines)
        where TTile : unmanaged, IWinogradTile
    {
        using Workspace workspace = new(TestDevices.Get("cpu"), MemoryCategory.Data);
        Random random = new(FreshSeed.Value);
        float[] Numbers(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => (2 * random.NextSingle()) - 1)];
        Tensor pixels = workspace.Activation<float>(Images, ElementType.Float32, Numbers(Images.Count));
        WinogradTiles tiles = new(pixels.Layout, TTile.Places.Count, TTile.OutputPitch, Images.N, Images.N);
        Tensor places = workspace.Plain<float>(new Shape(1, tiles.Length), ElementType.Float32, Numbers(tiles.Length));
        (Tensor from, Tensor to) = toPlaces ? (pixels, places) : (places, pixels);
        float[][] results = [.. new[] { true, false }.Select(isWhole =>
        {
            // What is left alone is alike.
            to.CopyFrom<float>(new float[to.Shape.Count]);
            ArrayView<Lane8<float>> source = from.View<Lane8<float>>(), target = to.View<Lane8<float>>();
            for (int item = 0; item < tiles.Items; item++)
            {
                if (isWhole)
                    whole(source.Cast<VectorLane>(), target.Cast<VectorLane>(), in tiles, item);
                else
                    lines((float*)source.LoadEffectiveAddressAsPtr(), (float*)target.LoadEffectiveAddressAsPtr(), in tiles, item);
            }

            return to.ToArray<float>();
        })];
        Assert.That(
            results[1].Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(results[0].Select(BitConverter.SingleToUInt32Bits)),
            $"{typeof(TTile).Name}, to places: {toPlaces}");
    }
}
