using System.CommandLine;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>The engine alone, on each device: what it can do at most, each kernel, whole steps.</summary>
internal static class TimingCommands
{
    public static Command Device() => Create(
        "device", "Time copies, multiply-adds and launches.", "Device", (device, _, _, _) => DeviceSuite.Of(device));

    public static Command Kernels() => Create(
        "kernels", "Time everything that a training step consists of, and compare it with the roofline.", "Kernels",
        (device, batch, width, precision) =>
            [.. DeviceSuite.Peaks(device, precision), .. KernelSuite.Of(device, batch, width, precision)]);

    public static Command Steps() => Create("steps", "Time whole training steps.", "Training steps", StepSuite.Of);

    private static Command Create(
        string name, string description, string title, Func<ComputeDevice, int, int, Precision, IEnumerable<Measured>> suite)
    {
        TimingOptions options = new();
        Command command = new(name, description);
        options.AddTo(command);
        command.SetAction(arguments => options.Run(arguments, title, (_, _) => [], suite));
        return command;
    }
}
