using System.CommandLine;
using System.Globalization;
using Deat.Benchmarks;
using Deat.Engine;
using TorchSharp;

namespace Deat.Twins;

/// <summary>
/// <c>memory</c>: how much the process grows over some DEAT replays, from before the network is made: peak resident memory, as Linux counts
/// it. One of libtorch and the engine's devices, because a process has one peak.
/// </summary>
internal static class MemoryCommand
{
    private static readonly Option<string> Who = new("--who")
    {
        DefaultValueFactory = _ => TorchWork.Name,
        Description = $"{TorchWork.Name} or a device of the engine.",
    };

    private static readonly Option<int> Batch = Number("--batch", 128, "Images.");
    private static readonly Option<int> Width = Number("--width", 64, "Width of the network; 64 is full.");
    private static readonly Option<int> Steps = Number("--steps", 3, "Replays.");

    public static Command Create()
    {
        var command = new Command("memory", "Tell how much memory a DEAT replay takes, libtorch's or the engine's.")
        {
            Who, Batch, Width, Steps,
        };
        command.SetAction(Run);
        return command;
    }

    private static void Run(ParseResult arguments)
    {
        (string who, int batch, int width) = (arguments.GetValue(Who)!, arguments.GetValue(Batch), arguments.GetValue(Width));
        using ComputeDevice? device = who == TorchWork.Name ? null : BenchmarkDevices.Open(who)[0];
        torch.manual_seed(1);
        // Threads and kernels are no part of a step.
        Repeat(device, batch: 2, width, steps: 1);
        device?.Pool.Trim();
        GC.Collect();
        double before = Megabytes("VmRSS");
        File.WriteAllText("/proc/self/clear_refs", "5");
        long held = Repeat(device, batch, width, arguments.GetValue(Steps));
        string pool = device is null ? "" : Text($"; the pool holds {held / 1e6:N0} MB");
        Console.WriteLine(Text($"{who}: {Megabytes("VmHWM") - before:N0} MB more than before the network was made{pool}"));
    }

    private static long Repeat(ComputeDevice? device, int batch, int width, int steps)
    {
        using Measured replay = device is null ? new TorchReplay(batch, width) : new EngineReplay(batch, width, device);
        replay.Prepare();
        for (int step = 0; step < steps; step++)
        {
            replay.Run();
            replay.Finish();
        }

        return device?.Pool.ReservedBytes ?? 0;
    }

    private static double Megabytes(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1e6;
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { DefaultValueFactory = _ => value, Description = description };
}
