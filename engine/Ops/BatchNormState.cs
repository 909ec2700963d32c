namespace Deat.Engine;

/// <summary>What a batch normalisation keeps between batches.</summary>
public sealed record BatchNormState
{
    /// <summary>The scale of each channel, [1, C, 1, 1].</summary>
    public required Tensor Gamma { get; init; }

    /// <summary>The shift of each channel, [1, C, 1, 1].</summary>
    public required Tensor Beta { get; init; }

    /// <summary>The running mean of each channel, [1, C, 1, 1].</summary>
    public required Tensor RunningMean { get; init; }

    /// <summary>The running unbiased variance of each channel, [1, C, 1, 1].</summary>
    public required Tensor RunningVariance { get; init; }

    /// <summary>The weight of a new batch in the running statistics.</summary>
    public double Momentum { get; init; } = 0.1;

    /// <summary>What is added to a variance before its root is taken.</summary>
    public double Epsilon { get; init; } = 1e-5;
}
