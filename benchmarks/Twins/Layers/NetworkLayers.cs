using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>One layer as it was met in a pass: its output keeps the gradient.</summary>
internal sealed record MetLayer(string Name, Tensor Input, Tensor Output);

/// <summary>PreAct-ResNet-18 layer by layer, each batch norm with the ReLU that follows it, in training mode.</summary>
/// <param name="entries">The network's entries by PyTorch's names.</param>
internal sealed class NetworkLayers(IReadOnlyDictionary<string, Tensor> entries)
{
    private static readonly string[] LearnedEntries = ["weight", "bias"];

    /// <summary>The layers of a network.</summary>
    public static NetworkLayers Of(PreActResNet18 network) =>
        new(network.Entries().ToDictionary(entry => entry.Name, entry => entry.Value.detach()));

    /// <summary>The same layers in another type.</summary>
    public NetworkLayers To(ScalarType type) => new(entries.ToDictionary(
        entry => entry.Key, entry => entry.Value.is_floating_point() ? entry.Value.to(type) : entry.Value));

    /// <summary>Runs the network forward and backward by cross-entropy.</summary>
    /// <param name="z">Normalised images [N, 3, 32, 32].</param>
    /// <param name="labels">Classes [N].</param>
    public IReadOnlyList<MetLayer> Walk(Tensor z, Tensor labels)
    {
        var layers = new List<MetLayer>();
        Tensor Step(string name, Tensor x)
        {
            Tensor y = Apply(name, x, Parameters(name));
            y.retain_grad();
            layers.Add(new MetLayer(name, x, y));
            return y;
        }

        Tensor x = Step("conv1", z);
        foreach (string prefix in from stage in Enumerable.Range(1, 4) from block in Enumerable.Range(0, 2) select $"layer{stage}.{block}")
        {
            string shortcut = $"{prefix}.shortcut.0";
            Tensor inner = Step($"{prefix}.conv1", Step($"{prefix}.bn1", x));
            inner = Step($"{prefix}.conv2", Step($"{prefix}.bn2", inner));
            x = inner + (entries.ContainsKey($"{shortcut}.weight") ? Step(shortcut, x) : x);
        }

        x = Step("linear", Step("bn", x).mean([2, 3]));
        functional.cross_entropy(x, labels).backward();
        return layers;
    }

    /// <summary>Fresh leaves for what a layer learns: weight, and bias where it has one.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters(string layer) =>
        LearnedEntries.Where(name => entries.ContainsKey($"{layer}.{name}"))
            .ToDictionary(name => name, name => entries[$"{layer}.{name}"].detach().clone().requires_grad_());

    /// <summary>A convolution, the linear layer, or batch norm followed by ReLU (every batch norm of this network is).</summary>
    public Tensor Apply(string layer, Tensor x, IReadOnlyDictionary<string, Tensor> parameters)
    {
        Tensor weight = parameters["weight"];
        if (layer == "linear") return functional.linear(x, weight, parameters["bias"]);
        if (weight.dim() == 1)
        {
            Tensor mean = entries[$"{layer}.running_mean"].clone(), variance = entries[$"{layer}.running_var"].clone();
            return functional.relu(functional.batch_norm(x, mean, variance, weight, parameters["bias"], training: true));
        }

        (int stride, long padding) = (Stride(layer), weight.shape[2] / 2);
        return functional.conv2d(x, weight, strides: [stride, stride], padding: [padding, padding]);
    }

    /// <summary>A layer's output, the gradient of its input and those of what it learns.</summary>
    public IReadOnlyDictionary<string, Tensor> Gradients(string layer, Tensor input, Tensor upstream)
    {
        Tensor x = input.detach().clone().requires_grad_();
        IReadOnlyDictionary<string, Tensor> parameters = Parameters(layer);
        Tensor y = Apply(layer, x, parameters);
        y.backward([upstream]);
        var results = new Dictionary<string, Tensor> { ["y"] = y.detach(), ["dx"] = x.grad! };
        foreach ((string name, Tensor value) in parameters) results[$"d{name}"] = value.grad!;
        return results;
    }

    /// <summary>The stride of a convolution.</summary>
    public static int Stride(string layer) => layer != "layer1.0.conv1"
        && (layer.EndsWith("0.conv1", StringComparison.Ordinal) || layer.Contains("shortcut", StringComparison.Ordinal)) ? 2 : 1;
}
