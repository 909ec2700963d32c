using Deat.Engine;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>What all golden files share: CIFAR-10's normalisation, the golden network and its batches, as float64 tensors.</summary>
internal static class GoldenSetting
{
    public static readonly double[] ChannelMean = [0.4914, 0.4822, 0.4465];
    public static readonly double[] ChannelStd = [0.2471, 0.2435, 0.2616];

    public static Tensor Mean() => tensor(ChannelMean, dtype: ScalarType.Float64).view(1, 3, 1, 1);

    public static Tensor Std() => tensor(ChannelStd, dtype: ScalarType.Float64).view(1, 3, 1, 1);

    public static Tensor Images(ulong seed, int batch) => AsImages(GoldenWeights.Images(seed, batch));

    public static Tensor UniformDelta(ulong seed, int epoch, int batch, double epsilon, Purpose purpose = Purpose.Delta) =>
        AsImages(GoldenWeights.UniformDelta(seed, epoch, batch, epsilon, purpose));

    public static Tensor Labels(ulong seed, int batch) =>
        tensor(Array.ConvertAll(GoldenWeights.Labels(seed, batch), label => (long)label));

    /// <summary>The golden network; each value moved by at most <paramref name="perturbation"/>, to test how firm a run is.</summary>
    public static PreActResNet18 Network(ulong seed, double perturbation = 0)
    {
        var network = new PreActResNet18(GoldenWeights.Width, GoldenWeights.Classes, ScalarType.Float64);
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var entries = network.Entries();
        for (int index = 0; index < entries.Length; index++)
        {
            (string name, Tensor value) = entries[index];
            double[] values = GoldenWeights.Values(seed, index, name, value.shape);
            Tensor start = tensor(values, dtype: ScalarType.Float64).view(value.shape);
            if (perturbation != 0 && value.is_floating_point()) start += perturbation * (2 * rand_like(start) - 1);
            value.copy_(start);
        }

        return network;
    }

    private static Tensor AsImages(double[] values) =>
        tensor(values, dtype: ScalarType.Float64).view(GoldenWeights.BatchSize, 3, 32, 32);
}
