using Deat.Engine;
using Deat.Nn;
using Deat.Twins;

namespace Deat.Tests;

/// <summary>The product's PreAct-ResNet-18 with the weights, statistics and images of the golden files.</summary>
internal static class GoldenNetwork
{
    /// <summary>What the golden images are normalised with.</summary>
    public static Normalization Normalization { get; } = new() { Mean = [0.4914, 0.4822, 0.4465], Std = [0.2471, 0.2435, 0.2616] };

    /// <summary>A batch of images.</summary>
    public static Shape BatchShape { get; } = new(GoldenWeights.BatchSize, 3, 32, 32);

    /// <summary>
    /// The network in training mode; <paramref name="change"/> is added to the second element of <paramref name="entry"/>.
    /// </summary>
    public static PreActResNet18 Place(ComputeDevice device, ElementType type, ulong seed, double change = 0, string entry = "conv1.weight")
    {
        PreActResNet18 model = new(GoldenWeights.Width, GoldenWeights.Classes);
        model.Place(device, type, seed: 0);
        NamedArray[] state = [.. model.State().Select((item, index) => Entry(item.Name, item.Entry, index))];
        model.LoadStateDict(state);
        return model;

        NamedArray Entry(string name, StateEntry item, int index)
        {
            double[] values = Values(seed, index, name, item);
            if (change != 0 && name == entry)
                values[1] += change;
            return Array(name, item is Counter ? ElementType.Int64 : type, values, [.. item.Extents.Select(extent => (long)extent)]);
        }
    }

    /// <summary>All state entries of a layer by the last part of their names.</summary>
    public static Dictionary<string, double[]> Layer(string layer, ulong seed)
    {
        PreActResNet18 model = new(GoldenWeights.Width, GoldenWeights.Classes);
        return model.State().Select((item, index) => (item.Name, item.Entry, Index: index))
            .Where(item => item.Name[..item.Name.LastIndexOf('.')] == layer)
            .ToDictionary(item => item.Name[(layer.Length + 1)..], item => Values(seed, item.Index, item.Name, item.Entry));
    }

    private static double[] Values(ulong seed, int index, string name, StateEntry entry) =>
        GoldenWeights.Values(seed, index, name, [.. entry.Extents.Select(extent => (long)extent)]);

    private static NamedArray Array(string name, ElementType type, double[] values, long[] shape) => type switch
    {
        ElementType.Float32 => NamedArray.FromFloats(name, [.. values.Select(value => (float)value)], shape),
        ElementType.Float64 => NamedArray.FromDoubles(name, values, shape),
        _ => NamedArray.FromInt64s(name, [.. values.Select(value => (long)value)], shape),
    };
}
