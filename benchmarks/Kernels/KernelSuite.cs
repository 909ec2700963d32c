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
    public static IEnumerable<Measured> Of(ComputeDevice device, int batch, int width) =>
    [
        .. from shape in ConvolutionShape.OfNetwork(width)
           from direction in Directions
           select new EngineConvolution(shape, batch, direction, device),
        .. from stage in Stages(width)
           from backward in (bool[])[false, true]
           select new EngineBatchNormRelu(stage.Channels, stage.Size, batch, backward, device),
        new EngineLinfStep(batch, device),
        new EngineSgd(width, device),
    ];

    /// <summary>Channels and size of the activations of each stage.</summary>
    public static IEnumerable<(int Channels, int Size)> Stages(int width) =>
        Enumerable.Range(0, 4).Select(stage => (width << stage, 32 >> stage));
}
