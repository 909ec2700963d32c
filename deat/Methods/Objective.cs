namespace Deat.Training;

/// <summary>What the adversary raises and what the training lowers.</summary>
/// <param name="Attack">The loss of passes that only move delta.</param>
/// <param name="Training">The loss of passes that update the weights.</param>
public sealed record Objective(Loss Attack, Loss Training)
{
    /// <summary>Whether a loss sees the images as they are beside their adversarial examples.</summary>
    public bool SeesNatural => Math.Max(Attack.Forwards, Training.Forwards) > 1;
}

/// <summary>An objective as a part of training methods.</summary>
/// <param name="Name">What --loss takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record ObjectiveRule(string Name, string Title) : IPart
{
    /// <summary>The objective, given the options.</summary>
    public required Func<LossOptions, Objective> Of { get; init; }

    /// <summary>The published values of the options that the objective takes; those it does not take are null.</summary>
    public required LossOptions Defaults { get; init; }
}

/// <summary>The numbers in a loss; null where they mean nothing to it.</summary>
public sealed record LossOptions
{
    /// <summary>The weight beta of the divergence.</summary>
    public double? Beta { get; init; }

    /// <summary>The part of each label that all classes share equally, in [0, 1].</summary>
    public double? Smoothing { get; init; }

    /// <summary>Whether the loss is to be computed as the scripts behind the paper's Table 1 do it.</summary>
    public bool AsInTable1 { get; init; }
}

/// <summary>The table of objectives.</summary>
public static class Objectives
{
    /// <summary>Cross-entropy for the adversary and the training, whose labels may be smoothed.</summary>
    public static ObjectiveRule CrossEntropy { get; } = new("ce", "cross-entropy at the adversarial examples")
    {
        Of = o => new Objective(
            Losses.CrossEntropy, o.Smoothing > 0 ? Losses.SmoothedCrossEntropy(o.Smoothing.Value) : Losses.CrossEntropy),
        Defaults = new() { Smoothing = 0 },
    };

    /// <summary>
    /// TRADES: Zhang et al., Theoretically Principled Trade-off between Robustness and Accuracy (ICML 2019).
    /// </summary>
    public static ObjectiveRule Trades { get; } =
        new("trades", "cross-entropy at the images and beta times the divergence of the predictions at the adversarial examples")
        {
            Of = o => new Objective(Losses.Divergence, Losses.Trades(o.Beta!.Value, runsTwice: o.AsInTable1)),
            Defaults = new() { Beta = 6 },
        };

    /// <summary>
    /// MART: Wang et al., Improving Adversarial Robustness Requires Revisiting Misclassified Examples (ICLR 2020).
    /// </summary>
    public static ObjectiveRule Mart { get; } =
        new("mart", "boosted cross-entropy and beta times the divergence, weighted by how wrong the prediction at the image is")
        {
            Of = o => new Objective(Losses.CrossEntropy, Losses.Mart(o.Beta!.Value)),
            Defaults = new() { Beta = 6 },
        };

    /// <summary>All objectives, in the order of the help.</summary>
    public static IReadOnlyList<ObjectiveRule> All { get; } = [CrossEntropy, Trades, Mart];
}
