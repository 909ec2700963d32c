using System.Globalization;

namespace Deat.Training;

/// <summary>The table that a run prints, one line per epoch.</summary>
internal static class EpochTable
{
    public static string Header(TrainOptions options)
    {
        string[] validation = options.Data.ValidationImages > 0 ? ["val clean", $"val {options.ValidationAttack.Title}"] : [];
        string[] average = validation.Length > 0 && options.Average?.Rule.Name is { } name ? [$"{name} clean", $"{name} robust"] : [];
        return Line(["epoch", "replays", "loss", "accuracy", "magnitude", "threshold", "passes", "seconds", .. validation, .. average]);
    }

    public static string Row(EpochMetrics m)
    {
        string[] average = m.AverageAccuracy is null ? [] : [Text(m.AverageAccuracy, "P1"), Text(m.AverageRobustAccuracy, "P1")];
        return Line([
            Text(m.Epoch, "F0"), Text(m.Replays, "F0"), Text(m.TrainLoss, "F4"), Text(m.TrainAccuracy, "P1"), Text(m.Magnitude, "F1"),
            Text(m.Threshold, "F1"), Text(m.Passes, "F0"), Text(m.Seconds, "F1"), Text(m.ValidationAccuracy, "P1"),
            Text(m.RobustAccuracy, "P1"), .. average]);
    }

    /// <summary>Such as 0:45, 12:03, 3:20:00.</summary>
    public static string Duration(TimeSpan time) => time.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time:mm\\:ss}")
        : string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time:ss}");

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static string Line(params string[] cells) =>
        string.Concat(cells.Select((cell, i) => cell.PadLeft(i == 0 ? 5 : 11))).TrimEnd();
}
