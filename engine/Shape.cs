namespace Deat.Engine;

/// <summary>
/// The extents of a tensor. Activations are [N, C, H, W]; weights of a convolution are [K, C, R, S]; matrices use the first two
/// extents and vectors of channels the second, with ones elsewhere.
/// </summary>
/// <param name="N">Images, or filters K of a weight.</param>
/// <param name="C">Channels.</param>
/// <param name="H">Rows.</param>
/// <param name="W">Columns.</param>
public readonly record struct Shape(int N, int C, int H = 1, int W = 1)
{
    /// <summary>The number of elements.</summary>
    public long Count => (long)N * C * H * W;

    /// <summary>H * W.</summary>
    public int Pixels => H * W;

    /// <summary>A vector over channels: [1, C, 1, 1].</summary>
    public static Shape Vector(int channels) => new(1, channels);

    /// <inheritdoc/>
    public override string ToString() => $"[{N}, {C}, {H}, {W}]";
}
