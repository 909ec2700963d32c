using System.Globalization;
using System.Text.RegularExpressions;
using Deat.Engine;

namespace Deat.Training;

/// <summary>An attack of the table, whose steps may be chosen.</summary>
/// <param name="Name">What --attack takes, perhaps with a number of steps behind it.</param>
/// <param name="Title">For people.</param>
public sealed record AttackKind(string Name, string Title) : IPart
{
    /// <summary>How it looks for an adversarial example; null for clean images.</summary>
    public ISearch? Search { get; init; }

    /// <summary>The loss that it raises.</summary>
    public Loss Loss { get; init; } = Losses.CrossEntropy;

    /// <summary>Its usual steps; null where they are always written.</summary>
    public int? Steps { get; init; }

    /// <summary>Whether steps may be written behind the name.</summary>
    public bool TakesSteps { get; init; }

    /// <summary>Whether it starts at random in the ball, perhaps only once it starts anew, so that restarts make sense.</summary>
    public bool StartsAtRandom { get; init; }

    /// <summary>Whether the size of its steps can be chosen.</summary>
    public bool TakesStepSize => Search is ProjectedGradient && TakesSteps;

    /// <summary>How many classes it aims at in turn, in the order of their logits at the image; 0 if it has no target.</summary>
    public int Targets { get; init; }

    /// <summary>The least number of classes for which its loss is defined.</summary>
    public int LeastClasses { get; init; } = 2;

    /// <summary>The only norm in which it measures; null where there is a choice.</summary>
    public Norm? OnlyNorm { get; init; }

    /// <summary>Whether it asks for no gradients.</summary>
    public bool IsBlackBox { get; init; }

    /// <summary>The name with the steps, where they are not the usual ones.</summary>
    public string NameOf(int steps) => steps == Steps ? Name : Name + (Name.Contains('-') ? "-" : "") + OptionTexts.Write(steps);

    /// <summary>The title with the steps, where they are not the usual ones.</summary>
    public string TitleOf(int steps) => steps == Steps ? Title : $"{Title}-{OptionTexts.Write(steps)}";
}

/// <summary>The table of attacks. Defaults are those of the sources named.</summary>
public static partial class Attacks
{
    /// <summary>No attack.</summary>
    public static AttackKind Clean { get; } = new("clean", "clean") { Steps = 0 };

    /// <summary>One step of size epsilon from the image.</summary>
    public static AttackKind FastGradient { get; } = new("fgsm", "FGSM") { Search = new ProjectedGradient(), Steps = 1 };

    /// <summary>All attacks, in the order of the help.</summary>
    public static IReadOnlyList<AttackKind> All { get; } =
    [
        Clean,
        FastGradient,
        new("pgd", "PGD")
        {
            Search = new ProjectedGradient(),
            TakesSteps = true,
            StartsAtRandom = true,
        },
        new("cw", "CW")
        {
            Search = new ProjectedGradient(),
            Loss = Losses.Margin,
            TakesSteps = true,
            StartsAtRandom = true,
        },
        new("cw-l2", "CW-L2")
        {
            Search = new CarliniWagner(),
            Loss = Losses.Margin,
            Steps = 1000 * CarliniWagner.Searches,
            TakesSteps = true,
            OnlyNorm = Norm.L2,
        },
        new("kl", "KL")
        {
            Search = new ProjectedGradient(),
            Loss = Losses.Divergence,
            TakesSteps = true,
            StartsAtRandom = true,
        },
        new("mim", "MIM")
        {
            Search = new MomentumIterative(),
            Steps = 10,
            TakesSteps = true,
        },
        new("apgd-ce", "APGD-CE")
        {
            Search = new AutoProjectedGradient(),
            Steps = 100,
            TakesSteps = true,
            StartsAtRandom = true,
        },
        new("apgd-dlr", "APGD-DLR")
        {
            Search = new AutoProjectedGradient(),
            Loss = Losses.Dlr,
            Steps = 100,
            TakesSteps = true,
            StartsAtRandom = true,
            LeastClasses = 3,
        },
        new("apgd-t", "APGD-T")
        {
            Search = new AutoProjectedGradient(),
            Loss = Losses.TargetedDlr,
            Steps = 100,
            TakesSteps = true,
            StartsAtRandom = true,
            Targets = 9,
            LeastClasses = 4,
        },
        new("fab", "FAB")
        {
            Search = new FastAdaptiveBoundary(),
            Loss = Losses.TargetedMargin,
            Steps = 100,
            TakesSteps = true,
            StartsAtRandom = true,
        },
        new("fab-t", "FAB-T")
        {
            Search = new FastAdaptiveBoundary(),
            Loss = Losses.TargetedMargin,
            Steps = 100,
            TakesSteps = true,
            Targets = 9,
        },
        new("square", "Square")
        {
            Search = new SquareAttack(),
            Loss = Losses.Margin,
            Steps = 5000,
            TakesSteps = true,
            StartsAtRandom = true,
            IsBlackBox = true,
        },
    ];

    /// <summary>All that can be written where attacks are asked for.</summary>
    /// <param name="withEnsembles">Whether ensembles can.</param>
    public static string Names(bool withEnsembles) => string.Join(
        ", ", [.. All.Select(Written), .. withEnsembles ? AttackChain.Ensembles.Select(all => all.Name) : []]);

    /// <summary>An attack and its steps.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="withEnsembles">Whether an ensemble could stand there too, for the message.</param>
    /// <exception cref="UsageException">There is no such attack.</exception>
    public static (AttackKind Kind, int Steps) Find(string text, bool withEnsembles = false)
    {
        foreach (AttackKind kind in All.OrderByDescending(kind => kind.Name.Length))
        {
            if (text.StartsWith(kind.Name, StringComparison.Ordinal) && Steps(kind, text[kind.Name.Length..]) is { } steps)
                return (kind, steps);
        }

        throw new UsageException(
            $"attack '{text}' is not known; write {Names(withEnsembles)}, with any number of steps behind the names of single attacks");
    }

    private static int? Steps(AttackKind kind, string rest)
    {
        if (rest.Length == 0)
            return kind.Steps;
        bool isNumber = int.TryParse(
            Number().Match(rest).Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int steps);
        return kind.TakesSteps && isNumber && steps > 0 ? steps : null;
    }

    private static string Written(AttackKind kind) => kind.Steps is null ? $"{kind.Name}20" : kind.Name;

    [GeneratedRegex("^-?([0-9]+)$")]
    private static partial Regex Number();
}
