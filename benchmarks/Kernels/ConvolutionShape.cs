namespace Deat.Benchmarks;

/// <summary>The shape of a convolution of PreAct-ResNet-18 with a square window.</summary>
/// <param name="Channels">C.</param>
/// <param name="Filters">K.</param>
/// <param name="Size">H = W of the input.</param>
/// <param name="Window">R = S.</param>
/// <param name="Stride">The stride.</param>
public sealed record ConvolutionShape(int Channels, int Filters, int Size, int Window, int Stride)
{
    /// <summary>The padding that keeps the size at stride 1.</summary>
    public int Padding => Window / 2;

    /// <summary>Elements of the input of <paramref name="batch"/> images.</summary>
    public long InputCount(int batch) => (long)batch * Channels * Size * Size;

    /// <summary>Elements of the output of <paramref name="batch"/> images.</summary>
    public long OutputCount(int batch) => (long)batch * Filters * (Size / Stride) * (Size / Stride);

    /// <summary>Elements of the weights.</summary>
    public long WeightCount => (long)Filters * Channels * Window * Window;

    /// <summary>Floating-point operations of each direction, by the definition.</summary>
    public long Flops(int batch) => 2 * OutputCount(batch) * Channels * Window * Window;

    /// <summary>Bytes that each direction must read and write in float32.</summary>
    public long Bytes(int batch) => sizeof(float) * (InputCount(batch) + OutputCount(batch) + WeightCount);

    /// <summary>All shapes of a network of the given width, in its order.</summary>
    public static IEnumerable<ConvolutionShape> OfNetwork(int width = 64)
    {
        yield return new(3, width, 32, 3, 1);
        yield return new(width, width, 32, 3, 1);
        for (int channels = width, size = 32; size > 4; channels *= 2, size /= 2)
        {
            yield return new(channels, 2 * channels, size, 3, 2);
            yield return new(channels, 2 * channels, size, 1, 2);
            yield return new(2 * channels, 2 * channels, size / 2, 3, 1);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Channels}-{Filters} {Size}x{Size} {Window}x{Window}/{Stride}";
}
