using Deat.Engine;

namespace Deat.Training;

/// <summary>Attacks one after another, each on the images that those before it left.</summary>
/// <param name="Name">How it is written: autoattack, apgd-ce+apgd-t, or the name of a single attack.</param>
/// <param name="Title">For people.</param>
/// <param name="Attacks">The attacks in their order.</param>
public sealed record AttackChain(string Name, string Title, IReadOnlyList<Attack> Attacks)
{
    private const char Link = '+';

    /// <summary>
    /// The ensembles that have a name, as their attacks and how often each starts anew. Source: fra31/auto-attack, autoattack.py,
    /// versions standard and plus.
    /// </summary>
    public static IReadOnlyList<(string Name, string Title, IReadOnlyList<(string Attack, int Restarts)> Attacks)> Ensembles { get; } =
    [
        ("autoattack", "AutoAttack", [("apgd-ce", 1), ("apgd-t", 1), ("fab-t", 1), ("square", 1)]),
        ("autoattack-plus", "AutoAttack+",
            [("apgd-ce", 5), ("apgd-dlr", 5), ("fab", 5), ("square", 1), ("apgd-t", 1), ("fab-t", 1)]),
    ];

    /// <summary>Whether it is an ensemble that has a name.</summary>
    public bool IsEnsemble => Ensembles.Any(known => known.Name == Name);

    /// <summary>Reads chains, separated by commas: each an ensemble, or attacks with plus signs between them.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="epsilon">The radius of the ball, in pixel range [0,1].</param>
    /// <param name="stepSize">The step size of attacks with several steps of one size, in pixel range [0,1].</param>
    /// <param name="restarts">How often an attack with a random start begins anew; ensembles have their own numbers.</param>
    /// <param name="norm">How the perturbation is measured.</param>
    /// <exception cref="UsageException">There is no such attack.</exception>
    public static IReadOnlyList<AttackChain> ParseList(
        string text, Pixels epsilon, Pixels stepSize, int restarts = 1, Norm norm = Norm.Linf) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries).Select(part => Parse(part, epsilon, stepSize, restarts, norm))];

    private static AttackChain Parse(string text, Pixels epsilon, Pixels stepSize, int restarts, Norm norm)
    {
        if (Ensembles.FirstOrDefault(known => known.Name == text) is { Name: not null } ensemble)
        {
            return new AttackChain(
                text, ensemble.Title,
                [.. ensemble.Attacks.Select(part => Attack.Parse(part.Attack, epsilon, stepSize, part.Restarts, norm))]);
        }

        string[] parts = text.Split(Link, StringSplitOptions.TrimEntries);
        foreach (string part in parts)
            Training.Attacks.Find(part, withEnsembles: parts.Length == 1);
        Attack[] attacks = [.. parts.Select(part => Attack.Parse(part, epsilon, stepSize, restarts, norm))];
        return new AttackChain(
            string.Join(Link, attacks.Select(attack => attack.Name)), string.Join(" + ", attacks.Select(attack => attack.Title)), attacks);
    }
}
