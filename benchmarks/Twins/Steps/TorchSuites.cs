using System.CommandLine;
using BenchmarkDotNet.Running;
using Deat.Benchmarks;

namespace Deat.Twins;

/// <summary>The suites of the benchmarks under BenchmarkDotNet, with TorchSharp as one more device.</summary>
internal static class TorchSuites
{
    public static Command Create()
    {
        var command = new Command("suites", "Run the suites under BenchmarkDotNet, whose arguments follow: --filter '*'.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction(arguments => Run([.. arguments.UnmatchedTokens]));
        return command;
    }

    private static void Run(string[] arguments)
    {
        MeasuredBenchmark.Beside = (TorchWork.Name, Twin);
        BenchmarkSwitcher.FromAssembly(typeof(MeasuredBenchmark).Assembly).Run(arguments);
    }

    private static Measured Twin(MeasuredBenchmark benchmark) => benchmark switch
    {
        ConvolutionBenchmark convolution => new TorchConvolution(convolution.Shape, benchmark.Batch, convolution.Direction),
        BatchNormReluBenchmark norm => new TorchBatchNormRelu(norm.Channels, norm.Size, benchmark.Batch, norm.Backward),
        LinfStepBenchmark => new TorchLinfStep(benchmark.Batch),
        SgdBenchmark sgd => new TorchSgd(sgd.Width),
        StepBenchmark { Step: StepSettings.Replay } step => new TorchReplay(step.Batch, step.Width),
        StepBenchmark { Step: StepSettings.Pgd } step => new TorchPgd(step.Batch, step.Width, inputOnly: false),
        StepBenchmark step => new TorchNatural(step.Batch, step.Width),
        _ => throw new NotSupportedException($"{benchmark.GetType().Name} has no twin"),
    };
}
