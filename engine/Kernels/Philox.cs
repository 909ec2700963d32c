using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>What random numbers are drawn for. Part of the counter, so that no two uses ever share a number.</summary>
public enum Purpose
{
    /// <summary>Initial weights.</summary>
    Weights = 1,

    /// <summary>The order of the images in an epoch.</summary>
    Shuffle = 2,

    /// <summary>Crop offset and flip of an image.</summary>
    Augmentation = 3,

    /// <summary>The starting perturbation of an attack.</summary>
    Delta = 4,

    /// <summary>The starting perturbation of an attack that evaluates.</summary>
    Evaluation = 5,

    /// <summary>The procedural data set.</summary>
    Data = 6,

    /// <summary>The split into training and validation images.</summary>
    Split = 7,

    /// <summary>What dropout makes zero.</summary>
    Dropout = 8,

    /// <summary>Directions and starts of what measures the loss surface.</summary>
    Probe = 9,

    /// <summary>The points of the ball where gradients are compared with those at the images.</summary>
    Alignment = 10,
}

/// <summary>
/// A place in the stream of random numbers. Numbers are a pure function of (seed, epoch, batch, purpose, element), so a resumed
/// run has nothing to fast-forward.
/// </summary>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Purpose">What the numbers are for.</param>
/// <param name="Epoch">Epoch, or another 32-bit coordinate.</param>
/// <param name="Batch">Batch within the epoch, or another 32-bit coordinate.</param>
public readonly record struct RandomKey(ulong Seed, Purpose Purpose, int Epoch = 0, int Batch = 0);

/// <summary>Four random 32-bit words.</summary>
/// <param name="X">First word.</param>
/// <param name="Y">Second word.</param>
/// <param name="Z">Third word.</param>
/// <param name="W">Fourth word.</param>
public readonly record struct UInt4(uint X, uint Y, uint Z, uint W);

/// <summary>
/// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011).
/// The same code runs on the host and in kernels; integer arithmetic only, so all devices agree to the bit.
/// </summary>
[ExcludeFromCodeCoverage]
public static class Philox
{
    private const uint M0 = 0xD2511F53u;
    private const uint M1 = 0xCD9E8D57u;
    private const uint W0 = 0x9E3779B9u;
    private const uint W1 = 0xBB67AE85u;

    /// <summary>Four words of block <paramref name="block"/> of the stream <paramref name="key"/>.</summary>
    public static UInt4 Words(RandomKey key, uint block) =>
        Words(new UInt4(block, (uint)key.Batch, (uint)key.Epoch, (uint)key.Purpose), (uint)key.Seed, (uint)(key.Seed >> 32));

    /// <summary>The bijection itself: ten rounds over <paramref name="counter"/> under the 64-bit key.</summary>
    public static UInt4 Words(UInt4 counter, uint key0, uint key1)
    {
        uint x = counter.X, y = counter.Y, z = counter.Z, w = counter.W;
        for (int round = 0; round < 10; round++)
        {
            uint high0 = High(M0, x), low0 = Low(M0, x);
            uint high1 = High(M1, z), low1 = Low(M1, z);
            x = high1 ^ y ^ key0;
            y = low1;
            z = high0 ^ w ^ key1;
            w = low0;
            key0 = Sum(key0, W0);
            key1 = Sum(key1, W1);
        }

        return new UInt4(x, y, z, w);
    }

    /// <summary>The word of one element: word <c>element % 4</c> of block <c>element / 4</c>.</summary>
    public static uint Word(RandomKey key, int element)
    {
        UInt4 words = Words(key, (uint)element >> 2);
        int lane = element & 3;
        return lane == 0 ? words.X : lane == 1 ? words.Y : lane == 2 ? words.Z : words.W;
    }

    /// <summary>A number in [0, 1) with 24 random bits: exact in binary32 and binary64 alike.</summary>
    public static float Uniform(uint word) => (word >> 8) * (1.0f / 16777216.0f);

    /// <summary>An integer in [0, bound) for bounds well below 2^32: the high word of word * bound.</summary>
    public static int Below(uint word, int bound) => (int)(((ulong)word * (uint)bound) >> 32);

    // ILGPU writes unsigned arithmetic as signed in OpenCL C, where an overflow is undefined: of (long)a * (long)b LLVM concludes that
    // bit 63 is clear, and a test of that bit goes wrong. So no product or sum here reaches the sign bit.
    private static uint High(uint a, uint b) => (uint)((((ulong)a * (b >> 16)) + (((ulong)a * (b & 0xFFFFu)) >> 16)) >> 16);

    private static uint Low(uint a, uint b) => (uint)(((ulong)a * (b & 0xFFFFu)) + ((((ulong)a * (b >> 16)) & 0xFFFFu) << 16));

    private static uint Sum(uint a, uint b) => (uint)((ulong)a + b);
}
