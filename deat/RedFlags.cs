using System.Globalization;

namespace Deat.Training;

/// <summary>
/// What makes a robust accuracy doubtful, one line each. Source: fra31/auto-attack, flags_doc.md and checks.py; and that an attack may make
/// no progress: Carlini et al., On Evaluating Adversarial Robustness (2019).
/// </summary>
public static class RedFlags
{
    /// <summary>How often the network is asked about the same images to see whether it is random.</summary>
    public const int Repetitions = 5;

    private const double OutputTolerance = 1e-4, SumTolerance = 1e-5, BlackBoxGain = 0.002, MostUnmoved = 0.5;

    /// <summary>What is odd about outputs.</summary>
    /// <param name="repeated">The logits of the same images, a row for each, as often as the network was asked.</param>
    public static IEnumerable<string> OfOutputs(IReadOnlyList<double[][]> repeated)
    {
        double[][] first = repeated[0];
        double largest = repeated.Max(again => first.Zip(again, (a, b) => Distance(Unit(a), Unit(b))).Max());
        bool isStable = repeated.All(again => first.Zip(again, (a, b) => Class(a) == Class(b)).All(same => same));
        if (largest > OutputTolerance)
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"the network's output is random: of the same images it differs by {largest:G2} of its length; "
                + $"these attacks take it for fixed, and the accuracy is not to be relied on");
        else if (!isStable)
            yield return "the network's output is random: the same images are classified now one way, now the other";
        if (first.All(row => row.All(p => p is > -SumTolerance and < 1 + SumTolerance) && Math.Abs(row.Sum() - 1) < SumTolerance))
            yield return "the network's outputs are probabilities, not logits: gradients vanish, and attacks seem weaker than they are";
    }

    /// <summary>What is odd about an attack.</summary>
    /// <param name="result">What it left.</param>
    /// <param name="follows">
    /// Whether it follows other attacks in a chain: what it finds is then measured by the worst that they found, and need not exceed it.
    /// </param>
    public static IEnumerable<string> Of(EvaluationResult result, bool follows = false)
    {
        string title = result.Attack.Title;
        if (result.NotNumbers > 0)
            yield return $"{title}: the network's output is not a number for {Images(result.NotNumbers)}; none of them counts as robust";
        if (result.Flat > 0)
            yield return $"{title}: the gradient is zero at the start for {Images(result.Flat)}; attacks by gradients cannot move them";
        if (follows || result.Attack.Epsilon.Value == 0 || result.Attacked == 0)
            yield break;
        // Of what such an attack does not fool the loss says nothing.
        bool isAllOrNothing = result.Attack.Kind.Search is { LeavesTheUnfooled: true };
        if (isAllOrNothing ? result.Unmoved == result.Attacked : result.Unmoved > MostUnmoved * result.Attacked)
        {
            string what = isAllOrNothing ? "fooled" : "raised the loss of";
            string moved = OptionTexts.Write(result.Attacked - result.Unmoved);
            yield return $"{title}: the attack makes no progress: it {what} only {moved} of {Images(result.Attacked)}";
        }
    }

    /// <summary>Whether attacks that ask for no gradients find what the others miss.</summary>
    /// <param name="chains">
    /// What several chains of attacks left, attack by attack. Those after one without gradients have what it found, and do not count.
    /// </param>
    public static IEnumerable<string> OfAll(IEnumerable<IReadOnlyList<EvaluationResult>> chains)
    {
        IReadOnlyList<EvaluationResult>[] all = [.. chains];
        EvaluationResult[] withGradients = [.. all.SelectMany(chain => chain.TakeWhile(result => !result.Attack.Kind.IsBlackBox))
            .Where(result => result.Attack.Kind.Search is not null)];
        if (withGradients.Length == 0)
            yield break;
        double white = withGradients.Min(result => result.Total.Rate);
        foreach (EvaluationResult black in all.SelectMany(chain => chain)
            .Where(result => result.Attack.Kind.IsBlackBox && result.Total.Rate < white - BlackBoxGain))
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{black.Attack.Title} asks for no gradients and leaves {100 * (white - black.Total.Rate):F1} "
                + $"points less than the attacks that do: gradients are masked, and the accuracy is not to be relied on");
    }

    private static string Images(int count) => count == 1 ? "1 image" : $"{OptionTexts.Write(count)} images";

    private static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (p, q) => (p - q) * (p - q)).Sum());

    private static double[] Unit(double[] row)
    {
        double length = Math.Sqrt(row.Sum(v => v * v));
        return [.. row.Select(v => v / (length + 1e-10))];
    }

    private static int Class(double[] row) => Array.IndexOf(row, row.Max());
}
