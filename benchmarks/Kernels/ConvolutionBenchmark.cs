using BenchmarkDotNet.Attributes;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>A shape of a convolution of PreAct-ResNet-18 with a square window.</summary>
/// <param name="Channels">C.</param>
/// <param name="Filters">K.</param>
/// <param name="Size">H = W of the input.</param>
/// <param name="Window">R = S.</param>
/// <param name="Stride">The stride.</param>
public sealed record ConvolutionShape(int Channels, int Filters, int Size, int Window, int Stride)
{
    public override string ToString() => $"{Channels}-{Filters} {Size}x{Size} {Window}x{Window}/{Stride}";
}

/// <summary>The convolutions of PreAct-ResNet-18 at batch 32: forward, input gradient, weight gradient, each alone.</summary>
public class ConvolutionBenchmark : DeviceBenchmark
{
    private const int Batch = 32;

    private Tensor _x = null!;
    private Tensor _w = null!;

    public static IEnumerable<ConvolutionShape> Shapes =>
    [
        new(3, 64, 32, 3, 1), new(64, 64, 32, 3, 1),
        new(64, 128, 32, 3, 2), new(64, 128, 32, 1, 2), new(128, 128, 16, 3, 1),
        new(128, 256, 16, 3, 2), new(128, 256, 16, 1, 2), new(256, 256, 8, 3, 1),
        new(256, 512, 8, 3, 2), new(256, 512, 8, 1, 2), new(512, 512, 4, 3, 1),
    ];

    [ParamsSource(nameof(Shapes))]
    public ConvolutionShape Shape { get; set; } = null!;

    [Benchmark]
    public void Forward() => Run(Wanted.None);

    [Benchmark]
    public void ForwardAndInputGradient() => Run(Wanted.Input);

    [Benchmark]
    public void ForwardAndWeightGradient() => Run(Wanted.Parameters);

    protected override void Prepare()
    {
        Shape x = new(Batch, Shape.Channels, Shape.Size, Shape.Size);
        Shape w = new(Shape.Filters, Shape.Channels, Shape.Window, Shape.Window);
        _x = Workspace.Activation<float>(x, ElementType.Float32, Numbers(x.Count, 1));
        _w = Workspace.Plain<float>(w, ElementType.Float32, Numbers(w.Count, 2)).WithGradient(Workspace.Plain(w, ElementType.Float32));
    }

    // The mean of all pixels and channels stands in for the rest of a network: it costs one pass over y.
    private void Run(Wanted wanted)
    {
        using Tape tape = new(Opened, wanted);
        tape.Watch(_x);
        Tensor y = Ops.Conv2d(tape, _x, _w, Shape.Stride, Shape.Window / 2);
        if (wanted != Wanted.None)
        {
            Tensor means = Ops.GlobalAveragePool(tape, y);
            tape.Backward(Ops.CrossEntropy(tape, means, Labels(tape)));
        }

        Opened.Synchronize();
    }

    private static Tensor Labels(Tape tape)
    {
        Tensor labels = tape.Plain(new Shape(Batch, 1), ElementType.Int32);
        labels.CopyFrom<int>(new int[Batch]);
        return labels;
    }
}
