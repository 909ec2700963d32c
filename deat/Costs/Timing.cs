using System.Text.Json.Serialization;

namespace Deat.Training;

/// <summary>What the rounds of one piece of work showed.</summary>
/// <param name="What">The work.</param>
/// <param name="Who">Who did it.</param>
public sealed record Timing(string What, string Who)
{
    /// <summary>Whether the others are compared with it.</summary>
    public bool IsBaseline { get; init; }

    /// <summary>Floating-point operations of one run; 0 where nobody counts them.</summary>
    public long Flops { get; init; }

    /// <summary>Bytes that one run must read and write at least; 0 where nobody counts them.</summary>
    public long Bytes { get; init; }

    /// <summary>Runs in each round; a round's time is divided by them.</summary>
    public int RunsPerRound { get; init; } = 1;

    /// <summary>Milliseconds of one run in each round, in order.</summary>
    public required double[] Milliseconds { get; init; }

    /// <summary>Why there are no times; null where there are.</summary>
    public string? Failure { get; init; }

    /// <summary>The number of rounds.</summary>
    public int N => Milliseconds.Length;

    /// <summary>The median of the rounds, milliseconds; null without rounds.</summary>
    public double? Median => Quantile(0.5);

    /// <summary>The fastest round, milliseconds.</summary>
    public double? Min => Quantile(0);

    /// <summary>The slowest round, milliseconds.</summary>
    public double? Max => Quantile(1);

    /// <summary>The range of the middle half of the rounds over their median.</summary>
    public double? Spread => (Quantile(0.75) - Quantile(0.25)) / Median;

    /// <summary>10^9 floating-point operations per second at the median; null where nobody counts them.</summary>
    [JsonIgnore]
    public double? GigaflopsPerSecond => Flops == 0 ? null : Flops / (Median * 1e6);

    /// <summary>10^9 bytes per second at the median; null where nobody counts them.</summary>
    [JsonIgnore]
    public double? GigabytesPerSecond => Bytes == 0 ? null : Bytes / (Median * 1e6);

    private double? Quantile(double q) => N == 0 ? null : Quantiles.Of(Milliseconds, q);
}
