using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// The launches of <see cref="ConvolutionAlgorithm.Winograd"/> and <see cref="ConvolutionAlgorithm.Winograd4"/>, in passes over some
/// images, so that transformed tensors stay in the cache and take little memory. All FLOPs of the convolution, as its definition counts
/// them, are booked on the first contraction, and the bytes of the transformed tensors on the transforms.
/// </summary>
internal static class WinogradConvolution
{
    /// <summary>The convolution forwards, or the input's gradient from the output's.</summary>
    public static void Convolve<T, TTile>(Tape tape, WinogradWeights order, Tensor weights, Tensor input, Tensor output, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        ComputeDevice device = tape.Device;
        int images = Winograd.ImagesPerPass<TTile>(input.Shape, output.Shape), passes = input.Shape.N / images;
        WinogradTiles inputTiles = new(input.Layout, TTile.Places.Count, TTile.InputPitch, images, images);
        WinogradTiles outputTiles = new(output.Layout, TTile.Places.Count, TTile.OutputPitch, images, images);
        Tensor u = tape.Scratch(new Shape(1, order.LengthFor(TTile.Places.Weights)), weights.Type);
        device.Launch(
            WinogradKernels.TransformWeights<T, TTile>, device.Grid(order.Items), Moved(weights, u, cost, 1),
            weights.View<T>(), u.View<Lane8<T>>(), order);
        Tensor v = Transformed(tape, inputTiles, input.Type);
        Tensor m = Transformed(tape, outputTiles, output.Type);
        Contraction[] sums = [.. Winograd.Forward(inputTiles, outputTiles, order, TTile.Places, device.Traits)];
        Cost price = cost;
        for (int image = 0; image < input.Shape.N; image += images)
        {
            device.Launch(
                WinogradKernels.TransformInput<T, TTile>, device.Grid(inputTiles.Items), Moved(input, v, cost, passes),
                input.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles.From(image));
            foreach (Contraction contraction in sums)
            {
                ContractionPlan.For(contraction, device.Traits).Launch<T>(device, price, v, u, m);
                price = new Cost(0, 0, cost.Direction);
            }

            device.Launch(
                WinogradKernels.TransformOutput<T, TTile>, device.Grid(outputTiles.Items), Moved(output, m, cost, passes),
                m.View<Lane8<T>>(), output.View<Lane8<T>>(), outputTiles.From(image));
        }

        tape.Release(u);
        tape.Release(v);
        tape.Release(m);
    }

    /// <summary>The gradient of the weights.</summary>
    public static void WeightGradient<T, TTile>(Tape tape, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        ComputeDevice device = tape.Device;
        int images = Winograd.ImagesPerPass<TTile>(x.Shape, dy.Shape), passes = x.Shape.N / images;
        int chunk = Winograd.ImagesPerChunk<TTile>(x.Shape, dy.Shape, images);
        WinogradTiles inputTiles = new(x.Layout, TTile.Places.Count, TTile.InputPitch, images, chunk);
        WinogradTiles outputTiles = new(dy.Layout, TTile.Places.Count, TTile.OutputPitch, images, chunk);
        Tensor v = Transformed(tape, inputTiles, x.Type);
        Tensor d = Transformed(tape, outputTiles, dy.Type);
        Contraction[] contractions = [.. Winograd.WeightGradient(inputTiles, outputTiles, TTile.Places, device.Traits)];
        int stride = Winograd.SumsStride(inputTiles, outputTiles);
        int sumsPerPass = TTile.Places.Weights * inputTiles.Chunks * stride;
        Tensor sums = tape.Scratch(new Shape(passes, sumsPerPass), dw.Type);
        Cost price = cost;
        for (int pass = 0; pass < passes; pass++)
        {
            device.Launch(
                WinogradKernels.TransformInput<T, TTile>, device.Grid(inputTiles.Items), Moved(x, v, cost, passes),
                x.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles.From(pass * images));
            device.Launch(
                WinogradKernels.TransformOutputGradient<T, TTile>, device.Grid(outputTiles.Items), Moved(dy, d, cost, passes),
                dy.View<Lane8<T>>(), d.View<Lane8<T>>(), outputTiles.From(pass * images));
            foreach (Contraction part in contractions)
            {
                Contraction contraction = part with { OOrigin = part.OOrigin + (pass * sumsPerPass) };
                ContractionPlan.For(contraction, device.Traits).Launch<T>(device, price, d, v, sums);
                price = new Cost(0, 0, cost.Direction);
            }
        }

        WinogradWeights order = WinogradWeights.Gradient(dw.Shape);
        device.Launch(
            WinogradKernels.TransformWeightGradient<T, TTile>, device.Grid(order.Items), Moved(dw, sums, cost, 1),
            sums.View<Lane8<T>>(), dw.View<T>(), order, new WinogradSums(TTile.Places.Weights, passes, inputTiles.Chunks, stride));
        tape.Release(v);
        tape.Release(d);
        tape.Release(sums);
    }

    private static Tensor Transformed(Tape tape, WinogradTiles tiles, ElementType type) =>
        tape.Scratch(new Shape(1, tiles.Length), type);

    // A pass moves its part of the whole tensor, and all of the transformed one.
    private static Cost Moved(Tensor whole, Tensor transformed, Cost cost, int passes) =>
        new(0, ((whole.Shape.Count / passes) + transformed.Shape.Count) * whole.Type.Bytes(), cost.Direction);
}
