using Deat.Engine;

namespace Deat.Twins;

/// <summary>
/// Weights, images, labels and starting perturbations of the golden runs as formulas of Philox, so that the golden files need not
/// store them. The tests compile this file too; it knows nothing of TorchSharp. Below, u is <see cref="Philox.Uniform"/> of the
/// word of the element: 24 bits in [0, 1).
/// </summary>
public static class GoldenWeights
{
    /// <summary>Images of a golden batch.</summary>
    public const int BatchSize = 8;

    /// <summary>Width factor of the golden network.</summary>
    public const int Width = 8;

    /// <summary>Classes of the golden network.</summary>
    public const int Classes = 10;

    /// <summary>
    /// Values of state entry <paramref name="index"/> (0..106, PyTorch's order), row-major, from key (seed, Weights, index).
    /// Convolution and linear weights (2u-1)/sqrt(fan in); other <c>weight</c> 0.75 + u/2; <c>bias</c> and <c>running_mean</c>
    /// (2u-1)/4; <c>running_var</c> 0.75 + u/2; <c>num_batches_tracked</c> 0. Rounded to binary32, so that both precisions start
    /// from the same numbers.
    /// </summary>
    public static double[] Values(ulong seed, int index, string name, ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        long count = 1;
        foreach (long size in shape) count *= size;
        double[] values = new double[count];
        if (name.EndsWith("num_batches_tracked", StringComparison.Ordinal)) return values;

        double low = -0.25, range = 0.5;
        if (shape.Length > 1)
        {
            double bound = 1 / Math.Sqrt((double)count / shape[0]);
            (low, range) = (-bound, 2 * bound);
        }
        else if (name.EndsWith("weight", StringComparison.Ordinal) || name.EndsWith("running_var", StringComparison.Ordinal))
        {
            (low, range) = (0.75, 0.5);
        }

        var key = new RandomKey(seed, Purpose.Weights, index);
        for (int i = 0; i < values.Length; i++) values[i] = (float)(low + range * Philox.Uniform(Philox.Word(key, i)));
        return values;
    }

    /// <summary>
    /// Images [8, 3, 32, 32] of a batch from key (seed, Data, 0, batch): bytes <c>clamp(5 b / 4 - 32, 0, 255)</c> of the words' top
    /// bytes b, over 255. About a tenth of the pixels each is exactly 0 and 1.
    /// </summary>
    public static double[] Images(ulong seed, int batch)
    {
        var key = new RandomKey(seed, Purpose.Data, 0, batch);
        double[] values = new double[BatchSize * 3 * 32 * 32];
        for (int i = 0; i < values.Length; i++)
            values[i] = Math.Clamp((int)(Philox.Word(key, i) >> 24) * 5 / 4 - 32, 0, 255) / 255.0;
        return values;
    }

    /// <summary>Labels [8] of a batch from key (seed, Data, 1, batch): <see cref="Philox.Below"/> the number of classes.</summary>
    public static int[] Labels(ulong seed, int batch)
    {
        var key = new RandomKey(seed, Purpose.Data, 1, batch);
        int[] labels = new int[BatchSize];
        for (int i = 0; i < labels.Length; i++) labels[i] = Philox.Below(Philox.Word(key, i), Classes);
        return labels;
    }

    /// <summary>
    /// Starting perturbation [8, 3, 32, 32] from key (seed, Delta, epoch, batch within the epoch): (2u-1) epsilon in binary64, not
    /// clamped to valid pixels. GradAlign's point of the ball is the same of another purpose.
    /// </summary>
    public static double[] UniformDelta(ulong seed, int epoch, int batch, double epsilon, Purpose purpose = Purpose.Delta)
    {
        var key = new RandomKey(seed, purpose, epoch, batch);
        double[] values = new double[BatchSize * 3 * 32 * 32];
        for (int i = 0; i < values.Length; i++) values[i] = (2.0 * Philox.Uniform(Philox.Word(key, i)) - 1) * epsilon;
        return values;
    }
}
