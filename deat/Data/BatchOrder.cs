using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// The order in which an epoch visits the images: a permutation keyed by (seed, <see cref="Purpose.Shuffle"/>, epoch), cut into
/// batches. Nothing is dropped: 50,000 images in batches of 128 are 390 batches of 128 and one of 80. An epoch's order depends on
/// no earlier epoch, so a resumed run needs only the numbers of epoch and batch.
/// </summary>
public sealed class BatchOrder
{
    private readonly int count;
    private readonly int batchSize;
    private readonly ulong seed;

    /// <summary>The order of <paramref name="count"/> images in batches of <paramref name="batchSize"/> in the run of a seed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count or batch size below 1.</exception>
    public BatchOrder(int count, int batchSize, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        this.count = count;
        this.batchSize = batchSize;
        this.seed = seed;
    }

    /// <summary>Batches per epoch, the last one included even where it is smaller.</summary>
    public int Batches => (int)(((long)count + batchSize - 1) / batchSize);

    /// <summary>The order of all images in <paramref name="epoch"/>.</summary>
    public int[] Epoch(int epoch) => Permutation.Of(count, new RandomKey(seed, Purpose.Shuffle, epoch));
}
