using Deat.Engine;

namespace Deat.Training;

/// <summary>An attack that evaluates a network: an entry of the table of <see cref="Attacks"/> with its numbers.</summary>
public sealed record Attack
{
    /// <summary>What it is.</summary>
    public required AttackKind Kind { get; init; }

    /// <summary>Steps; none for clean images.</summary>
    public required int Steps { get; init; }

    /// <summary>How the perturbation is measured: <see cref="Norm.Linf"/> or <see cref="Norm.L2"/>.</summary>
    public Norm Norm { get; init; }

    /// <summary>The radius of the ball, in pixel range [0,1].</summary>
    public required Pixels Epsilon { get; init; }

    /// <summary>The size of a step where the attack does not choose it itself, in pixel range [0,1].</summary>
    public required Pixels StepSize { get; init; }

    /// <summary>How often the attack starts anew, on the images that are still robust; each for every target.</summary>
    public required int Restarts { get; init; }

    /// <summary>How it is written: clean, fgsm, pgd20, cw20.</summary>
    public string Name => Kind.NameOf(Steps);

    /// <summary>For people: clean, FGSM, PGD-20, CW-20.</summary>
    public string Title => Kind.TitleOf(Steps);

    /// <summary>The loss that the attack raises.</summary>
    public Loss Loss => Kind.Loss;

    /// <summary>Whether it starts at random in the ball, or at the image.</summary>
    public bool StartsAtRandom => Kind.StartsAtRandom;

    /// <summary>As the authors' logs call it: Test, FGSM, PGD20, CW20.</summary>
    public string LogName => Steps == 0 ? "Test" : Name.ToUpperInvariant();

    /// <summary>Its rounds over the images: the restarts, for each target that there is.</summary>
    /// <param name="classes">The number of classes.</param>
    /// <exception cref="UsageException">There are too few classes for its loss.</exception>
    public IReadOnlyList<AttackRound> Rounds(int classes)
    {
        if (classes < Kind.LeastClasses)
            throw new UsageException($"attack {Name} needs {Kind.LeastClasses} classes or more, and there are {classes}");
        IEnumerable<int> ranks = Kind.Targets == 0 ? [0] : Enumerable.Range(1, Math.Min(Kind.Targets, classes - 1));
        return [.. ranks.SelectMany(rank => Enumerable.Repeat(rank, Restarts)).Select((rank, index) => new AttackRound(index, rank))];
    }

    /// <summary>No attack: the images as they are.</summary>
    /// <param name="epsilon">The radius of the ball of the other attacks.</param>
    public static Attack Clean(Pixels epsilon) =>
        new() { Kind = Attacks.Clean, Steps = 0, Epsilon = epsilon, StepSize = epsilon, Restarts = 1 };

    /// <summary>Reads <c>clean</c>, <c>fgsm</c>, <c>pgd20</c>, <c>apgd-ce</c> and so on: a name of the table and perhaps steps.</summary>
    /// <param name="text">What the user wrote; a dash before the number is allowed.</param>
    /// <param name="epsilon">The radius of the ball, in pixel range [0,1].</param>
    /// <param name="stepSize">The step size of attacks with several steps of one size, in pixel range [0,1].</param>
    /// <param name="restarts">How often an attack with a random start begins anew.</param>
    /// <param name="norm">How the perturbation is measured.</param>
    /// <exception cref="UsageException">There is no such attack, or not in this norm.</exception>
    public static Attack Parse(string text, Pixels epsilon, Pixels stepSize, int restarts = 1, Norm norm = Norm.Linf)
    {
        (AttackKind kind, int steps) = Attacks.Find(text);
        if (kind.OnlyNorm is { } only && only != norm)
            throw new UsageException(
                $"attack {kind.Name} looks for the least {only} norm: "
                + $"it needs --norm {only.ToString().ToLowerInvariant()}, which deat eval has");
        return new Attack
        {
            Kind = kind,
            Steps = steps,
            Norm = norm,
            Epsilon = epsilon,
            StepSize = kind == Attacks.FastGradient ? epsilon : stepSize,
            Restarts = kind.StartsAtRandom ? restarts : 1,
        };
    }

    /// <summary>Reads several attacks, separated by commas.</summary>
    /// <exception cref="UsageException">One of them is not known.</exception>
    public static IReadOnlyList<Attack> ParseList(
        string text, Pixels epsilon, Pixels stepSize, int restarts = 1, Norm norm = Norm.Linf) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries).Select(part => Parse(part, epsilon, stepSize, restarts, norm))];
}
