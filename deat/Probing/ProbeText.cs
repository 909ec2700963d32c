using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>What a probe showed, for people.</summary>
internal static class ProbeText
{
    /// <summary>What the probes of a run cost: seconds over the run, FLOPs and launches of this process by the ledger.</summary>
    public static string Cost(IReadOnlyList<EpochMetrics> epochs, Ledger ledger)
    {
        double seconds = epochs.Sum(epoch => epoch.Probe?.Seconds ?? 0);
        LedgerEntry probe = ledger.Total(key => key.Phase == Phase.Probe);
        LedgerEntry all = ledger.Total();
        double share = all.Flops > 0 ? (double)probe.Flops / all.Flops : 0;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"probe  {epochs.Count(epoch => epoch.Probe is not null)} epochs in {seconds:F1} s; {probe.Launches} launches, "
            + $"{probe.Flops / 1e9:F1} GFLOP, {100 * share:F1} % of all; figures probe.svg, slices.svg, strip.svg");
    }

    /// <summary>A table with a column for each network.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<(string Network, ProbeMetrics Metrics)> networks)
    {
        (string Name, Func<ProbeMetrics, double?> Value, string Unit)[] rows =
        [
            ("clean loss", m => m.CleanLoss, "nats"),
            ("gain of the training's attack", m => m.TrainingGain, "nats"),
            ("gain of PGD-20", m => m.StrongGain, "nats"),
            ("attack quality", m => m.Quality, "of PGD-20's gain"),
            ("Lipschitz bound", m => m.LipschitzBound, "nats per pixel range: L1 norm of the gradient"),
            ("epsilon times the bound", m => m.BallPrediction, "nats"),
            ("next step, to first order", m => m.StepPrediction, "nats"),
            ("next step, found", m => m.StepGain, "nats"),
            ("curvature", m => m.Curvature, "nats per squared pixel range, along the gradient's sign"),
        ];
        yield return Line("", networks.Select(network => network.Network), "");
        foreach ((string name, Func<ProbeMetrics, double?> value, string unit) in rows)
            yield return Line(name, networks.Select(network => Write(value(network.Metrics))), unit);
    }

    private static string Write(double? value) => value?.ToString("0.####", CultureInfo.InvariantCulture) ?? "-";

    private static string Line(string name, IEnumerable<string> cells, string unit) =>
        $"{name,-30}{string.Concat(cells.Select(cell => cell.PadLeft(22)))}  {unit}".TrimEnd();
}
