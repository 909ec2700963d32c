using System.CommandLine;
using System.Text.Json;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>
/// <c>layers</c>: writes the numbers of a replay, layer by layer, for whoever compares them (<c>layers.py</c> with PyTorch's), and lets
/// the devices take turns with whoever asks on standard input.
/// </summary>
internal static class LayersCommand
{
    public static Command Create()
    {
        Option<int> batch = TimingOptions.Number("--batch", 8, "Images.");
        Option<int> width = TimingOptions.Number("--width", 64, "Width of the network; 64 is full.");
        Option<int> timed = TimingOptions.Number("--timed-batch", 32, "Images of the timed replays.");
        Option<string?> devices = new("--devices") { Description = "Devices, separated by commas; all if left out." };
        Option<string> precisions = new("--precisions")
        {
            DefaultValueFactory = _ => "fp32",
            Description = "fp32, tf32, bf16 of convolutions, with commas; a device leaves out what it has not.",
        };
        Option<string> output = new("--out") { Required = true, Description = "A safetensors file for all numbers." };
        Option<bool> turns = new("--turns")
        {
            Description = "Then, for each line on standard input, time a replay on each device and print a line of JSON.",
        };
        Command command = new("layers", "Write what each layer of a replay meets and makes.")
        {
            batch, width, timed, devices, precisions, output, turns,
        };
        command.SetAction(arguments =>
        {
            ComputeDevice[] opened = BenchmarkDevices.Open(arguments.GetValue(devices));
            (ComputeDevice, Precision)[] lanes = Precisions.Lanes(opened, arguments.GetValue(precisions)!);
            LayerNumbers.Write(arguments.GetValue(output)!, arguments.GetValue(batch), arguments.GetValue(width), lanes);
            if (arguments.GetValue(turns))
                TakeTurns(arguments.GetValue(timed), arguments.GetValue(width), lanes);
            foreach (ComputeDevice device in opened)
                device.Dispose();
        });
        return command;
    }

    private static void TakeTurns(int batch, int width, IReadOnlyList<(ComputeDevice Device, Precision Precision)> lanes)
    {
        TimedLayers[] all = [.. lanes.Select(lane => new TimedLayers(batch, width, lane.Device, lane.Precision))];
        do
            Console.WriteLine(JsonSerializer.Serialize(all.ToDictionary(timed => timed.Who, timed => timed.Time())));
        while (Console.ReadLine() is not null);
        foreach (TimedLayers timed in all)
            timed.Dispose();
    }
}
