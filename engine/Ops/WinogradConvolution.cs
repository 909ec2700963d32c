using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// The launches of <see cref="ConvolutionAlgorithm.Winograd"/> and <see cref="ConvolutionAlgorithm.Winograd4"/>, in passes over some
/// images, so that transformed tensors stay in the cache and take little memory. All FLOPs of the convolution, as its definition counts
/// them, are booked on the first pass's contraction, and the bytes of the transformed tensors on the transforms.
/// </summary>
internal static class WinogradConvolution
{
    /// <summary>The convolution forwards, or the input's gradient from the output's.</summary>
    public static void Convolve<T, TTile>(Tape tape, WinogradWeights order, Tensor weights, Tensor input, Tensor output, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        ComputeDevice device = tape.Device;
        int images = Winograd.ImagesPerPass(input.Shape, output.Shape, TTile.Size), passes = input.Shape.N / images;
        WinogradTiles inputTiles = new(input.Layout, TTile.Size, images, images);
        WinogradTiles outputTiles = new(output.Layout, TTile.Size, images, images);
        Tensor u = tape.Plain(new Shape(1, order.LengthFor(TTile.Size)), weights.Type);
        device.Launch(
            WinogradKernels.TransformWeights<T, TTile>, device.Grid(order.Items), Moved(weights, u, cost, 1),
            weights.View<T>(), u.View<Lane8<T>>(), order);
        Tensor v = Transformed(tape, inputTiles, input.Type);
        Tensor m = Transformed(tape, outputTiles, output.Type);
        Contraction contraction = Winograd.Forward(inputTiles, outputTiles, order, device.Traits);
        Cost price = cost;
        for (int image = 0; image < input.Shape.N; image += images)
        {
            device.Launch(
                WinogradKernels.TransformInput<T, TTile>, device.Grid(inputTiles.Items), Moved(input, v, cost, passes),
                input.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles.From(image));
            ContractionPlan.For(contraction, device.Traits).Launch<T>(device, price, v, u, m);
            device.Launch(
                WinogradKernels.TransformOutput<T, TTile>, device.Grid(outputTiles.Items), Moved(output, m, cost, passes),
                m.View<Lane8<T>>(), output.View<Lane8<T>>(), outputTiles.From(image));
            price = new Cost(0, 0, cost.Direction);
        }

        tape.Release(u);
        tape.Release(v);
        tape.Release(m);
    }

    /// <summary>The gradient of the weights, by the smaller tiles.</summary>
    public static void WeightGradient<T>(Tape tape, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        int size = WinogradTile2.Size;
        int images = Winograd.ImagesPerPass(x.Shape, dy.Shape, size), passes = x.Shape.N / images;
        int chunk = Winograd.ImagesPerChunk(x.Shape, dy.Shape, images, size);
        WinogradTiles inputTiles = new(x.Layout, size, images, chunk);
        WinogradTiles outputTiles = new(dy.Layout, size, images, chunk);
        Tensor v = Transformed(tape, inputTiles, x.Type);
        Tensor d = Transformed(tape, outputTiles, dy.Type);
        Contraction contraction = Winograd.WeightGradient(inputTiles, outputTiles, device.Traits);
        int sumsPerPass = contraction.Splits * contraction.OSplit;
        Tensor sums = tape.Plain(new Shape(passes, sumsPerPass), dw.Type);
        Cost price = cost;
        for (int pass = 0; pass < passes; pass++)
        {
            device.Launch(
                WinogradKernels.TransformInput<T, WinogradTile2>, device.Grid(inputTiles.Items), Moved(x, v, cost, passes),
                x.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles.From(pass * images));
            device.Launch(
                WinogradKernels.TransformOutputGradient, device.Grid(outputTiles.Items), Moved(dy, d, cost, passes),
                dy.View<Lane8<T>>(), d.View<Lane8<T>>(), outputTiles.From(pass * images));
            contraction.OOrigin = pass * sumsPerPass;
            ContractionPlan.For(contraction, device.Traits).Launch<T>(device, price, v, d, sums);
            price = new Cost(0, 0, cost.Direction);
        }

        WinogradWeights order = WinogradWeights.Forward(dw.Shape);
        device.Launch(
            WinogradKernels.TransformWeightGradient, device.Grid(order.Items), Moved(dw, sums, cost, 1),
            sums.View<Lane8<T>>(), dw.View<T>(), order, new WinogradSums(passes, inputTiles.Chunks, contraction.OSplit));
        tape.Release(v);
        tape.Release(d);
        tape.Release(sums);
    }

    private static Tensor Transformed(Tape tape, WinogradTiles tiles, ElementType type) =>
        tape.Plain(new Shape(1, tiles.Length), type);

    // A pass moves its part of the whole tensor, and all of the transformed one.
    private static Cost Moved(Tensor whole, Tensor transformed, Cost cost, int passes) =>
        new(0, ((whole.Shape.Count / passes) + transformed.Shape.Count) * whole.Type.Bytes(), cost.Direction);
}
