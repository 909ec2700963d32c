using System.Globalization;
using System.Text.RegularExpressions;

namespace Deat.Training;

/// <summary>
/// The lines of output.log, column for column as the authors' scripts write them, so that their parsers and published logs line
/// up. Source: TrustAI/DEAT, "standard training" (with validation) and "FAST training" (without).
/// </summary>
internal static partial class OutputLog
{
    public static string Header(EpochMetrics metrics) => metrics.ValidationAccuracy is null
        ? "Epoch \t Seconds \t LR \t \t Train Loss \t Train Acc \t MG"
        : "Epoch \t Seconds \t LR \t \t Train Loss \t Train Acc \t Val Acc \t MG \t CW Acc";

    public static string Row(EpochMetrics m)
    {
        var row = $"{m.Epoch} \t {m.Seconds:F1} \t \t {m.LearningRate:F4} \t {m.TrainLoss:F4} \t {m.TrainAccuracy:F4} \t ";
        return m.ValidationAccuracy is null
            ? $"{row}{m.Magnitude ?? 0:F4}"
            : $"{row}{m.ValidationAccuracy:F4}\t {m.Magnitude ?? 0:F4} \t {m.RobustAccuracy ?? 0:F4}";
    }

    public static string TestHeader(IEnumerable<AttackResult> results) =>
        string.Join(" \t ", results.SelectMany(r => new[] { $"{r.Name} Loss", $"{r.Name} Acc" }));

    public static string TestRow(IEnumerable<AttackResult> results) =>
        string.Join(" \t  ", results.Select(r => $"{r.Loss:F4} \t {r.Accuracy:F4}"));

    public static string Stamped(DateTimeOffset now, string line) =>
        string.Create(CultureInfo.InvariantCulture, $"[{now:yyyy/MM/dd HH:mm:ss}] - {line}\n");

    /// <summary>The part of a log up to the last row of the first <paramref name="epochs"/> epochs.</summary>
    public static string Until(string log, int epochs)
    {
        var end = HeaderLine().Match(log) is { Success: true } header ? header.Index : log.Length;
        foreach (Match row in EpochRow().Matches(log))
            if (int.Parse(row.Groups["epoch"].ValueSpan, CultureInfo.InvariantCulture) < epochs)
                end = row.Index + row.Length;
        return log[..end];
    }

    [GeneratedRegex(@"^\[[^\]]*\] - Epoch \t.*\n", RegexOptions.Multiline)]
    private static partial Regex HeaderLine();

    [GeneratedRegex(@"^\[[^\]]*\] - (?<epoch>\d{1,9}) \t [^\n]*\n", RegexOptions.Multiline)]
    private static partial Regex EpochRow();
}

/// <summary>The outcome of one attack on the test images, or of none.</summary>
/// <param name="Name">As the authors' logs call it: Test for clean images, FGSM, PGD20, PGD100, CW20.</param>
/// <param name="Loss">The mean loss.</param>
/// <param name="Accuracy">The accuracy in [0,1].</param>
public readonly record struct AttackResult(string Name, double Loss, double Accuracy);
