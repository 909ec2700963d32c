namespace Deat.Engine;

/// <summary>Two numbers for each slice of an activation's pixels and each channel, [2, slices, channels], needed next.</summary>
/// <param name="Partials">The numbers.</param>
/// <param name="Slices">Slices, of <see cref="IEpilogue.SliceRows"/> pixels each.</param>
/// <param name="Behind">For sums of a gradient, what it goes to; null for moments of the activation itself.</param>
internal sealed record SliceSums(Tensor Partials, int Slices, NormalisedTensor? Behind)
{
    /// <summary>
    /// Operations per element of the epilogue: moments by deviations from a mean; sums of a gradient by the ReLU's argument, its choice,
    /// and a sum and a product.
    /// </summary>
    public int FlopsPerElement => Behind is null ? 5 : 7;
}

/// <summary>The input of a batch normalisation with ReLU, and what normalised its channels: mean, rstd, scale and shift.</summary>
/// <param name="X">The input.</param>
/// <param name="Statistics">[4, channels]</param>
internal sealed record NormalisedTensor(Tensor X, Tensor Statistics);

/// <summary>Which sums of its result somebody would like a convolution to take along.</summary>
/// <param name="Moments">Those of the result.</param>
/// <param name="Behind">Those of the result as a gradient.</param>
internal readonly record struct WantedSums(bool Moments, NormalisedTensor? Behind = null);
