using System.Globalization;

namespace Deat.Training;

/// <summary>The figures of runs: what training cost, and what it was good for.</summary>
internal static class RunFigures
{
    // About 100 kB each: of longer runs so many epochs, evenly.
    private const int MostStrips = 12;

    /// <summary>Robust accuracy of all runs over what they had spent by then, in passes and in seconds.</summary>
    public static IEnumerable<Figure> Progress(IReadOnlyList<RunSource> runs)
    {
        RunSource[] validated = [.. runs.Where(run => run.Epochs.Any(epoch => epoch.RobustAccuracy is not null))];
        if (validated.Length == 0)
            yield break;
        string attack = string.Join(
            " or ", validated.Select(run => run.Options.GetValueOrDefault("validation-attack", "the validation attack")).Distinct());
        const string Note = "Validation images after each epoch; a point's place is what training had cost by then, without evaluation.";
        yield return Figure.Of(Chart("passes", "forward and backward passes of a minibatch", epoch => epoch.Passes), Note);
        yield return Figure.Of(Chart("seconds", "seconds of training", epoch => epoch.Seconds), Note);

        LineChart Chart(string what, string label, Func<EpochMetrics, double> cost) => new(
            $"Accuracy under {attack} against {what}", label,
            [new Panel("robust accuracy", "%", [.. validated.Select(run => new Series(
                $"{run.Name} ({run.Method})", Mark.Line, Sums(run.Epochs, cost, epoch => 100 * epoch.RobustAccuracy)))])])
        { IsWhole = false };
    }

    /// <summary>Seconds per epoch, split by iteration where a profile tells their prices, over magnitude and replays.</summary>
    public static IEnumerable<Figure> Epochs(RunSource run, CostProfile? profile)
    {
        IReadOnlyList<EpochMetrics> epochs = run.Epochs;
        LineChart magnitude = MagnitudeFigure.Chart(epochs);
        BatchPrice? price = profile is null ? null : BatchPrice.Of(profile);
        bool isSplit = price is not null && epochs.All(epoch => price.Knows(epoch.Replays));
        Panel seconds = new("training", "seconds an epoch", isSplit ? [.. ByPart(epochs, price!)] : [Seconds(epochs)]) { Height = 180 };
        string? elsewhere = profile is null
            ? null
            : Differences.OfPlace(profile, "run", run.Options.GetValueOrDefault("data"), run.Environment);
        string note = isSplit
            ? "Bars are the measured seconds of each epoch, split in proportion to the profile's prices of iterations"
                + (elsewhere is null ? "." : $", which were {elsewhere}.")
            : "With a profile of the same method the bars are split by iteration.";
        yield return Figure.Of(
            magnitude with { Title = "Seconds, gradient magnitude and replays per epoch", Panels = [seconds, .. magnitude.Panels] }, note);
        if (epochs.Any(epoch => epoch.Probe is not null))
            yield return Figure.Of(ProbeFigures.Chart(epochs), "The theory, measured: see the README of deat/Probing for each quantity.");
    }

    /// <summary>What the attacks of <c>deat eval</c> left.</summary>
    public static Figure? Attacks(IReadOnlyList<RunSource> runs)
    {
        string[] names = [.. runs.SelectMany(run => run.Attacks).Select(attack => attack.Name).Distinct()];
        if (names.Length == 0)
            return null;
        DataTable table = new(
            "Accuracy under attack on test images, % with its 95 % interval", ["run", "passes", "seconds", .. names],
            [.. runs.Select(run => (IReadOnlyList<string>)
            [
                run.Name, Axis.Text(run.Epochs.Sum(epoch => epoch.Passes)),
                Axis.Text(Math.Round(run.Epochs.Sum(epoch => epoch.Seconds), 1)),
                .. names.Select(name => Cell(run.Attacks.FirstOrDefault(attack => attack.Name == name))),
            ])]);
        return new Figure("Accuracy under attack", null, [table]);
    }

    /// <summary>Adversarial examples and slices, epoch by epoch.</summary>
    public static IEnumerable<Figure> Probes(RunSource run)
    {
        if (run.Probe is not { Epochs.Count: > 0 } probe)
            yield break;
        foreach (ProbeEpoch epoch in Few(probe.Epochs, MostStrips))
            yield return Strip(probe.Header, epoch);
        if (probe.Epochs[^1].Slices.Count > 0)
            yield return Figure.Of(ProbeFigures.Maps(probe.Header, probe.Epochs[^1]));
    }

    private static Figure Strip(ProbeHeader header, ProbeEpoch epoch)
    {
        DataTable table = new(
            $"Predictions, epoch {epoch.Epoch}",
            ["image", "label", "prediction", "confidence, %", "adversarial prediction", "confidence, %"],
            [.. epoch.Strip.Select((example, i) => (IReadOnlyList<string>)
            [
                Axis.Text(i), header.ClassNames[header.Strip[i].Label], header.ClassNames[example.Prediction],
                Axis.Text(Math.Round(100 * example.Confidence, 1)), header.ClassNames[example.AdversarialPrediction],
                Axis.Text(Math.Round(100 * example.AdversarialConfidence, 1)),
            ])]);
        return new Figure($"Adversarial examples of the training, epoch {epoch.Epoch}", ImageStrip.Draw(header, epoch), [table]);
    }

    private static Series Seconds(IReadOnlyList<EpochMetrics> epochs) =>
        new("seconds", Mark.Stack, epochs.Select(epoch => ((double)epoch.Epoch, (double?)epoch.Seconds)));

    // As many iterations as there are colours; the others stand together.
    private static IEnumerable<Series> ByPart(IReadOnlyList<EpochMetrics> epochs, BatchPrice price)
    {
        string[] names = [.. epochs.SelectMany(epoch => price.Parts(epoch.Replays)).Select(part => part.Name).Distinct()];
        string[] iterations = [.. names.Where(name => name.StartsWith("iteration", StringComparison.Ordinal)).OrderBy(Number)];
        string[] others = [.. names.Except(iterations)];
        int single = Math.Min(iterations.Length, SvgDrawing.Series - others.Length - 1);
        if (iterations.Length == single + 1)
            single--;
        foreach (string name in iterations.Take(single).Concat(others))
            yield return Of(name, part => part == name);
        if (iterations.Length > single)
            yield return Of($"iterations {single + 1} to {iterations.Length}", part => Array.IndexOf(iterations, part) >= single);

        Series Of(string name, Func<string, bool> isIn) => new(name, Mark.Stack, epochs.Select(epoch => (
            (double)epoch.Epoch,
            (double?)(epoch.Seconds * price.Parts(epoch.Replays).Where(part => isIn(part.Name)).Sum(part => part.Milliseconds)
                / price.Milliseconds(epoch.Replays)))));
        static int Number(string name) => int.Parse(name.Split(' ')[1], NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<(double X, double? Y)> Sums(
        IEnumerable<EpochMetrics> epochs, Func<EpochMetrics, double> cost, Func<EpochMetrics, double?> value)
    {
        double sum = 0;
        foreach (EpochMetrics epoch in epochs)
        {
            sum += cost(epoch);
            yield return (sum, value(epoch));
        }
    }

    private static IEnumerable<T> Few<T>(IReadOnlyList<T> all, int count) => all.Count <= count
        ? all
        : Enumerable.Range(0, count).Select(i => all[(int)Math.Round((double)i * (all.Count - 1) / (count - 1))]);

    private static string Cell(AttackedAccuracy? attack) => attack is null
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"{100 * attack.Accuracy:F1} ({100 * attack.Low:F1} to {100 * attack.High:F1})");
}
