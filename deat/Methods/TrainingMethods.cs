using Deat.Engine;

namespace Deat.Training;

/// <summary>The table of training methods. Defaults are those of the authors' scripts (TrustAI/DEAT).</summary>
public static class TrainingMethods
{
    /// <summary>All methods, in the order of the help.</summary>
    public static IReadOnlyList<TrainingMethod> All { get; } =
    [
        new("natural", "clean images, no adversary")
        {
            Loop = InnerLoops.AttackThenUpdate,
            Loss = Losses.CrossEntropy,
            Schedule = _ => new FixedReplays { Count = 0, StepSize = 0 },
            Defaults = new() { Epsilon = Levels(8) },
        },
        new("free", "FREE-m: m replays of each minibatch, each one an attack step and an update")
        {
            Loop = InnerLoops.Replay,
            Loss = Losses.CrossEntropy,
            Schedule = o => new FixedReplays { Count = o.Replays!.Value, StepSize = o.Alpha!.Value.Value },
            Defaults = new() { Epsilon = Levels(8), Alpha = Levels(8), Start = DeltaInit.Zero, Tau = Levels(8), Replays = 4 },
        },
        new("pgd", "PGD-k: k attack steps, then one update")
        {
            Loop = InnerLoops.AttackThenUpdate,
            Loss = Losses.CrossEntropy,
            Schedule = o => new FixedReplays { Count = o.Replays!.Value, StepSize = o.Alpha!.Value.Value },
            Defaults = new() { Epsilon = Levels(8), Alpha = Levels(2), Start = DeltaInit.Uniform, Tau = Levels(8), Replays = 7 },
        },
        new("deat-d", "DEAT-d: replays as FREE, one more every d epochs")
        {
            Loop = InnerLoops.Replay,
            Loss = Losses.CrossEntropy,
            Schedule = o => new DelayedReplays
            {
                Delay = o.Delay!.Value, Maximum = o.MaxReplays!.Value, StepSize = o.Alpha!.Value.Value,
            },
            Defaults = Dynamic with { MaxReplays = 5, Delay = 3 },
        },
        new("deat-p", "DEAT-p: replays as FREE, one more whenever the training accuracy exceeds p")
        {
            Loop = InnerLoops.Replay,
            Loss = Losses.CrossEntropy,
            Schedule = o => new AccuracyReplays
            {
                Accuracy = o.TargetAccuracy!.Value, Maximum = o.MaxReplays!.Value, StepSize = o.Alpha!.Value.Value,
            },
            Defaults = Dynamic with { MaxReplays = 4, TargetAccuracy = 0.4 },
        },
        new("mdeat", "M+DEAT: replays as FREE, one more whenever the gradient magnitude exceeds gamma times its last mark")
        {
            Loop = InnerLoops.Replay,
            Loss = Losses.CrossEntropy,
            ClampsStart = true,
            Schedule = o => new MagnitudeReplays
            {
                Gamma = o.Gamma!.Value, Maximum = o.MaxReplays!.Value, StepSize = o.Alpha!.Value.Value, Epsilon = o.Epsilon.Value,
            },
            Defaults = Dynamic with { MaxReplays = 8, Gamma = 1.01 },
        },
    ];

    private static AdversaryOptions Dynamic =>
        new() { Epsilon = Levels(8), Alpha = Levels(10), Start = DeltaInit.Uniform, Tau = Levels(8) };

    /// <summary>The method of a name.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static TrainingMethod Find(string name) => All.FirstOrDefault(method => method.Name == name)
        ?? throw new UsageException($"--method '{name}' is not known; choose {string.Join(", ", All.Select(method => method.Name))}");

    private static Pixels Levels(int count) => Pixels.Parse($"{count}/255", "--epsilon");
}
