using System.Globalization;

namespace Deat.Training;

/// <summary>The pictures of a probe.</summary>
internal static class ProbeFigures
{
    /// <summary>probe.svg: what the bound predicts and what attacks gain, the next step, and the curvature, per epoch.</summary>
    /// <param name="epochs">The recorded epochs, at least one of them probed.</param>
    public static string Epochs(IReadOnlyList<EpochMetrics> epochs) => Chart(epochs).Draw();

    /// <summary>The same with the numbers behind it.</summary>
    public static LineChart Chart(IReadOnlyList<EpochMetrics> epochs)
    {
        Series Of(string name, Func<ProbeMetrics, double?> value) => new(
            name, Mark.Line, epochs.Where(e => e.Probe is not null).Select(e => ((double)e.Epoch, value(e.Probe!))));
        return new LineChart(
            "Bound and gain per epoch", "epoch",
            [
                new Panel("gain over the clean loss", "nats",
                [
                    Of("epsilon times the Lipschitz bound", m => m.BallPrediction),
                    Of("found by PGD-20", m => m.StrongGain),
                    Of("found by the training's attack", m => m.TrainingGain),
                ])
                { Height = 210 },
                new Panel("gain of the next step", "nats",
                    [Of("predicted to first order", m => m.StepPrediction), Of("found", m => m.StepGain)])
                { Height = 130 },
                new Panel("curvature", "nats per pixel range\u00b2", [Of("curvature along sign(gradient)", m => m.Curvature)])
                { Height = 130 },
            ]);
    }

    /// <summary>slices.svg: the loss of the first images around them.</summary>
    public static string Slices(ProbeHeader header, ProbeEpoch epoch) => Maps(header, epoch).Draw();

    /// <summary>The same with the numbers behind it.</summary>
    public static HeatMap Maps(ProbeHeader header, ProbeEpoch epoch)
    {
        string[] offsets = [.. header.SliceOffsets.Select(offset => (255 * offset).ToString("0.##", CultureInfo.InvariantCulture))];
        int count = offsets.Length;
        return new HeatMap(
            $"Loss around images, epoch {epoch.Epoch}; framed: the ball", "along the sign of the gradient, pixels of 255",
            "along random signs", "loss, nats",
            [.. epoch.Slices.Select((slice, i) => new HeatGrid(
                $"image {i}: {header.ClassNames[header.Strip[i].Label]}", offsets, [.. offsets.Reverse()],
                [.. Enumerable.Range(0, slice.Length).Select(k => (double)slice[((count - 1 - (k / count)) * count) + (k % count)])])
            {
                // Offsets reach twice the radius: its ends are in the middle of the fifth cell from each side.
                Frame = ((count / 4) + 0.5, (count / 4) + 0.5, count - (count / 4) - 0.5, count - (count / 4) - 0.5),
            })]);
    }
}
