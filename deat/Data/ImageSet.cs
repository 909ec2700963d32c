using System.Buffers.Binary;
using System.Security.Cryptography;
using Deat.Engine;

namespace Deat.Training;

/// <summary>A set of labelled images of one size, as bytes on the host.</summary>
public sealed record ImageSet
{
    private string? digest;

    /// <summary>What the set is called in reports, such as <c>cifar10/train</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>Channels of an image, red first.</summary>
    public required int Channels { get; init; }

    /// <summary>Rows of an image.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of an image.</summary>
    public required int Width { get; init; }

    /// <summary>Number of classes.</summary>
    public int Classes => ClassNames.Count;

    /// <summary>Names of the classes, in the order of the labels.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>Pixels [N, C, H, W], 0..255; the network's pixel range [0,1] is byte / 255.</summary>
    public required byte[] Pixels
    {
        get;
        init
        {
            field = value;
            digest = null;
        }
    }

    /// <summary>Labels [N], 0 .. Classes - 1.</summary>
    public required int[] Labels
    {
        get;
        init
        {
            field = value;
            digest = null;
        }
    }

    /// <summary>Mean per channel [C] in pixel range [0,1]; a constant of the kind of data, so that no selection changes it.</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation per channel [C] in pixel range [0,1]; a constant like <see cref="Mean"/>.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Whether training should crop and mirror the images at random: it leaves the labels true and adds variety.</summary>
    public required bool Augment { get; init; }

    /// <summary>SHA-256 of the pixels followed by the labels (32-bit little-endian), in lower-case hexadecimal.</summary>
    public string Digest => digest ??= ComputeDigest();

    /// <summary>Bytes of one image.</summary>
    public int ImageBytes => Channels * Height * Width;

    /// <summary>The first <paramref name="count"/> images, or all where there are fewer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public ImageSet Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return count >= Count
            ? this
            : this with { Pixels = Pixels[..(count * ImageBytes)], Labels = Labels[..count] };
    }

    /// <summary>
    /// The first images of each class, <paramref name="count"/> in all, in their order; classes keep their shares to within one
    /// image. All images where there are fewer.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public ImageSet TakeBalanced(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return count >= Count ? this : Select(Strata.Prefix(Strata.Members(Labels, Classes), count));
    }

    /// <summary>The images at <paramref name="indices"/>, in that order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index outside the set.</exception>
    public ImageSet Select(int[] indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        byte[] pixels = new byte[(long)indices.Length * ImageBytes];
        int[] labels = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(indices[i], nameof(indices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(indices[i], Count, nameof(indices));
            Array.Copy(Pixels, (long)indices[i] * ImageBytes, pixels, (long)i * ImageBytes, ImageBytes);
            labels[i] = Labels[indices[i]];
        }

        return this with { Pixels = pixels, Labels = labels };
    }

    /// <summary>
    /// Holds <paramref name="validationCount"/> images out, chosen at random within each class by (seed, <see cref="Purpose.Split"/>)
    /// with the classes' shares kept to within one image. Both parts keep the order of this set.
    /// </summary>
    /// <exception cref="DataException">Nothing would be left to train on, or a negative count.</exception>
    public (ImageSet Train, ImageSet Validation) Split(int validationCount, ulong seed)
    {
        if (validationCount < 0 || validationCount >= Count)
        {
            throw new DataException(
                $"{Name}: cannot hold out {validationCount:N0} of {Count:N0} images for validation; --validation-images says how many");
        }

        int[][] members = Strata.Members(Labels, Classes);
        int[] shares = Strata.Shares(Array.ConvertAll(members, m => m.Length), validationCount);
        bool[] heldOut = new bool[Count];
        for (int c = 0; c < Classes; c++)
        {
            Permutation.Shuffle(members[c], new RandomKey(seed, Purpose.Split, c));
            foreach (int index in members[c].AsSpan(0, shares[c]))
                heldOut[index] = true;
        }

        int[] all = [.. Enumerable.Range(0, Count)];
        return (Select(Array.FindAll(all, i => !heldOut[i])),
            Select(Array.FindAll(all, i => heldOut[i])) with { Name = ValidationName() });
    }

    private string ValidationName() =>
        Name.EndsWith("/train", StringComparison.Ordinal) ? Name[..^"train".Length] + "validation" : Name + "/validation";

    private string ComputeDigest()
    {
        byte[] labels = new byte[4 * Labels.Length];
        for (int i = 0; i < Labels.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(labels.AsSpan(4 * i), Labels[i]);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Pixels);
        hash.AppendData(labels);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
