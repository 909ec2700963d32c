using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// The launches of <see cref="ConvolutionAlgorithm.Winograd"/>. All FLOPs of the convolution, as its definition counts them, are booked on
/// the contraction, and the bytes of the transformed tensors on the transforms.
/// </summary>
internal static class WinogradConvolution
{
    /// <summary>The convolution forwards, or the input's gradient from the output's.</summary>
    public static void Convolve<T>(Tape tape, WinogradWeights order, Tensor weights, Tensor input, Tensor output, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        WinogradTiles inputTiles = new(input.Layout, input.Shape.N);
        WinogradTiles outputTiles = new(output.Layout, output.Shape.N);
        Tensor u = tape.Plain(new Shape(1, order.Length), weights.Type);
        device.Launch(
            WinogradKernels.TransformWeights, device.Grid(order.Items), Moved(weights, u, cost),
            weights.View<T>(), u.View<Lane8<T>>(), order);
        Tensor v = Transformed(tape, inputTiles, input.Type);
        device.Launch(
            WinogradKernels.TransformInput, device.Grid(inputTiles.Items), Moved(input, v, cost),
            input.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles);
        Tensor m = Transformed(tape, outputTiles, output.Type);
        Contraction contraction = Winograd.Forward(inputTiles, outputTiles, order, device.Traits);
        device.Launch(
            ContractionKernels.Contract, device.Grid(contraction.Items), cost,
            v.View<T>(), u.View<Lane8<T>>(), m.View<Lane8<T>>(), contraction);
        device.Launch(
            WinogradKernels.TransformOutput, device.Grid(outputTiles.Items), Moved(m, output, cost),
            m.View<Lane8<T>>(), output.View<Lane8<T>>(), outputTiles);
        tape.Release(u);
        tape.Release(v);
        tape.Release(m);
    }

    /// <summary>The gradient of the weights.</summary>
    public static void WeightGradient<T>(Tape tape, Tensor x, Tensor dy, Tensor dw, Cost cost)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ComputeDevice device = tape.Device;
        int images = Winograd.ImagesPerChunk(x.Shape);
        WinogradTiles inputTiles = new(x.Layout, images);
        WinogradTiles outputTiles = new(dy.Layout, images);
        Tensor v = Transformed(tape, inputTiles, x.Type);
        device.Launch(
            WinogradKernels.TransformInput, device.Grid(inputTiles.Items), Moved(x, v, cost),
            x.View<Lane8<T>>(), v.View<Lane8<T>>(), inputTiles);
        Tensor d = Transformed(tape, outputTiles, dy.Type);
        device.Launch(
            WinogradKernels.TransformOutputGradient, device.Grid(outputTiles.Items), Moved(dy, d, cost),
            dy.View<Lane8<T>>(), d.View<Lane8<T>>(), outputTiles);
        Contraction contraction = Winograd.WeightGradient(inputTiles, outputTiles, device.Traits);
        Tensor sums = tape.Plain(new Shape(contraction.Splits, contraction.OSplit), dw.Type);
        device.Launch(
            ContractionKernels.Contract, device.Grid(contraction.Items), cost,
            v.View<T>(), d.View<Lane8<T>>(), sums.View<Lane8<T>>(), contraction);
        WinogradWeights order = WinogradWeights.Forward(dw.Shape);
        device.Launch(
            WinogradKernels.TransformWeightGradient, device.Grid(order.Items), Moved(sums, dw, cost),
            sums.View<Lane8<T>>(), dw.View<T>(), order, new WinogradSums(inputTiles.Chunks, contraction.OSplit));
        tape.Release(v);
        tape.Release(d);
        tape.Release(sums);
    }

    private static Tensor Transformed(Tape tape, WinogradTiles tiles, ElementType type) =>
        tape.Plain(new Shape(1, tiles.Length), type);

    private static Cost Moved(Tensor from, Tensor to, Cost cost) =>
        new(0, (from.Shape.Count + to.Shape.Count) * from.Type.Bytes(), cost.Direction);
}
