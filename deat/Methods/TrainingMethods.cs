using Deat.Engine;

namespace Deat.Training;

/// <summary>The table of training methods. Defaults are those of the authors' scripts (TrustAI/DEAT) where they have the method.</summary>
public static class TrainingMethods
{
    /// <summary>All methods, in the order of the help.</summary>
    public static IReadOnlyList<TrainingMethod> All { get; } =
    [
        new("natural", "clean images, no adversary")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.None,
            Defaults = new() { Epsilon = Levels(8) },
        },
        new("fgsm", "FGSM: one attack step from the image to the surface of the ball, then one update")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Fixed,
            Defaults = Steps(1, alpha: 8) with { Start = DeltaInit.Zero },
        },
        // Wong, Rice, Kolter: Fast is better than free (ICLR 2020); locuslab/fast_adversarial, train_fgsm.py.
        new("u-fgsm", "FAST: one attack step from a uniform start, then one update")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Fixed,
            Defaults = Steps(1, alpha: 10) with { ClampsStart = true },
        },
        // de Jorge et al.: Make some noise (NeurIPS 2022).
        new("n-fgsm", "N-FGSM: one attack step from noise of twice the radius, not brought back to the ball, then one update")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Fixed,
            LeavesBall = true,
            Defaults = Steps(1, alpha: 8) with { Tau = Levels(16), ClampsStart = true },
        },
        new("free", "FREE-m: m replays of each minibatch, each one an attack step and an update")
        {
            Loop = InnerLoops.Replay,
            Schedule = Schedules.Fixed,
            Defaults = Replays(4, alpha: 8) with { Start = DeltaInit.Zero },
        },
        new("pgd", "PGD-k: k attack steps, then one update")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Fixed,
            Defaults = Steps(7, alpha: 2),
        },
        // Ye, Li, Zhou, Zhu: Amata: an annealing mechanism for adversarial training acceleration (AAAI 2021).
        new("amata", "Amata: PGD with few large steps at the beginning of the run and many small ones at its end")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Ramp,
            Defaults = Schedules.Ramp.Adopt(Steps(10, alpha: 2) with { Start = DeltaInit.Zero }),
        },
        new("cat", "Curriculum: PGD from clean images on, one step more whenever the training accuracy exceeds p")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Curriculum,
            Defaults = Schedules.Curriculum.Adopt(Steps(7, alpha: 2) with { Start = DeltaInit.Zero }),
        },
        new("fosc", "Dynamic: PGD that leaves an image once it is stationary up to a limit, which falls to 0 over the run")
        {
            Loop = InnerLoops.Stationary,
            Schedule = Schedules.Fixed,
            Defaults = Steps(10, alpha: 2) with { Criterion = 0.5, ClampsStart = true },
        },
        new("trades", "TRADES: k steps away from the prediction at the image, then one update towards it")
        {
            Loop = InnerLoops.Attack,
            Objective = Objectives.Trades,
            Schedule = Schedules.Fixed,
            Defaults = FromNoise(10),
        },
        new("mart", "MART: k attack steps, then one update that minds what is classified wrongly")
        {
            Loop = InnerLoops.Attack,
            Objective = Objectives.Mart,
            Schedule = Schedules.Fixed,
            Defaults = FromNoise(10) with { ClampsStart = true },
        },
        // Images are valid from the start on; the authors clamp within the first layer's steps.
        new("yopo", "YOPO-m-n: m full passes, each followed by n steps by the first layer alone, then one update by the sum")
        {
            Loop = InnerLoops.Propagate,
            Schedule = Schedules.Fixed,
            Defaults = Replays(5, alpha: 2) with { FirstSteps = 3, ClampsStart = true },
        },
        new("fat", "FAT: PGD that leaves an image once it is classified wrongly")
        {
            Loop = InnerLoops.Friendly,
            Schedule = Schedules.Fixed,
            Defaults = Friendly(Steps(5, alpha: 2)) with { ClampsStart = true },
        },
        new("ftrades", "F+TRADES: TRADES with attack steps as FAT")
        {
            Loop = InnerLoops.Friendly,
            Objective = Objectives.Trades,
            Schedule = Schedules.Fixed,
            Defaults = Friendly(FromNoise(10)) with { ClampsStart = true },
        },
        new("fmart", "F+MART: MART with attack steps as FAT")
        {
            Loop = InnerLoops.Friendly,
            Objective = Objectives.Mart,
            Schedule = Schedules.Fixed,
            Defaults = Friendly(FromNoise(10)) with { ClampsStart = true },
        },
        new("deat-d", "DEAT-d: replays as FREE, one more every d epochs")
        {
            Loop = InnerLoops.Replay,
            Schedule = Schedules.Delayed,
            Defaults = Schedules.Delayed.Adopt(Replays(5, alpha: 10)),
        },
        new("deat-p", "DEAT-p: replays as FREE, one more whenever the training accuracy exceeds p")
        {
            Loop = InnerLoops.Replay,
            Schedule = Schedules.Accuracy,
            Defaults = Schedules.Accuracy.Adopt(Replays(4, alpha: 10)),
        },
        new("mdeat", "M+DEAT: replays as FREE, one more whenever the gradient magnitude exceeds gamma times its last mark")
        {
            Loop = InnerLoops.Replay,
            Schedule = Schedules.Magnitude,
            Defaults = Schedules.Magnitude.Adopt(Replays(8, alpha: 10)) with { ClampsStart = true },
        },
        new("mpgd", "M+PGD: attack steps as PGD, from none, one more whenever the gradient magnitude asks for it")
        {
            Loop = InnerLoops.Attack,
            Schedule = Schedules.Magnitude,
            Defaults = Schedules.Magnitude.Adopt(Steps(7, alpha: 2)) with { ClampsStart = true },
        },
        new("mtrades", "M+TRADES: TRADES with attack steps as M+PGD")
        {
            Loop = InnerLoops.Attack,
            Objective = Objectives.Trades,
            Schedule = Schedules.Magnitude,
            Defaults = Schedules.Magnitude.Adopt(FromNoise(10)),
        },
        new("mmart", "M+MART: MART with attack steps as M+PGD")
        {
            Loop = InnerLoops.Attack,
            Objective = Objectives.Mart,
            Schedule = Schedules.Magnitude,
            Defaults = Schedules.Magnitude.Adopt(FromNoise(10)) with { ClampsStart = true },
        },
    ];

    /// <summary>The method of a name.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static TrainingMethod Find(string name) => All.Find(name, "--method");

    private static AdversaryOptions Replays(int count, int alpha) => new()
    {
        Epsilon = Levels(8),
        Alpha = Levels(alpha),
        Start = DeltaInit.Uniform,
        Tau = Levels(8),
        ClampsStart = false,
        Replays = count,
    };

    private static AdversaryOptions Steps(int count, int alpha) =>
        Replays(count, alpha) with { AttackNorm = BatchNormMode.Train };

    /// <summary>Steps from a start that only breaks the symmetry at the image, where the divergence is flat.</summary>
    private static AdversaryOptions FromNoise(int count) =>
        Steps(count, alpha: 2) with { Start = DeltaInit.Normal, Tau = Pixels.Parse("0.001", "--init-tau") };

    private static AdversaryOptions Friendly(AdversaryOptions o) => o with { Patience = 3, AttackNorm = BatchNormMode.Eval };

    private static Pixels Levels(int count) => Pixels.Parse($"{count}/255", "--epsilon");
}
