using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>The golden network on golden batch 0: one training forward and backward, then the same batch in evaluation mode.</summary>
internal static class NetworkFile
{
    public static GoldenFile Make(ulong seed)
    {
        using var scope = NewDisposeScope();
        var file = new GoldenFile();
        file.Remark("seed", $"{seed}");
        PreActResNet18 network = GoldenSetting.Network(seed);
        Tensor z = (GoldenSetting.Images(seed, 0) - GoldenSetting.Mean()) / GoldenSetting.Std();
        Tensor labels = GoldenSetting.Labels(seed, 0);

        network.train();
        Pass(file, "train", network, z, labels, GoldenWeights.BatchSize);
        foreach ((string name, Tensor value) in network.named_parameters()) file.Add($"train/gradient/{name}", value.grad!);
        foreach ((string name, Tensor value) in network.Entries().Where(entry => entry.Name.Contains("running", StringComparison.Ordinal)))
            file.Add($"train/state/{name}", value);

        network.eval();
        Pass(file, "eval", network, z, labels, storedGradients: 2);
        return file;
    }

    private static void Pass(GoldenFile file, string mode, PreActResNet18 network, Tensor z, Tensor labels, int storedGradients)
    {
        Tensor input = z.detach().requires_grad_();
        Tensor logits = network.forward(input);
        Tensor loss = functional.cross_entropy(logits, labels);
        loss.backward();
        Console.WriteLine($"network, {mode}: loss {loss.item<double>():F6}");
        file.Add($"{mode}/logits", logits);
        file.Add($"{mode}/loss", loss);
        file.Add($"{mode}/dz", input.grad![..storedGradients]);
    }
}
