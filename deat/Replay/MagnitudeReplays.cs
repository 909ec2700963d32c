namespace Deat.Training;

/// <summary>How a schedule sees to it that the iterations together reach the surface of the ball from its centre.</summary>
public enum SurfaceRule
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>When the count changes, the step size becomes max(epsilon / count, alpha).</summary>
    LargerSteps,

    /// <summary>The count rises with every epoch while count * alpha is below epsilon, even beyond the maximum.</summary>
    MoreSteps,
}

/// <summary>
/// M+DEAT and what follows it: starts with the least number of iterations and takes one more after epoch 0, whatever it showed. Epoch 1
/// sets the threshold to gamma times its gradient magnitude; from then on an epoch whose magnitude is above the threshold replaces it by
/// gamma times that magnitude and adds an iteration. The count never falls. Source: "Dynamic Efficient Adversarial Training Guided by
/// Gradient Magnitude" (arXiv 2103.03076) and the authors' mdeat_cifar10.py.
/// </summary>
/// <remarks>
/// The maximum holds from the start: with a maximum of 1 the count stays at 1. The authors' code exceeds it after epoch 0, which
/// no published run shows, as all have a maximum of at least 4.
/// </remarks>
public sealed record MagnitudeReplays : IReplaySchedule
{
    // Products of quotients by 255, of which the authors' scripts compare the whole numbers above.
    private const double Rounding = 1e-9;

    /// <summary>The factor on the magnitude; the paper's is 1.01. Infinity gives 1, 2, 2, 2, ...</summary>
    public required double Gamma { get; init; }

    /// <summary>The count in epoch 0: 1 where each iteration updates the weights, 0 where an update follows them.</summary>
    public int Least { get; init; } = 1;

    /// <summary>The largest count.</summary>
    public required int Maximum { get; init; }

    /// <summary>The smallest step size alpha in pixel range [0,1], and the one of epoch 0.</summary>
    public required double StepSize { get; init; }

    /// <summary>The radius of the ball in pixel range [0,1].</summary>
    public required double Epsilon { get; init; }

    /// <summary>
    /// How the surface of the ball is reached. With the default alpha of 10/255 above epsilon all rules are the same; they differ for
    /// M+PGD, M+TRADES and M+MART with their 2/255.
    /// </summary>
    public SurfaceRule Reach { get; init; } = SurfaceRule.LargerSteps;

    /// <inheritdoc/>
    public ReplayState First => new(0, Least, StepSize);

    /// <inheritdoc/>
    public ReplayState Next(ReplayState now, EpochOutcome shown)
    {
        var next = now with { Epoch = now.Epoch + 1 };
        bool rises = now.Count < Maximum;
        return now switch
        {
            { Epoch: 0 } => rises ? Raised(next) : next,
            { Epoch: 1 } => next with { Threshold = Gamma * shown.Magnitude },
            _ when (rises && shown.Magnitude > now.Threshold) || StaysInside(now.Count) =>
                Raised(next) with { Threshold = Gamma * shown.Magnitude },
            _ => next,
        };
    }

    private bool StaysInside(int count) => Reach == SurfaceRule.MoreSteps && count * StepSize < Epsilon * (1 - Rounding);

    private ReplayState Raised(ReplayState state)
    {
        int count = state.Count + 1;
        return state with { Count = count, StepSize = Reach == SurfaceRule.LargerSteps ? Math.Max(Epsilon / count, StepSize) : StepSize };
    }
}
