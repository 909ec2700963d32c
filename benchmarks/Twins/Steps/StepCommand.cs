using System.CommandLine;
using Deat.Benchmarks;

namespace Deat.Twins;

/// <summary><c>step</c>: times whole training steps in turns.</summary>
internal static class StepCommand
{
    public static Command Create()
    {
        var options = new ComparisonOptions();
        var command = new Command("step", "Time one DEAT replay and a PGD-7 training step of the network.");
        options.AddTo(command);
        command.SetAction(arguments => options.Run(arguments, "Training steps beside TorchSharp", Twins, StepSuite.Of));
        return command;
    }

    private static IEnumerable<Measured> Twins(int batch, int width) =>
    [
        new TorchReplay(batch, width),
        new TorchPgd(batch, width, inputOnly: false),
        new TorchPgd(batch, width, inputOnly: true),
        new TorchNatural(batch, width),
    ];
}
