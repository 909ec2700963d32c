using System.CommandLine;
using Deat.Benchmarks;

namespace Deat.Twins;

/// <summary><c>kernels</c>: times everything that a training step consists of, in turns.</summary>
internal static class KernelCommand
{
    public static Command Create()
    {
        var options = new ComparisonOptions();
        var command = new Command("kernels", "Time each convolution forward, dx and dw, batch norm, the step of delta and SGD.");
        options.AddTo(command);
        command.SetAction(arguments => options.Run(arguments, "Kernels beside TorchSharp", Twins, KernelSuite.Of));
        return command;
    }

    private static IEnumerable<Measured> Twins(int batch, int width) =>
    [
        .. from shape in ConvolutionShape.OfNetwork(width)
           from direction in KernelSuite.Directions
           select new TorchConvolution(shape, batch, direction),
        .. from stage in KernelSuite.Stages(width)
           from backward in (bool[])[false, true]
           select new TorchBatchNormRelu(stage.Channels, stage.Size, batch, backward),
        new TorchLinfStep(batch),
        new TorchSgd(width),
    ];
}
