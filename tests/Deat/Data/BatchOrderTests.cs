using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class BatchOrderTests
{
    [TestCase(50_000, 128, 391, 80)]
    [TestCase(256, 128, 2, 128)]
    [TestCase(1, 128, 1, 1)]
    [TestCase(10, 3, 4, 1)]
    public void EveryImageIsVisitedOnceAndNoneDropped(int count, int size, int batches, int last)
    {
        BatchOrder order = new(count, size, 1);
        int[] epoch = order.Epoch(0);
        Assert.That(order.Batches, Is.EqualTo(batches));
        Assert.That(epoch.Chunk(size).Last(), Has.Length.EqualTo(last));
        Assert.That(epoch.Order(), Is.EqualTo(Enumerable.Range(0, count)));
    }

    [Test]
    public void TheOrderIsAFunctionOfSeedAndEpochAlone()
    {
        BatchOrder order = new(1000, 64, 7);
        int[] third = order.Epoch(3);
        Assert.Multiple(() =>
        {
            Assert.That(new BatchOrder(1000, 32, 7).Epoch(3), Is.EqualTo(third));
            Assert.That(order.Epoch(4), Is.Not.EqualTo(third));
            Assert.That(new BatchOrder(1000, 64, 8).Epoch(3), Is.Not.EqualTo(third));
        });
    }

    [Test]
    public void TheOrderOfASeedNeverChanges()
    {
        // From an independent implementation: a changed order would make old runs impossible to resume.
        Assert.That(new BatchOrder(10, 4, 42).Epoch(2), Is.EqualTo(PinnedOrder));
    }

    private static readonly int[] PinnedOrder = [4, 3, 5, 9, 1, 7, 0, 8, 2, 6];

    [Test]
    public void AllPlacesAreEquallyLikely()
    {
        const int Images = 8, Epochs = 8000;
        BatchOrder order = new(Images, 4, 0);
        int[,] seen = new int[Images, Images];
        for (int e = 0; e < Epochs; e++)
        {
            int[] epoch = order.Epoch(e);
            for (int place = 0; place < Images; place++)
                seen[epoch[place], place]++;
        }

        // 1,000 expected in each of 64 cells, standard deviation 29.6.
        foreach (int times in seen)
            Assert.That(times, Is.InRange(1000 - 148, 1000 + 148));
    }

    [Test]
    public void EmptyOrdersAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new BatchOrder(0, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new BatchOrder(1, 0, 0));
    }
}
