using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>How the splits of one weight gradient are summed. Shared by host and kernels.</summary>
/// <param name="Order">The order of the partial sums.</param>
/// <param name="Splits">How many there are of each weight.</param>
/// <param name="Stride">Elements from one split to the next.</param>
/// <param name="End">The first item of those that sum the next gradient.</param>
internal readonly record struct SplitSum(PackedWeights Order, int Splits, int Stride, int End);

/// <summary>Up to four weight gradients whose splits are summed in one launch; one that is not there has no items.</summary>
/// <param name="First">The first.</param>
/// <param name="Second">The second.</param>
/// <param name="Third">The third.</param>
/// <param name="Fourth">The fourth.</param>
[ExcludeFromCodeCoverage]
internal readonly record struct SplitSums(SplitSum First, SplitSum Second, SplitSum Third, SplitSum Fourth)
{
    /// <summary>How many there can be.</summary>
    public const int Count = 4;
}
