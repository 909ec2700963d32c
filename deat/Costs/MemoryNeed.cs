using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What device memory a batch needs: bytes that do not depend on its size, and bytes for each image, as measured at two sizes.
/// </summary>
/// <param name="FixedBytes">
/// Weights, gradients, optimizer, the data set; below 0, where it says nothing, if memory grew faster than the batch, as pieces of the pool
/// may.
/// </param>
/// <param name="BytesPerImage">Activations, gradients and perturbations.</param>
/// <param name="AvailableBytes">What the device has.</param>
public sealed record MemoryNeed(long FixedBytes, long BytesPerImage, long AvailableBytes)
{
    /// <summary>The largest batch that fits, in images.</summary>
    public long LargestBatch => Math.Max(0, (AvailableBytes - FixedBytes) / BytesPerImage);

    /// <summary>Per image, whatever the batch, and the largest batch, for people.</summary>
    /// <param name="megabytes">How megabytes are written.</param>
    public string Describe(Func<double?, string> megabytes)
    {
        string once = FixedBytes < 0 ? "" : $", {megabytes(FixedBytes / 1e6)} MB whatever the batch";
        return $"{megabytes(BytesPerImage / 1e6)} MB an image{once}: the largest batch that fits is {LargestBatch}";
    }

    /// <summary>The bytes that a batch needs.</summary>
    public long Of(long images) => FixedBytes + (images * BytesPerImage);

    /// <summary>The line through two measurements; null where they do not tell.</summary>
    /// <param name="small">Images and bytes of a batch.</param>
    /// <param name="large">The same of a larger one.</param>
    /// <param name="available">What the device has, bytes.</param>
    public static MemoryNeed? Of((int Images, long Bytes) small, (int Images, long Bytes) large, long available)
    {
        if (large.Images <= small.Images || large.Bytes <= small.Bytes)
            return null;
        long perImage = (large.Bytes - small.Bytes) / (large.Images - small.Images);
        return new MemoryNeed(large.Bytes - (perImage * large.Images), perImage, available);
    }
}

/// <summary>Memory at the moment when most was rented.</summary>
/// <param name="Time">When, on the axis of <see cref="LaunchRecord"/>.</param>
/// <param name="Live">Bytes of each category at that moment.</param>
public sealed record MemoryPeak(long Time, IReadOnlyDictionary<MemoryCategory, long> Live)
{
    /// <summary>All of it, bytes.</summary>
    public long Total => Live.Values.Sum();

    /// <summary>The peak of a timeline.</summary>
    public static MemoryPeak Of(IEnumerable<MemorySample> samples)
    {
        Dictionary<MemoryCategory, long> live = [];
        MemoryPeak peak = new(0, new Dictionary<MemoryCategory, long>());
        foreach (MemorySample sample in samples)
        {
            live[sample.Category] = sample.LiveBytes;
            if (live.Values.Sum() > peak.Total)
                peak = new MemoryPeak(sample.Time, new Dictionary<MemoryCategory, long>(live));
        }

        return peak;
    }
}
