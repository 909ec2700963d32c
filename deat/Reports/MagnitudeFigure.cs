namespace Deat.Training;

/// <summary>
/// magnitude.svg: the gradient magnitude per epoch with the threshold it was compared with, and below it the replays of each epoch.
/// A ringed point lies above its threshold.
/// </summary>
public static class MagnitudeFigure
{
    /// <summary>Draws the figure.</summary>
    /// <param name="epochs">The recorded epochs, at least one.</param>
    /// <returns>The text of an SVG file.</returns>
    public static string Draw(IReadOnlyList<EpochMetrics> epochs) => Chart(epochs).Draw();

    /// <summary>The figure with the numbers behind it.</summary>
    internal static LineChart Chart(IReadOnlyList<EpochMetrics> epochs)
    {
        Series magnitude = new("gradient magnitude", Mark.Line, epochs.Select(e => ((double)e.Epoch, e.Magnitude)))
        {
            Ringed = [.. epochs.Where(e => e.Magnitude > e.Threshold).Select(e => (double)e.Epoch)],
            RingSeries = 1,
        };
        Series threshold = new("threshold", Mark.Steps, epochs.Select(e => ((double)e.Epoch, e.Threshold)))
        {
            Legend = "threshold (ringed: exceeded, one more replay up to the maximum)",
        };
        Series replays = new("replays", Mark.Bars, epochs.Select(e => ((double)e.Epoch, (double?)e.Replays)));
        // Epoch 0 trains on one iteration and its magnitude is often twice all others; it must not press them flat.
        IEnumerable<EpochMetrics> scale = epochs.Where(e => e.Epoch > 0 || epochs.Count == 1);
        Panel magnitudes = new("MG: sum of |gradient|", "normalised input", [magnitude, threshold])
        {
            Scale = scale.SelectMany(e => new[] { e.Magnitude, e.Threshold }).OfType<double>(),
            Empty = "This method does not measure the gradient magnitude.",
        };
        return new LineChart(
            "Gradient magnitude and replays per epoch", "epoch",
            [magnitudes, new Panel("replays", "", [replays]) { Height = 88, IsWhole = true }]);
    }
}
