using System.Globalization;
using System.Text.RegularExpressions;

namespace Deat.Training;

/// <summary>An attack that evaluates a network, as the authors' evaluation makes it (TrustAI/DEAT, utils.py).</summary>
public sealed partial record Attack
{
    /// <summary>How it is written: clean, fgsm, pgd20, cw20.</summary>
    public required string Name { get; init; }

    /// <summary>For people: clean, FGSM, PGD-20, CW-20.</summary>
    public required string Title { get; init; }

    /// <summary>The loss that the attack raises.</summary>
    public required Loss Loss { get; init; }

    /// <summary>Steps; none for clean images.</summary>
    public required int Steps { get; init; }

    /// <summary>The radius of the ball, in pixel range [0,1].</summary>
    public required Pixels Epsilon { get; init; }

    /// <summary>The size of a step, in pixel range [0,1].</summary>
    public required Pixels StepSize { get; init; }

    /// <summary>Whether delta starts uniform in the ball, clamped so that x + delta is in [0,1], or at zero.</summary>
    public required bool StartsAtRandom { get; init; }

    /// <summary>How often the attack starts anew; an image counts as robust if it resists every time.</summary>
    public required int Restarts { get; init; }

    /// <summary>As the authors' logs call it: Test, FGSM, PGD20, CW20.</summary>
    public string LogName => Steps == 0 ? "Test" : Name.ToUpperInvariant();

    /// <summary>
    /// Reads <c>clean</c>; <c>fgsm</c>: one step of size epsilon from zero; <c>pgd20</c>, <c>cw20</c>: any number of steps from a random
    /// start, on the cross-entropy or the margin.
    /// </summary>
    /// <param name="text">What the user wrote; a dash before the number is allowed.</param>
    /// <param name="epsilon">The radius of the ball, in pixel range [0,1].</param>
    /// <param name="stepSize">The step size of attacks with several steps, in pixel range [0,1].</param>
    /// <param name="restarts">How often an attack with a random start begins anew.</param>
    /// <exception cref="UsageException">There is no such attack.</exception>
    public static Attack Parse(string text, Pixels epsilon, Pixels stepSize, int restarts = 1)
    {
        Match match = Pattern().Match(text);
        string kind = match.Groups["kind"].Value;
        bool takesSteps = kind is "pgd" or "cw";
        Group number = match.Groups["steps"];
        bool hasSteps = int.TryParse(number.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int steps) && steps > 0;
        if (!match.Success || takesSteps != hasSteps || number.Success != hasSteps)
            throw new UsageException($"attack '{text}' is not known; write clean, fgsm, pgd20 or cw20, with any number of steps");
        return new Attack
        {
            Name = takesSteps ? kind + steps.ToString(CultureInfo.InvariantCulture) : kind,
            Title = takesSteps ? $"{kind.ToUpperInvariant()}-{steps}" : kind == "fgsm" ? "FGSM" : kind,
            Loss = kind == "cw" ? Losses.Margin : Losses.CrossEntropy,
            Steps = kind == "fgsm" ? 1 : steps,
            Epsilon = epsilon,
            StepSize = kind == "fgsm" ? epsilon : stepSize,
            StartsAtRandom = takesSteps,
            Restarts = takesSteps ? restarts : 1,
        };
    }

    /// <summary>Reads several attacks, separated by commas.</summary>
    /// <exception cref="UsageException">One of them is not known.</exception>
    public static IReadOnlyList<Attack> ParseList(string text, Pixels epsilon, Pixels stepSize, int restarts = 1) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries).Select(part => Parse(part, epsilon, stepSize, restarts))];

    [GeneratedRegex("^(?<kind>clean|fgsm|pgd|cw)(-?(?<steps>[0-9]+))?$")]
    private static partial Regex Pattern();
}
