namespace Deat.Training;

/// <summary>What a replay schedule is made from.</summary>
/// <param name="Adversary">The options of the adversary.</param>
/// <param name="Epochs">Epochs of the run.</param>
/// <param name="Least">The least number of iterations of the inner loop: 1 where each updates the weights, otherwise 0.</param>
/// <param name="Compatibility">Which version of the authors' scripts is asked for.</param>
public sealed record ScheduleSetting(AdversaryOptions Adversary, int Epochs, int Least, Compatibility Compatibility)
{
    /// <summary>The step size alpha in pixel range [0,1].</summary>
    public double StepSize => Adversary.Alpha!.Value.Value;
}

/// <summary>A replay schedule as a part of training methods. It can sit on any inner loop.</summary>
/// <param name="Name">What --schedule takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record ScheduleRule(string Name, string Title) : IPart
{
    /// <summary>The schedule.</summary>
    public required Func<ScheduleSetting, IReplaySchedule> Create { get; init; }

    /// <summary>
    /// The options of an adversary whose iterations follow this schedule: those of its own that are missing get their published values, the
    /// largest number of iterations from a fixed one and the other way, and those of other schedules become null.
    /// </summary>
    public required Func<AdversaryOptions, AdversaryOptions> Adopt { get; init; }

    /// <summary>Whether it decides by the gradient magnitude.</summary>
    public bool WatchesMagnitude { get; init; }
}

/// <summary>The table of replay schedules.</summary>
public static class Schedules
{
    /// <summary>No iterations: no adversary.</summary>
    public static ScheduleRule None { get; } = new("none", "no iterations")
    {
        Create = _ => new FixedReplays { Count = 0, StepSize = 0 },
        Adopt = Cleared,
    };

    /// <summary>FREE-m, PGD-k, TRADES, MART.</summary>
    public static ScheduleRule Fixed { get; } = new("fixed", "always --replays")
    {
        Create = s => new FixedReplays { Count = s.Adversary.Replays!.Value, StepSize = s.StepSize },
        Adopt = o => Cleared(o) with { Replays = o.Replays ?? o.MaxReplays },
    };

    /// <summary>DEAT-d.</summary>
    public static ScheduleRule Delayed { get; } = new("delay", "one more every --delay epochs")
    {
        Create = s => new DelayedReplays
        {
            Delay = s.Adversary.Delay!.Value,
            Maximum = s.Adversary.MaxReplays!.Value,
            StepSize = s.StepSize,
        },
        Adopt = o => UpTo(o) with { Delay = o.Delay ?? 3 },
    };

    /// <summary>DEAT-p.</summary>
    public static ScheduleRule Accuracy { get; } = new("accuracy", "one more when the training accuracy exceeds --target-accuracy")
    {
        Create = s => new AccuracyReplays
        {
            Accuracy = s.Adversary.TargetAccuracy!.Value,
            Maximum = s.Adversary.MaxReplays!.Value,
            StepSize = s.StepSize,
        },
        Adopt = o => UpTo(o) with { TargetAccuracy = o.TargetAccuracy ?? 0.4 },
    };

    /// <summary>Curriculum adversarial training.</summary>
    public static ScheduleRule Curriculum { get; } =
        new("curriculum", "as accuracy, but from no iterations on where the loop allows it")
        {
            Create = s => new AccuracyReplays
            {
                Accuracy = s.Adversary.TargetAccuracy!.Value,
                Least = s.Least,
                Maximum = s.Adversary.MaxReplays!.Value,
                StepSize = s.StepSize,
            },
            Adopt = Accuracy.Adopt,
        };

    /// <summary>M+DEAT, M+PGD, M+TRADES, M+MART.</summary>
    public static ScheduleRule Magnitude { get; } = new("m+", "one more when the gradient magnitude exceeds --gamma times its last mark")
    {
        WatchesMagnitude = true,
        Create = s => new MagnitudeReplays
        {
            Gamma = s.Adversary.Gamma!.Value,
            Least = s.Least,
            Maximum = s.Adversary.MaxReplays!.Value,
            StepSize = s.StepSize,
            Epsilon = s.Adversary.Epsilon.Value,
            Reach = (s.Compatibility, s.Least) switch
            {
                (Compatibility.None, _) => SurfaceRule.LargerSteps,
                (_, 0) => SurfaceRule.MoreSteps,
                _ => SurfaceRule.None,
            },
        },
        Adopt = o => UpTo(o) with { Gamma = o.Gamma ?? 1.01 },
    };

    /// <summary>Amata.</summary>
    public static ScheduleRule Ramp { get; } =
        new("ramp", "from --min-replays to --max-replays over the run, with --alpha times --max-replays shared equally among the steps")
        {
            Create = s => new RampedReplays
            {
                Minimum = s.Adversary.MinReplays!.Value,
                Maximum = s.Adversary.MaxReplays!.Value,
                Epochs = s.Epochs,
                StepSize = s.StepSize,
            },
            Adopt = o => UpTo(o) with { MinReplays = o.MinReplays ?? 2 },
        };

    /// <summary>All schedules that can be chosen, in the order of the help.</summary>
    public static IReadOnlyList<ScheduleRule> All { get; } = [Fixed, Delayed, Accuracy, Curriculum, Magnitude, Ramp];

    private static AdversaryOptions UpTo(AdversaryOptions o) => Cleared(o) with { MaxReplays = o.MaxReplays ?? o.Replays };

    private static AdversaryOptions Cleared(AdversaryOptions o) =>
        o with { Replays = null, MinReplays = null, MaxReplays = null, Gamma = null, Delay = null, TargetAccuracy = null };
}
