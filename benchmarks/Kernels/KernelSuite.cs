using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Everything that a training step of PreAct-ResNet-18 consists of, in the network's order.</summary>
public static class KernelSuite
{
    /// <summary>The directions of a convolution: forward, dx, dw.</summary>
    public static IReadOnlyList<Wanted> Directions { get; } = [Wanted.None, Wanted.Input, Wanted.Parameters];

    /// <summary>The engine's kernels on <paramref name="device"/>.</summary>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="width">Width of the network; 64 is full.</param>
    /// <param name="precision">Of the convolutions; the other kernels have one only, and are left out for others.</param>
    public static IEnumerable<Measured> Of(ComputeDevice device, int batch, int width, Precision precision)
    {
        IEnumerable<Measured> convolutions =
            from shape in ConvolutionShape.OfNetwork(width)
            from direction in Directions
            select new EngineConvolution(shape, batch, direction, device, precision);
        return precision == Precision.Float32 ? convolutions.Concat(Others(device, batch, width)) : convolutions;
    }

    /// <summary>Channels and size of the activations of each stage.</summary>
    public static IEnumerable<(int Channels, int Size)> Stages(int width) =>
        Enumerable.Range(0, 4).Select(stage => (width << stage, 32 >> stage));

    private static IEnumerable<Measured> Others(ComputeDevice device, int batch, int width) =>
    [
        .. from stage in Stages(width)
           from backward in (bool[])[false, true]
           select new EngineBatchNormRelu(stage.Channels, stage.Size, batch, backward, device),
        new EngineLinfStep(batch, device),
        new EngineSgd(width, device),
    ];
}
