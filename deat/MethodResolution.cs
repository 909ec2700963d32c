using Deat.Engine;

namespace Deat.Training;

/// <summary>From texts to a training method: the named one, with the parts that the user chose in place of its own.</summary>
public static class MethodResolution
{
    /// <summary>The start at the delta of the minibatch before.</summary>
    public const string Previous = "previous";

    private const int UsualPatience = 3;
    private const int UsualFirstSteps = 3;
    private const double UsualCriterion = 0.5;

    /// <summary>The method and its parts.</summary>
    /// <exception cref="UsageException">A part is not known, or the method has no adversary that it could be a part of.</exception>
    public static TrainingMethod Method(OptionTexts texts)
    {
        TrainingMethod method = TrainingMethods.Find(texts.Text("method") ?? "mdeat");
        if (!method.HasAdversary)
        {
            foreach (string part in (string[])["loop", "loss", "schedule"])
                if (texts.IsGiven(part))
                    throw Foreign(texts, part, method, "it has no adversary");
            return method;
        }

        if (texts.Text("loop") is { } loop)
            method = With(method, InnerLoops.All.Find(loop, "--loop"));
        if (texts.Text("loss") is { } loss)
            method = method with { Objective = Objectives.All.Find(loss, "--loss") };
        return texts.Text("schedule") is { } schedule ? With(method, Schedules.All.Find(schedule, "--schedule")) : method;
    }

    /// <summary>What the adversary may do.</summary>
    /// <exception cref="UsageException">An option cannot be understood or the method does not take it.</exception>
    public static AdversaryOptions Adversary(OptionTexts texts, TrainingMethod method)
    {
        AdversaryOptions defaults = method.Defaults;
        RejectForeignOptions(texts, method);
        DeltaInit? start = defaults.Start is { } usual ? Start(texts, usual) : null;
        foreach (string option in (string[])["init-tau", "clamp-start"])
            if (start == DeltaInit.Zero && texts.IsGiven(option))
                throw new UsageException(
                    $"--{option} conflicts with --delta-init {texts.Text("delta-init") ?? "zero"}, which is not drawn at random");
        if (start == DeltaInit.Zero && method.Objective == Objectives.Trades)
            throw new UsageException(
                $"--delta-init {texts.Text("delta-init") ?? "zero"} conflicts with --loss trades: at the image itself the divergence has "
                + "no gradient, and no step would move; use --delta-init normal --init-tau 0.001");
        if (method.Loop.StepsByFirstLayer && method.Objective != Objectives.CrossEntropy)
            throw new UsageException(
                $"--loop {method.Loop.Name} conflicts with --loss {method.Objective.Name}: its steps know one batch of images");
        AdversaryOptions options = defaults with
        {
            Epsilon = texts.Size("epsilon", defaults.Epsilon),
            Alpha = defaults.Alpha is { } alpha ? texts.Size("alpha", alpha) : null,
            Start = start,
            CarriesDelta = start is not null && texts.Text("delta-init") == Previous,
            Tau = defaults.Tau is { } tau ? texts.Size("init-tau", UsualSize(texts, defaults, start) ?? tau) : null,
            ClampsStart = defaults.ClampsStart is { } clamps ? texts.Switch("clamp-start") ?? clamps : null,
            AttackNorm = defaults.AttackNorm is { } norm ? Norm(texts, norm) : null,
            ComputesDiscarded = defaults.AttackNorm is null ? null : texts.Switch("attack-weight-gradients") ?? false,
            Patience = defaults.Patience is { } patience ? texts.Integer("patience", patience, 0, 1000) : null,
            Criterion = defaults.Criterion is { } criterion ? texts.Number("fosc", criterion) : null,
            FirstSteps = defaults.FirstSteps is { } steps ? texts.Integer("first-steps", steps, 1, 1000) : null,
            Replays = defaults.Replays is { } replays
                ? texts.Integer(texts.IsGiven("max-replays") ? "max-replays" : "replays", replays, 1, 1000)
                : null,
            MinReplays = defaults.MinReplays is { } least ? texts.Integer("min-replays", least, 1, 1000) : null,
            MaxReplays = defaults.MaxReplays is { } most ? texts.Integer("max-replays", most, 1, 1000) : null,
            Gamma = defaults.Gamma is { } gamma ? texts.Number("gamma", gamma) : null,
            Delay = defaults.Delay is { } delay ? texts.Integer("delay", delay) : null,
            TargetAccuracy = defaults.TargetAccuracy is { } accuracy ? texts.Number("target-accuracy", accuracy, 0, 1) : null,
        };
        if (options.Tau?.Value == 0 && method.Objective == Objectives.Trades)
            throw new UsageException(
                $"--init-tau {texts.Text("init-tau")} conflicts with --loss trades: at the image itself the divergence has no "
                + "gradient, and no step would move");
        if (method.LeavesBall && (options.Replays != 1 || method.Loop != InnerLoops.Attack))
            throw new UsageException(
                $"--method {method.Name} takes one step, which may leave the ball; more would go anywhere: use --method pgd --init-tau 16");
        return options.MinReplays > options.MaxReplays
            ? throw new UsageException($"--min-replays {options.MinReplays} conflicts with --max-replays {options.MaxReplays}")
            : options;
    }

    /// <summary>Which version of the authors' scripts the method follows.</summary>
    /// <exception cref="UsageException">There is none of the name, or all versions are the same to the method.</exception>
    public static Compatibility Version(OptionTexts texts, TrainingMethod method)
    {
        bool isTable1 = texts.Choice("compat", "none", "none", "table1") == "table1";
        if (isTable1 && !method.HasVersions && texts.IsGiven("compat"))
            throw Foreign(
                texts, "compat", method, "the scripts behind Table 1 differ in --schedule m+ and --loss trades only, and it has neither");
        return isTable1 && method.HasVersions ? Compatibility.Table1 : Compatibility.None;
    }

    /// <summary>The numbers in the loss.</summary>
    /// <exception cref="UsageException">An option cannot be understood or the loss does not take it.</exception>
    public static LossOptions Loss(OptionTexts texts, TrainingMethod method)
    {
        LossOptions takes = method.Objective.Defaults;
        (string Name, bool IsTaken)[] table = [("beta", takes.Beta is not null), ("label-smoothing", takes.Smoothing is not null)];
        foreach ((string name, bool isTaken) in table)
            if (texts.IsGiven(name) && !isTaken)
                throw new UsageException($"--{name} {texts.Text(name)} conflicts with --loss {method.Objective.Name}, which has none");
        return new LossOptions
        {
            Beta = takes.Beta is { } beta ? texts.Number("beta", beta, 0, 1000) : null,
            Smoothing = takes.Smoothing is { } smoothing ? texts.Number("label-smoothing", smoothing, 0, 1) : null,
        };
    }

    private static TrainingMethod With(TrainingMethod method, InnerLoop loop) => method with
    {
        Loop = loop,
        Defaults = method.Defaults with
        {
            AttackNorm = loop.AttackNorm,
            Patience = loop.IsFriendly ? method.Defaults.Patience ?? UsualPatience : null,
            Criterion = loop.MindsStationarity ? method.Defaults.Criterion ?? UsualCriterion : null,
            FirstSteps = loop.StepsByFirstLayer ? method.Defaults.FirstSteps ?? UsualFirstSteps : null,
        },
    };

    private static TrainingMethod With(TrainingMethod method, ScheduleRule schedule) =>
        method with { Schedule = schedule, Defaults = schedule.Adopt(method.Defaults) };

    /// <summary>
    /// Refuses what the user wrote and the method does not take. --max-replays (the authors' --max-iteration) may stand for --replays,
    /// as in the authors' scripts of FREE and PGD.
    /// </summary>
    private static void RejectForeignOptions(OptionTexts texts, TrainingMethod method)
    {
        AdversaryOptions takes = method.Defaults;
        string? fixedCount = method.HasAdversary ? "use --replays" : null;
        string? noAttack = method.HasAdversary ? "none of its passes only attacks" : null;
        (string Name, bool IsTaken, string? Advice)[] table =
        [
            ("alpha", takes.Alpha is not null, null),
            ("delta-init", takes.Start is not null, null),
            ("init-tau", takes.Tau is not null, null),
            ("clamp-start", takes.ClampsStart is not null, null),
            ("attack-bn", takes.AttackNorm is not null, noAttack),
            ("attack-weight-gradients", takes.AttackNorm is not null, noAttack),
            ("patience", takes.Patience is not null, null),
            ("fosc", takes.Criterion is not null, null),
            ("first-steps", takes.FirstSteps is not null, null),
            ("replays", takes.Replays is not null, method.HasAdversary ? "the schedule decides how many; use --max-replays" : null),
            ("min-replays", takes.MinReplays is not null, null),
            ("max-replays", method.HasAdversary && !(takes.Replays is not null && texts.IsGiven("replays")), fixedCount),
            ("gamma", takes.Gamma is not null, null),
            ("delay", takes.Delay is not null, null),
            ("target-accuracy", takes.TargetAccuracy is not null, null),
        ];
        foreach ((string name, bool isTaken, string? advice) in table)
            if (texts.IsGiven(name) && !isTaken)
                throw Foreign(texts, name, method, advice);
    }

    private static UsageException Foreign(OptionTexts texts, string name, TrainingMethod method, string? advice) =>
        new($"--{name} {texts.Text(name)} conflicts with --method {method.Name} ({advice ?? "it has no such option"})");

    private static BatchNormMode Norm(OptionTexts texts, BatchNormMode usual) =>
        texts.Choice("attack-bn", usual.ToString().ToLowerInvariant(), "train", "eval") == "eval"
            ? BatchNormMode.Eval
            : BatchNormMode.Train;

    // Noise that only breaks the symmetry at the image says nothing about the size of another start.
    private static Pixels? UsualSize(OptionTexts texts, AdversaryOptions defaults, DeltaInit? start) =>
        defaults.Start == DeltaInit.Normal && start is (DeltaInit.Uniform or DeltaInit.Bernoulli)
            ? texts.Size("epsilon", defaults.Epsilon)
            : null;

    private static DeltaInit Start(OptionTexts texts, DeltaInit usual) =>
        // "random" is how the scripts of fast_adversarial call it.
        texts.Choice("delta-init", usual.ToString().ToLowerInvariant(), "zero", "uniform", "normal", "bernoulli", Previous, "random") switch
        {
            "zero" or Previous => DeltaInit.Zero,
            "normal" => DeltaInit.Normal,
            "bernoulli" => DeltaInit.Bernoulli,
            _ => DeltaInit.Uniform,
        };
}
