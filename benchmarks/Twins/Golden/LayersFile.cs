using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>
/// Layers of the golden network with the input and upstream gradient that they meet in it, for checking float32 layers one by one
/// (deviations do not add up through ReLU masks). Inputs are rounded to float32 first; the results are computed in float64 from
/// the rounded inputs and rounded once.
/// </summary>
internal static class LayersFile
{
    private static readonly string[] Selected =
    [
        "conv1", "layer2.0.conv1", "layer2.0.shortcut.0", "layer2.0.bn2", "layer4.1.bn1", "layer4.1.bn2", "layer4.1.conv2", "bn", "linear",
    ];

    public static GoldenFile Make(ulong seed)
    {
        using var scope = NewDisposeScope();
        var file = new GoldenFile();
        file.Remark("seed", $"{seed}");
        file.Remark("batch", $"image 0 of golden batch 0, training mode");
        NetworkLayers layers = NetworkLayers.Of(GoldenSetting.Network(seed));
        Tensor z = (GoldenSetting.Images(seed, 0)[..1] - GoldenSetting.Mean()) / GoldenSetting.Std();
        foreach (MetLayer layer in layers.Walk(z, GoldenSetting.Labels(seed, 0)[..1]))
        {
            if (!Selected.Contains(layer.Name)) continue;
            Tensor x = Exact(layer.Input.detach());
            Tensor dy = Exact(layer.Output.grad!);
            IReadOnlyDictionary<string, Tensor> results = layers.Gradients(layer.Name, x, dy);
            Add(file, $"{layer.Name}/x", x);
            Add(file, $"{layer.Name}/y", results["y"]);
            Add(file, $"{layer.Name}/dy", dy);
            foreach ((string name, Tensor value) in results.Where(result => result.Key != "y")) Add(file, $"{layer.Name}/{name}", value);
        }

        return file;
    }

    private static void Add(GoldenFile file, string name, Tensor value) => file.Add(name, value.detach().to(ScalarType.Float32));

    private static Tensor Exact(Tensor value) => value.to(ScalarType.Float32).to(ScalarType.Float64);
}
