using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>What the kernels' work is called in reports: the same for all who do it.</summary>
public static class KernelNames
{
    /// <summary>The fused adversarial step.</summary>
    public const string LinfStep = "step of delta and next input";

    /// <summary>A direction of a convolution: Wanted.None is forward, Input dx, Parameters dw.</summary>
    public static string Convolution(ConvolutionShape shape, Wanted direction) => $"conv {shape} {direction switch
    {
        Wanted.None => "forward",
        Wanted.Input => "dx",
        Wanted.Parameters => "dw",
        _ => throw new ArgumentOutOfRangeException(nameof(direction)),
    }}";

    /// <summary>Batch normalisation with ReLU.</summary>
    public static string BatchNormRelu(int channels, int size, bool backward) =>
        $"batch norm and ReLU {channels} {size}x{size} {(backward ? "backward" : "forward")}";

    /// <summary>The update of all parameters.</summary>
    public static string Sgd(int width) => $"SGD, all parameters at width {width}";
}
