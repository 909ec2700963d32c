using System.Text;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// The least time that a device can need by its measured peaks: max(FLOPs / peak, bytes / bandwidth) (Williams, Waterman, Patterson:
/// Roofline, CACM 2009).
/// </summary>
/// <param name="GigaflopsPerSecond">Measured peak of multiply-adds.</param>
/// <param name="GigabytesPerSecond">Measured bandwidth of a copy, reading and writing counted.</param>
public readonly record struct Roofline(double GigaflopsPerSecond, double GigabytesPerSecond)
{
    /// <summary>The work that measures <see cref="GigabytesPerSecond"/>.</summary>
    public const string Copy = "copy in device memory";

    /// <summary>The work that measures <see cref="GigaflopsPerSecond"/>.</summary>
    public const string MultiplyAdds = "float32 multiply-adds in registers";

    /// <summary>The work that measures <see cref="GigaflopsPerSecond"/> of a precision of tensor cores.</summary>
    public const string MatrixProducts = "products in tensor cores";

    /// <summary>
    /// The roofline of <paramref name="who"/>, a device or a device with a precision after a space, which has the device's bandwidth; null
    /// where a timing is missing.
    /// </summary>
    public static Roofline? Of(IReadOnlyCollection<Timing> timings, string who)
    {
        string device = who.Split(' ')[0];
        Timing? Find(string by, string what) => timings.FirstOrDefault(timing => timing.Who == by && timing.What == what);
        Timing? peak = Find(who, who == device ? MultiplyAdds : MatrixProducts);
        return peak?.GigaflopsPerSecond is double flops && Find(device, Copy)?.GigabytesPerSecond is double bytes
            ? new Roofline(flops, bytes)
            : null;
    }

    /// <summary>The least time, milliseconds.</summary>
    public double Milliseconds(Timing timing) =>
        Math.Max(timing.Flops / GigaflopsPerSecond, timing.Bytes / GigabytesPerSecond) / 1e6;

    /// <summary>
    /// A Markdown table of all work whose operations or bytes are counted: median, rates, and the share of the roofline that was reached.
    /// FLOPs are those of the definition: an algorithm that needs fewer can pass the roofline.
    /// </summary>
    /// <param name="timings">The results of one device.</param>
    public string Table(IEnumerable<Timing> timings)
    {
        StringBuilder text = new("| | n | ms | GFLOP/s | GB/s | of the roofline |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (Timing timing in timings.Where(timing => timing is { Flops: > 0 } or { Bytes: > 0 }))
        {
            text.Append($"| {timing.What} | {timing.N} | {TimingTable.Time(timing)} ");
            text.Append($"| {timing.GigaflopsPerSecond:F0} | {timing.GigabytesPerSecond:F0} | ");
            text.Append($"{Milliseconds(timing) / timing.Median:P0}".Replace(" %", "%", StringComparison.Ordinal)).Append(" |\n");
        }

        return text.ToString();
    }
}
