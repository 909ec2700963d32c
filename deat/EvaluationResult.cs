namespace Deat.Training;

/// <summary>What an attack left of the accuracy.</summary>
public sealed record EvaluationResult
{
    /// <summary>The attack.</summary>
    public required Attack Attack { get; init; }

    /// <summary>
    /// Whether each image is classified correctly after every round. An image with a logit that is no number counts as wrong, and so does
    /// one that was wrong before the attack.
    /// </summary>
    public required IReadOnlyList<bool> Correct { get; init; }

    /// <summary>Each image's cross-entropy, the largest of what was looked at: as it is, and at the answer of every round.</summary>
    public required IReadOnlyList<double> Losses { get; init; }

    /// <summary>The accuracy on all images.</summary>
    public required Proportion Total { get; init; }

    /// <summary>The accuracy on the images of each class; classes without images have a count of 0.</summary>
    public required IReadOnlyList<Proportion> PerClass { get; init; }

    /// <summary>What was asked of the network.</summary>
    public required PassCounts Passes { get; init; }

    /// <summary>The time it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The mean of <see cref="Losses"/>.</summary>
    public double Loss => Losses.Sum() / Losses.Count;

    internal static EvaluationResult Of(Attack attack, ImageSet images, Standing standing)
    {
        int[] hits = new int[images.Classes];
        int[] counts = new int[images.Classes];
        for (int i = 0; i < standing.Correct.Length; i++)
        {
            counts[images.Labels[i]]++;
            hits[images.Labels[i]] += standing.Correct[i] ? 1 : 0;
        }

        return new EvaluationResult
        {
            Attack = attack,
            Correct = standing.Correct,
            Losses = standing.Losses,
            Total = new Proportion(hits.Sum(), standing.Correct.Length),
            PerClass = [.. hits.Zip(counts, (hit, count) => new Proportion(hit, count))],
            Passes = standing.Passes,
            Elapsed = standing.Elapsed,
        };
    }
}

/// <summary>How far an attack has come: all that it needs to go on.</summary>
public sealed record Standing
{
    /// <summary>Whether each image is still classified correctly.</summary>
    public required bool[] Correct { get; init; }

    /// <summary>Each image's largest cross-entropy so far.</summary>
    public required double[] Losses { get; init; }

    /// <summary>The round that is under way.</summary>
    public int Round { get; init; }

    /// <summary>The first image that the round has not come to.</summary>
    public int Next { get; init; }

    /// <summary>What was asked of the network.</summary>
    public PassCounts Passes { get; init; }

    /// <summary>The time it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Where an attack begins: with the images that another one left, or with all.</summary>
    internal static Standing After(EvaluationResult? start, int images) => new()
    {
        Correct = start is null ? [.. Enumerable.Repeat(true, images)] : [.. start.Correct],
        Losses = start is null ? [.. Enumerable.Repeat(double.NegativeInfinity, images)] : [.. start.Losses],
    };
}
