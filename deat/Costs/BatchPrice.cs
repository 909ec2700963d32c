namespace Deat.Training;

/// <summary>
/// The milliseconds of a batch with any number of adversarial iterations, from the marginal prices of a profile. Iterations beyond the
/// profiled ones cost what the last of these does.
/// </summary>
/// <param name="Once">What a batch needs once, the wait at its end included.</param>
/// <param name="Iterations">Each adversarial iteration, in order.</param>
/// <param name="Update">The update after them; null where each iteration updates.</param>
public sealed record BatchPrice(double Once, IReadOnlyList<double> Iterations, double? Update)
{
    /// <summary>The price by the medians of a profile's batches.</summary>
    /// <exception cref="UsageException">This version does not understand the profile's options.</exception>
    public static BatchPrice Of(CostProfile profile)
    {
        IReadOnlyList<IterationPrice> prices = IterationPrice.Of(profile);
        double once = prices.Where(price => price.Iteration is null).Sum(Milliseconds);
        double[] each = [.. prices.Where(price => price.Iteration is not null).Select(Milliseconds)];
        return UpdatesAfterwards(profile) && each.Length > 0
            ? new BatchPrice(once, each[..^1], each[^1])
            : new BatchPrice(once, each, null);
    }

    /// <summary>Whether the profile shows what so many iterations cost.</summary>
    public bool Knows(int iterations) => iterations <= 0 || Iterations.Count > 0;

    /// <summary>The parts of a batch, in order: iterations by number from 1, the update, what it needs once.</summary>
    public IReadOnlyList<(string Name, double Milliseconds)> Parts(int iterations) =>
    [
        .. Enumerable.Range(0, Knows(iterations) ? Math.Max(Update is null ? 1 : 0, iterations) : 0)
            .Select(i => ($"iteration {Axis.Text(i + 1)}", Iterations[Math.Min(i, Iterations.Count - 1)])),
        .. Update is { } update ? [("update", update)] : Array.Empty<(string, double)>(),
        ("once a batch", Once),
    ];

    /// <summary>All of it, milliseconds.</summary>
    public double Milliseconds(int iterations) => Parts(iterations).Sum(part => part.Milliseconds);

    private static double Milliseconds(IterationPrice price) => Quantiles.Median(price.Milliseconds);

    private static bool UpdatesAfterwards(CostProfile profile) => OptionsResolution.Train(new OptionTexts(
        new Dictionary<string, string>(), profile.Options.ToDictionary(option => option.Key, option => option.Value?.ToString() ?? "")))
        .Method.Loop.HasAttack;
}
