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

    /// <summary>The images that were attacked: those that were classified correctly before.</summary>
    public required int Attacked { get; init; }

    /// <summary>Of the images attacked, those whose gradient was zero everywhere at the start of a round.</summary>
    public required int Flat { get; init; }

    /// <summary>Of the images attacked, those that are still classified correctly and whose loss no round raised.</summary>
    public required int Unmoved { get; init; }

    /// <summary>What was asked of the network.</summary>
    public required PassCounts Passes { get; init; }

    /// <summary>The time it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The images for which the network gave something that is no number.</summary>
    public int NotNumbers => Losses.Count(double.IsNaN);

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
            Attacked = standing.Attacked,
            Flat = standing.Flat.Count(flat => flat),
            Unmoved = attack.Kind.Search is null ? 0 : standing.Attacked - standing.Moved.Count(moved => moved),
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

    /// <summary>Whether the gradient of each image was zero everywhere at the start of a round.</summary>
    public required bool[] Flat { get; init; }

    /// <summary>Whether a round raised the loss of each image or fooled it.</summary>
    public required bool[] Moved { get; init; }

    /// <summary>The images that are attacked.</summary>
    public required int Attacked { get; init; }

    /// <summary>The round that is under way.</summary>
    public int Round { get; init; }

    /// <summary>The first image that the round has not come to.</summary>
    public int Next { get; init; }

    /// <summary>What was asked of the network.</summary>
    public PassCounts Passes { get; init; }

    /// <summary>The time it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Whether it can be that of so many images.</summary>
    internal bool IsOf(int images) => Round >= 0 && Next >= 0 && Next <= images
        && Correct?.Length == images && Losses?.Length == images && Flat?.Length == images && Moved?.Length == images;

    /// <summary>Where an attack begins: with the images that another one left, or with all.</summary>
    internal static Standing After(EvaluationResult? start, int images) => new()
    {
        Correct = start is null ? [.. Enumerable.Repeat(true, images)] : [.. start.Correct],
        Losses = start is null ? [.. Enumerable.Repeat(double.NegativeInfinity, images)] : [.. start.Losses],
        Flat = new bool[images],
        Moved = new bool[images],
        Attacked = start is null ? images : start.Total.Hits,
    };
}
