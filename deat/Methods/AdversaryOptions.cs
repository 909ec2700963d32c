using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What a training method lets the adversary do. An option that means nothing to a method is null: in the method's defaults that says which
/// options it takes.
/// </summary>
public sealed record AdversaryOptions
{
    /// <summary>The radius of the ball, in pixel range [0,1].</summary>
    public required Pixels Epsilon { get; init; }

    /// <summary>The step size alpha, in pixel range [0,1].</summary>
    public Pixels? Alpha { get; init; }

    /// <summary>Where delta starts.</summary>
    public DeltaInit? Start { get; init; }

    /// <summary>
    /// Whether the delta of a minibatch is where that of the minibatch before ended, which starts at zero in the first: FREE as published
    /// (Shafahi et al., algorithm 1) and "previous" of fast_adversarial. It is not clamped anew before its first step.
    /// </summary>
    public bool CarriesDelta { get; init; }

    /// <summary>The size tau of a start other than zero, in pixel range [0,1].</summary>
    public Pixels? Tau { get; init; }

    /// <summary>
    /// Whether x + delta is clamped to [0,1] at the start already and not only after each step; null where nothing starts at random.
    /// </summary>
    public bool? ClampsStart { get; init; }

    /// <summary>How batch normalisation and dropout behave in passes that only move delta.</summary>
    public BatchNormMode? AttackNorm { get; init; }

    /// <summary>
    /// Whether passes that only move delta compute the gradients of weights too, which are discarded, as scripts do that call
    /// loss.backward() in them. Null where there are none.
    /// </summary>
    public bool? ComputesDiscarded { get; init; }

    /// <summary>How often an image may be classified wrongly before the attack leaves it as it is; null if never.</summary>
    public int? Patience { get; init; }

    /// <summary>The limit of the first-order stationary condition in epoch 0; null if images are not asked for it.</summary>
    public double? Criterion { get; init; }

    /// <summary>YOPO's steps n by the first layer in each round.</summary>
    public int? FirstSteps { get; init; }

    /// <summary>The number of replays m of FREE-m, or of attack steps k of PGD-k.</summary>
    public int? Replays { get; init; }

    /// <summary>The number of iterations at the beginning of a ramp.</summary>
    public int? MinReplays { get; init; }

    /// <summary>The largest number of iterations of a schedule that decides the number itself.</summary>
    public int? MaxReplays { get; init; }

    /// <summary>M+DEAT's factor gamma on the gradient magnitude.</summary>
    public double? Gamma { get; init; }

    /// <summary>DEAT-d's delay d in epochs.</summary>
    public int? Delay { get; init; }

    /// <summary>DEAT-p's training accuracy p in [0,1].</summary>
    public double? TargetAccuracy { get; init; }
}

/// <summary>How batch normalisation and dropout behave.</summary>
public enum BatchNormMode
{
    /// <summary>
    /// By the statistics of the batch, to which the running ones move, and with dropout: what the authors' scripts do in attacks.
    /// </summary>
    Train,

    /// <summary>
    /// By the running statistics, which stay as they are, and without dropout: what the original code of TRADES, MART and FAT does.
    /// </summary>
    Eval,
}
