using Deat.Nn;

namespace Deat.Training;

/// <summary>How the weights are updated. What the learning rate schedule does not take is null.</summary>
public sealed record OptimizerOptions
{
    /// <summary>How the learning rate moves over the run.</summary>
    public required LearningRateRule Rate { get; init; }

    /// <summary>
    /// The epochs, from 0, at whose beginnings the multistep schedule lowers the rate to a tenth; 1/2 and 4/5 of the run if null.
    /// </summary>
    public IReadOnlyList<int>? Milestones { get; init; }

    /// <summary>The largest learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The learning rate at the low end of the schedule.</summary>
    public double? LeastLearningRate { get; init; }

    /// <summary>The momentum where the schedule does not move it.</summary>
    public double? Momentum { get; init; }

    /// <summary>Weight decay on all parameters.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>The schedule over a run.</summary>
    /// <param name="epochs">Epochs of the run.</param>
    /// <param name="batches">Minibatches per epoch.</param>
    public ILearningRateSchedule Over(int epochs, int batches) => Rate.Create(this, epochs, batches);

    /// <inheritdoc/>
    public bool Equals(OptimizerOptions? other) => other is not null
        && (Rate, LearningRate, LeastLearningRate, Momentum, WeightDecay)
            == (other.Rate, other.LearningRate, other.LeastLearningRate, other.Momentum, other.WeightDecay)
        && (Milestones ?? []).SequenceEqual(other.Milestones ?? []);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rate, LearningRate, LeastLearningRate, Momentum, WeightDecay);
}

/// <summary>A learning rate schedule as a part of a run.</summary>
/// <param name="Name">What --lr-schedule takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record LearningRateRule(string Name, string Title) : IPart
{
    /// <summary>The schedule over a number of epochs of a number of minibatches.</summary>
    public required Func<OptimizerOptions, int, int, ILearningRateSchedule> Create { get; init; }

    /// <summary>Whether it falls at milestones.</summary>
    public bool HasMilestones { get; init; }

    /// <summary>Whether its low end can be chosen.</summary>
    public bool HasLeast { get; init; }

    /// <summary>From where the momentum moves to where and back; null where it can be chosen.</summary>
    public (double From, double To)? Momentum { get; init; }
}

/// <summary>The table of learning rate schedules.</summary>
public static class LearningRates
{
    /// <summary>All schedules, in the order of the help.</summary>
    public static IReadOnlyList<LearningRateRule> All { get; } =
    [
        new("multistep", "a tenth from each of --lr-milestones on")
        {
            Create = (o, epochs, batches) => o.Milestones is { } milestones
                ? new MultiStepSchedule(o.LearningRate, o.Momentum!.Value, [.. milestones.Select(epoch => (double)epoch * batches)])
                : MultiStepSchedule.Standard(o.LearningRate, o.Momentum!.Value, epochs * batches),
            HasMilestones = true,
        },
        new("cyclic", "a triangle from --lr-min to --lr-max and back")
        {
            Create = (o, epochs, batches) => new CyclicSchedule(o.LearningRate, epochs * batches, o.LeastLearningRate!.Value),
            HasLeast = true,
            Momentum = (0.9, 0.8),
        },
        new("one-cycle", "half a cosine from --lr-max / 25 up, another down to --lr-max / 250,000")
        {
            Create = (o, epochs, batches) => new OneCycleSchedule(o.LearningRate, epochs * batches),
            Momentum = (0.95, 0.85),
        },
        new("cosine", "half a cosine from --lr-max to --lr-min")
        {
            Create = (o, epochs, batches) =>
                new CosineSchedule(o.LearningRate, o.Momentum!.Value, epochs * batches, o.LeastLearningRate!.Value),
            HasLeast = true,
        },
        new("flat", "always --lr-max") { Create = (o, _, _) => new FlatSchedule(o.LearningRate, o.Momentum!.Value) },
    ];

    /// <summary>The options, and what the schedule takes of them.</summary>
    /// <exception cref="UsageException">An option cannot be understood, or the schedule does not take it.</exception>
    public static OptimizerOptions Resolve(OptionTexts texts)
    {
        LearningRateRule rule = All.Find(texts.Text("lr-schedule") ?? "multistep", "--lr-schedule");
        double rate = texts.Number("lr-max", 0.05, 0, 1000);
        if (!rule.HasLeast && texts.IsGiven("lr-min"))
            throw new UsageException($"--lr-min {texts.Text("lr-min")} conflicts with --lr-schedule {rule.Name}, whose ends are its own");
        if (rule.Momentum is var (from, to) && texts.IsGiven("momentum") && texts.Number("momentum", from, 0, 1) != from)
            throw new UsageException(
                $"--momentum {texts.Text("momentum")} conflicts with --lr-schedule {rule.Name}, "
                + $"which moves it from {OptionTexts.Write(from)} to {OptionTexts.Write(to)} and back");
        if (!rule.HasMilestones && texts.IsGiven("lr-milestones"))
            throw new UsageException(
                $"--lr-milestones {texts.Text("lr-milestones")} conflicts with --lr-schedule {rule.Name}, which has none");
        return new OptimizerOptions
        {
            Rate = rule,
            Milestones = rule.HasMilestones ? texts.OptionalIntegers("lr-milestones") : null,
            LearningRate = rate,
            LeastLearningRate = rule.HasLeast ? texts.Number("lr-min", 0, 0, rate) : null,
            Momentum = rule.Momentum is null ? texts.Number("momentum", 0.9, 0, 1) : null,
            WeightDecay = texts.Number("weight-decay", 5e-4),
        };
    }
}
