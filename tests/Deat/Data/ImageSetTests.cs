using System.Security.Cryptography;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ImageSetTests
{
    private static readonly int[] Uneven = [.. Enumerable.Repeat(0, 30), .. Enumerable.Repeat(1, 60), .. Enumerable.Repeat(2, 10)];

    /// <summary>Images of 2 x 1 x 2 whose four bytes are the index of the image.</summary>
    private static ImageSet Make(params int[] labels) => new()
    {
        Name = "numbers/train",
        Channels = 2,
        Height = 1,
        Width = 2,
        ClassNames = ["a", "b", "c"],
        Pixels = [.. labels.SelectMany((_, i) => Enumerable.Repeat((byte)i, 4))],
        Labels = labels,
        Mean = [0.5f, 0.5f],
        Std = [0.25f, 0.25f],
        Augment = false,
    };

    private static int[] Indices(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(i => (int)set.Pixels[4 * i])];

    [Test]
    public void TakeKeepsTheFirstImages()
    {
        ImageSet set = Make(0, 1, 2, 0, 1);
        ImageSet first = set.Take(3);
        Assert.Multiple(() =>
        {
            Assert.That(first.Count, Is.EqualTo(3));
            Assert.That(first.Labels, Is.EqualTo(new[] { 0, 1, 2 }));
            Assert.That(first.Pixels, Is.EqualTo(new byte[] { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2 }));
            Assert.That(set.Take(9), Is.SameAs(set));
            Assert.Throws<ArgumentOutOfRangeException>(() => set.Take(0));
        });
    }

    [Test]
    public void SelectFollowsTheIndices()
    {
        ImageSet chosen = Make(0, 1, 2, 0).Select([3, 1, 1]);
        Assert.Multiple(() =>
        {
            Assert.That(Indices(chosen), Is.EqualTo(new[] { 3, 1, 1 }));
            Assert.That(chosen.Labels, Is.EqualTo(new[] { 0, 1, 1 }));
            Assert.Throws<ArgumentOutOfRangeException>(() => Make(0, 1).Select([2]));
            Assert.Throws<ArgumentOutOfRangeException>(() => Make(0, 1).Select([-1]));
        });
    }

    [Test]
    public void TakeBalancedKeepsTheFirstOfEachClassInOrder()
    {
        Assert.That(Indices(Make(0, 0, 0, 1, 1, 1, 2, 2, 2).TakeBalanced(6)), Is.EqualTo(new[] { 0, 1, 3, 4, 6, 7 }));
        Assert.That(Indices(Make(2, 2, 0, 1, 0, 1).TakeBalanced(4)), Is.EqualTo(new[] { 0, 2, 3, 4 }), "the lower class goes first");
        Assert.That(Indices(Make(Uneven).TakeBalanced(10)), Is.EqualTo(new[] { 0, 1, 2, 30, 31, 32, 33, 34, 35, 90 }));
    }

    [TestCase(10)]
    [TestCase(7)]
    [TestCase(99)]
    [TestCase(0)]
    public void SplitIsAPartitionThatKeepsSharesAndOrder(int held)
    {
        ImageSet set = Make(Uneven);
        (ImageSet train, ImageSet validation) = set.Split(held, 3);
        Assert.Multiple(() =>
        {
            Assert.That(validation.Count, Is.EqualTo(held));
            Assert.That(Indices(train).Concat(Indices(validation)).Order(), Is.EqualTo(Enumerable.Range(0, 100)));
            Assert.That(Indices(train), Is.Ordered.Ascending);
            Assert.That(Indices(validation), Is.Ordered.Ascending);
            Assert.That(validation.Labels, Is.EqualTo(Indices(validation).Select(i => Uneven[i])));
            Assert.That(train.Name, Is.EqualTo("numbers/train"));
            Assert.That(validation.Name, Is.EqualTo("numbers/validation"));
            for (int c = 0; c < 3; c++)
            {
                double share = held * Uneven.Count(l => l == c) / 100.0;
                Assert.That(validation.Labels.Count(l => l == c), Is.EqualTo(share).Within(1.0), $"class {c}");
            }
        });
    }

    [Test]
    public void SplitFollowsTheSeedAndChoosesAtRandom()
    {
        ImageSet set = Make(Uneven);
        int[] Held(ulong seed) => Indices(set.Split(30, seed).Validation);
        Assert.That(Held(5), Is.EqualTo(Held(5)));
        Assert.That(Held(6), Is.Not.EqualTo(Held(5)));

        // Each image is held out with probability 0.3: over 400 seeds 120 times, standard deviation 9.2.
        int[] times = new int[100];
        for (ulong seed = 0; seed < 400; seed++)
        {
            foreach (int i in Held(seed))
                times[i]++;
        }

        Assert.That(times, Has.All.InRange(120 - 46, 120 + 46));
    }

    [TestCase(-1)]
    [TestCase(3)]
    [TestCase(4)]
    public void SplitThatLeavesNothingIsRefused(int held)
    {
        DataException error = Assert.Throws<DataException>(() => Make(0, 1, 2).Split(held, 0))!;
        Assert.That(error.Message, Is.EqualTo(
            $"numbers/train: cannot hold out {held} of 3 images for validation; --validation-images says how many"));
    }

    [Test]
    public void DigestIsOfPixelsThenLabels()
    {
        ImageSet set = Make(2, 1);
        byte[] expected = SHA256.HashData([0, 0, 0, 0, 1, 1, 1, 1, 2, 0, 0, 0, 1, 0, 0, 0]);
        Assert.That(set.Digest, Is.EqualTo(Convert.ToHexStringLower(expected)));
        Assert.That((set with { Labels = [2, 2] }).Digest, Is.Not.EqualTo(set.Digest), "a copy must not keep the digest it had");
        Assert.That((set with { Pixels = new byte[8] }).Digest, Is.Not.EqualTo(set.Digest));
        Assert.That((set with { Name = "other" }).Digest, Is.EqualTo(set.Digest));
    }
}
