using BenchmarkDotNet.Attributes;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Each convolution of PreAct-ResNet-18; None is the forward direction, Input dx, Parameters dw, each alone.</summary>
public class ConvolutionBenchmark : MeasuredBenchmark
{
    public static IEnumerable<ConvolutionShape> Shapes => ConvolutionShape.OfNetwork();

    [ParamsSource(nameof(Shapes))]
    public ConvolutionShape Shape { get; set; } = null!;

    [Params(Wanted.None, Wanted.Input, Wanted.Parameters)]
    public Wanted Direction { get; set; }

    protected override Measured Create(ComputeDevice device) => new EngineConvolution(Shape, Batch, Direction, device);
}

/// <summary>Batch normalisation with ReLU at the activations of each stage.</summary>
public class BatchNormReluBenchmark : MeasuredBenchmark
{
    [Params(64, 128, 256, 512)]
    public int Channels { get; set; }

    [Params(false, true)]
    public bool Backward { get; set; }

    /// <summary>Rows and columns of the activations with so many channels.</summary>
    public int Size => 32 * 64 / Channels;

    protected override Measured Create(ComputeDevice device) => new EngineBatchNormRelu(Channels, Size, Batch, Backward, device);
}

/// <summary>The fused adversarial step.</summary>
public class LinfStepBenchmark : MeasuredBenchmark
{
    protected override Measured Create(ComputeDevice device) => new EngineLinfStep(Batch, device);
}

/// <summary>The update of all parameters.</summary>
public class SgdBenchmark : MeasuredBenchmark
{
    [Params(64)]
    public int Width { get; set; }

    protected override Measured Create(ComputeDevice device) => new EngineSgd(Width, device);
}

/// <summary>Whole training steps.</summary>
public class StepBenchmark : MeasuredBenchmark
{
    [Params(StepSettings.Replay, StepSettings.Pgd, StepSettings.Natural)]
    public string Step { get; set; } = "";

    [Params(16, 64)]
    public int Width { get; set; }

    protected override Measured Create(ComputeDevice device) => Step switch
    {
        StepSettings.Replay => new EngineReplay(Batch, Width, device),
        StepSettings.Pgd => new EnginePgd(Batch, Width, device),
        _ => new EngineNatural(Batch, Width, device),
    };
}
