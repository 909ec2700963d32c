namespace Deat.Training;

/// <summary>A way to average the weights over a run.</summary>
/// <param name="Name">What --average takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record AverageRule(string Name, string Title) : IPart
{
    /// <summary>
    /// The weight of the network in its average after a minibatch, in [0,1]; null where the average stays as it is. Given the options, the
    /// epoch that the minibatch ends (null where it does not) and how often the average was moved.
    /// </summary>
    public required Func<AverageOptions, int?, long, double?> Share { get; init; }

    /// <summary>Whether running statistics are those of the averaged network, and not the average of the network's.</summary>
    public bool Reestimates { get; init; }

    /// <summary>The usual options in a run of a number of epochs; those that it does not take are null.</summary>
    public required Func<int, AverageOptions> Usual { get; init; }
}

/// <summary>How weights are averaged over a run. What means nothing to the rule is null.</summary>
public sealed record AverageOptions
{
    /// <summary>The kind of average.</summary>
    public required AverageRule Rule { get; init; }

    /// <summary>What an exponential average keeps of itself in each minibatch, in [0,1].</summary>
    public double? Decay { get; init; }

    /// <summary>Whether it keeps less at the beginning: (1 + n) / (10 + n) after n moves, if that is less.</summary>
    public bool? WarmsUp { get; init; }

    /// <summary>The first epoch, from 0, at whose end a mean takes the network.</summary>
    public int? Start { get; init; }

    /// <summary>The weight of the network in its average after a minibatch; null where the average stays as it is.</summary>
    /// <param name="ended">The epoch that the minibatch ends; null where it does not.</param>
    /// <param name="moves">How often the average was moved.</param>
    public double? Share(int? ended, long moves) => Rule.Share(this, ended, moves);

    /// <summary>The options; null where nothing is averaged.</summary>
    /// <param name="texts">What the user and the preset say.</param>
    /// <param name="epochs">Epochs of the run.</param>
    /// <exception cref="UsageException">An option cannot be understood, or the average does not take it.</exception>
    public static AverageOptions? Resolve(OptionTexts texts, int epochs)
    {
        string name = texts.Text("average") ?? "none";
        AverageOptions? usual = name == "none" ? null : Averages.All.Find(name, "--average").Usual(epochs);
        (string Name, bool IsTaken)[] table =
        [
            ("average-decay", usual?.Decay is not null),
            ("average-warm-up", usual?.WarmsUp is not null),
            ("average-start", usual?.Start is not null),
        ];
        foreach ((string option, bool isTaken) in table)
            if (texts.IsGiven(option) && !isTaken)
                throw new UsageException($"--{option} {texts.Text(option)} conflicts with --average {name}, which has none");
        return usual is null ? null : usual with
        {
            Decay = usual.Decay is { } decay ? texts.Number("average-decay", decay, 0, 1) : null,
            WarmsUp = usual.WarmsUp is { } warmsUp ? texts.Switch("average-warm-up") ?? warmsUp : null,
            Start = usual.Start is { } start ? texts.Integer("average-start", start, 0, epochs - 1) : null,
        };
    }
}

/// <summary>The table of averages.</summary>
public static class Averages
{
    /// <summary>All averages, in the order of the help.</summary>
    public static IReadOnlyList<AverageRule> All { get; } =
    [
        // Polyak and Juditsky: Acceleration of stochastic approximation by averaging (SIAM J. Control Optim. 1992), in the exponential
        // form that Rebuffi et al., Fixing data augmentation to improve adversarial robustness (arXiv 2103.01946), train with.
        new("ema", "exponential average over minibatches, with --average-decay")
        {
            Share = (o, _, moves) => 1 - Math.Min(o.Decay!.Value, o.WarmsUp!.Value ? (1.0 + moves) / (10 + moves) : 1),
            Usual = _ => new AverageOptions { Rule = Find("ema"), Decay = 0.999, WarmsUp = true },
        },
        // Izmailov et al.: Averaging weights leads to wider optima and better generalization (UAI 2018), algorithm 1 with a cycle of one
        // epoch; for adversarial training Chen et al.: Robust overfitting may be mitigated by properly learned smoothening (ICLR 2021).
        new("swa", "mean over the ends of epochs from --average-start on, with batch-norm statistics of its own")
        {
            Share = (o, ended, moves) => ended >= o.Start ? 1.0 / (moves + 1) : null,
            Reestimates = true,
            Usual = epochs => new AverageOptions { Rule = Find("swa"), Start = epochs * 3 / 4 },
        },
    ];

    private static AverageRule Find(string name) => All.Find(name, "--average");
}
