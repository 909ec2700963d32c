using System.CommandLine;
using System.Globalization;
using Deat.Benchmarks;
using Deat.Engine;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>
/// <c>differences</c>: how far each layer's output and gradients are from float64, in libtorch's float32 and on the engine's devices. Each
/// layer gets the input and the upstream gradient that it meets in the twin's network, so that rounding does not add up through ReLUs.
/// </summary>
internal static class DifferencesCommand
{
    private static readonly Option<int> Batch = Number("--batch", 8, "Images.");
    private static readonly Option<int> Width = Number("--width", 64, "Width of the network; 64 is full.");
    private static readonly Option<string?> Devices = new("--devices") { Description = "Devices, separated by commas; all if left out." };
    private static readonly Option<string> Wanted = new("--precisions")
    {
        DefaultValueFactory = _ => "fp32",
        Description = "fp32, tf32, bf16 of convolutions, with commas; a device leaves out what it has not.",
    };

    private static readonly Option<string?> File = new("--out") { Description = "A Markdown file for the table." };

    public static Command Create()
    {
        var command = new Command("differences", "Compare each layer's output and gradients with float64, libtorch's and the engine's.")
        {
            Batch, Width, Devices, Wanted, File,
        };
        command.SetAction(Run);
        return command;
    }

    private static void Run(ParseResult arguments)
    {
        ComputeDevice[] devices = BenchmarkDevices.Open(arguments.GetValue(Devices));
        (ComputeDevice, Precision)[] engines = Precisions.Lanes(devices, arguments.GetValue(Wanted)!);
        string text = Table(arguments.GetValue(Batch), arguments.GetValue(Width), engines);
        foreach (ComputeDevice device in devices) device.Dispose();
        Console.Write(text);
        if (arguments.GetValue(File) is string path) System.IO.File.WriteAllText(path, text);
    }

    private static string Table(int batch, int width, IReadOnlyList<(ComputeDevice Device, Precision Precision)> engines)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        NetworkLayers layers = NetworkLayers.Of(new PreActResNet18(width));
        NetworkLayers exact = layers.To(ScalarType.Float64);
        string[] who = [TorchWork.Name, .. engines.Select(engine => Name(engine.Device, engine.Precision))];
        var lines = new List<string>
        {
            "# Differences from float64, layer by layer",
            "",
            "|a - b| / |b| with b in float64, from the same float32 inputs; each layer with the input and the upstream gradient that it",
            "meets in TorchSharp's network. y: output, dx: gradient of the input, dw, db: of weights and biases.",
            $"PreAct-ResNet-18 of width {width} in training mode, {batch} images.",
            $"libtorch {__version__}; {string.Join("; ", engines.Select(Describe).Distinct())}.",
            "",
            $"| layer | | {string.Join(" | ", who)} |",
            $"| --- | --- |{string.Concat(who.Select(_ => " --- |"))}",
        };
        var largest = new Dictionary<string, double[]>();
        Tensor z = (rand(batch, 3, 32, 32) - GoldenSetting.Mean().to(ScalarType.Float32)) / GoldenSetting.Std().to(ScalarType.Float32);
        foreach (MetLayer layer in layers.Walk(z, randint(0, 10, [batch], ScalarType.Int64)))
            foreach ((string what, double[] errors) in Errors(layer, layers, exact, engines))
            {
                lines.Add(Line(layer.Name, what, errors));
                largest[what] = largest.TryGetValue(what, out double[]? before) ? [.. before.Zip(errors, Math.Max)] : errors;
            }

        lines.AddRange(largest.Select(entry => Line("**largest**", entry.Key, entry.Value)));
        return string.Join('\n', lines) + "\n";
    }

    private static IEnumerable<(string What, double[] Errors)> Errors(
        MetLayer layer, NetworkLayers layers, NetworkLayers exact, IReadOnlyList<(ComputeDevice Device, Precision Precision)> engines)
    {
        using var scope = NewDisposeScope();
        Tensor x = layer.Input.detach(), dy = layer.Output.grad!;
        IReadOnlyDictionary<string, Tensor> right = exact.Gradients(layer.Name, x.to(ScalarType.Float64), dy.to(ScalarType.Float64));
        IReadOnlyDictionary<string, Tensor>[] all =
        [
            layers.Gradients(layer.Name, x, dy),
            .. engines.Select(engine => EngineLayer.Gradients(engine.Device, engine.Precision, layer, layers.Parameters(layer.Name))),
        ];
        return
        [
            .. right.Select(result => (Short(result.Key), all.Select(one => Error(one[result.Key], result.Value)).ToArray())),
        ];
    }

    private static double Error(Tensor value, Tensor right) =>
        ((value.to(ScalarType.Float64) - right).norm() / right.norm()).item<double>();

    private static string Short(string result) => result switch { "dweight" => "dw", "dbias" => "db", _ => result };

    private static string Line(string layer, string what, double[] errors) =>
        $"| {layer} | {what} | {string.Join(" | ", errors.Select(error => error.ToString("0.0e0", CultureInfo.InvariantCulture)))} |";

    private static string Name(ComputeDevice device, Precision precision) =>
        precision == Precision.Float32 ? device.Listing.Id : $"{device.Listing.Id} {Precisions.NameOf(precision)}";

    private static string Describe((ComputeDevice Device, Precision Precision) engine) =>
        $"{engine.Device.Listing.Id}: {engine.Device.Name}, {engine.Device.Listing.Driver}";

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { DefaultValueFactory = _ => value, Description = description };
}
