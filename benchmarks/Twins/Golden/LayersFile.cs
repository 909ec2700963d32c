using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>
/// Layers of the golden network with the input and upstream gradient that they meet in it, for checking float32 layers one by one
/// (deviations do not add up through ReLU masks). Inputs are rounded to float32 first; the results are computed in float64 from
/// the rounded inputs and rounded once.
/// </summary>
internal static class LayersFile
{
    private sealed record Layer(string Name, Tensor Input, Tensor Output);

    private static readonly string[] Selected =
    [
        "conv1", "layer2.0.conv1", "layer2.0.shortcut.0", "layer2.0.bn2", "layer4.1.bn1", "layer4.1.bn2", "layer4.1.conv2", "bn", "linear",
    ];

    private static readonly string[] LearnedEntries = ["weight", "bias"];

    public static GoldenFile Make(ulong seed)
    {
        using var scope = NewDisposeScope();
        var file = new GoldenFile();
        file.Remark("seed", $"{seed}");
        file.Remark("batch", $"image 0 of golden batch 0, training mode");
        PreActResNet18 network = GoldenSetting.Network(seed);
        var entries = network.Entries().ToDictionary(entry => entry.Name, entry => entry.Value.detach());
        foreach (Layer layer in Walk(seed, entries))
        {
            if (!Selected.Contains(layer.Name)) continue;
            Tensor x = Exact(layer.Input.detach()).requires_grad_();
            Tensor dy = Exact(layer.Output.grad!);
            var parameters = Parameters(layer.Name, entries);
            Tensor y = Apply(layer.Name, x, entries, parameters);
            y.backward([dy]);
            Add(file, $"{layer.Name}/x", x);
            Add(file, $"{layer.Name}/y", y);
            Add(file, $"{layer.Name}/dy", dy);
            Add(file, $"{layer.Name}/dx", x.grad!);
            foreach ((string name, Tensor value) in parameters) Add(file, $"{layer.Name}/d{name}", value.grad!);
        }

        return file;
    }

    /// <summary>Runs the network layer by layer and backward; the layers keep the gradients of their outputs.</summary>
    private static List<Layer> Walk(ulong seed, Dictionary<string, Tensor> entries)
    {
        var layers = new List<Layer>();
        Tensor Step(string name, Tensor x)
        {
            Tensor y = Apply(name, x, entries, Parameters(name, entries));
            y.retain_grad();
            layers.Add(new Layer(name, x, y));
            return y;
        }

        Tensor images = GoldenSetting.Images(seed, 0)[..1];
        Tensor x = Step("conv1", (images - GoldenSetting.Mean()) / GoldenSetting.Std());
        foreach (string prefix in from stage in Enumerable.Range(1, 4) from block in Enumerable.Range(0, 2) select $"layer{stage}.{block}")
        {
            string shortcut = $"{prefix}.shortcut.0";
            Tensor inner = Step($"{prefix}.conv1", Step($"{prefix}.bn1", x));
            inner = Step($"{prefix}.conv2", Step($"{prefix}.bn2", inner));
            x = inner + (entries.ContainsKey($"{shortcut}.weight") ? Step(shortcut, x) : x);
        }

        x = Step("linear", Step("bn", x).mean([2, 3]));
        functional.cross_entropy(x, GoldenSetting.Labels(seed, 0)[..1]).backward();
        return layers;
    }

    private static Dictionary<string, Tensor> Parameters(string layer, Dictionary<string, Tensor> entries) =>
        LearnedEntries.Where(name => entries.ContainsKey($"{layer}.{name}"))
            .ToDictionary(name => name, name => entries[$"{layer}.{name}"].detach().clone().requires_grad_());

    /// <summary>A convolution, the linear layer, or batch norm followed by ReLU (every batch norm of this network is).</summary>
    private static Tensor Apply(string layer, Tensor x, Dictionary<string, Tensor> entries, Dictionary<string, Tensor> parameters)
    {
        Tensor weight = parameters["weight"];
        if (layer == "linear") return functional.linear(x, weight, parameters["bias"]);
        if (weight.dim() == 1)
        {
            Tensor mean = entries[$"{layer}.running_mean"].clone(), variance = entries[$"{layer}.running_var"].clone();
            return functional.relu(functional.batch_norm(x, mean, variance, weight, parameters["bias"], training: true));
        }

        int stride = layer.EndsWith("0.conv1", StringComparison.Ordinal) || layer.Contains("shortcut", StringComparison.Ordinal) ? 2 : 1;
        if (layer == "layer1.0.conv1") stride = 1;
        long padding = weight.shape[2] / 2;
        return functional.conv2d(x, weight, strides: [stride, stride], padding: [padding, padding]);
    }

    private static void Add(GoldenFile file, string name, Tensor value) => file.Add(name, value.detach().to(ScalarType.Float32));

    private static Tensor Exact(Tensor value) => value.to(ScalarType.Float32).to(ScalarType.Float64);
}
