using System.Globalization;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>The table of a study, and its figures.</summary>
/// <param name="study">The study.</param>
/// <param name="rows">What its runs showed.</param>
/// <param name="rehearsal">Why they cannot be compared with what is published; null where they can.</param>
internal sealed class StudyReport(Study study, IReadOnlyList<RowResult> rows, string? rehearsal)
{
    private readonly string[] _attacks = [.. rows.SelectMany(row => row.Attacks).Select(attack => attack.Attack).Distinct()];

    /// <summary>The table in Markdown, with what it takes to read it.</summary>
    public string Markdown()
    {
        IEnumerable<string> lines = [$"# {study.Title}", "", .. Lines(), "", .. Notes().SelectMany(note => new[] { note, "" })];
        return string.Join("\n", lines).TrimEnd('\n') + "\n";
    }

    /// <summary>The table alone, and that it is a rehearsal where it is one.</summary>
    public IEnumerable<string> Lines()
    {
        if (rehearsal is not null)
            foreach (string line in new[] { $"Rehearsal: not comparable with the published numbers ({rehearsal}).", "" })
                yield return line;
        string[] head = [.. _attacks.Select(TitleOf), "epochs", "iterations", "passes", "seconds", "TFLOP", "state"];
        yield return Line(["run", .. head]);
        yield return Line([.. Enumerable.Repeat("---", head.Length + 1)]);
        foreach (RowResult row in rows)
            yield return Line([row.Row.Title, .. _attacks.Select(attack => Cell(row, attack)), .. Costs(row), StateOf(row)]);
    }

    /// <summary>All numbers.</summary>
    public JsonObject ToJson() => new()
    {
        ["study"] = study.Name,
        ["rehearsal"] = rehearsal,
        ["rows"] = new JsonArray([.. rows.Select(ToJson)]),
    };

    /// <summary>Robust accuracy in the course of the runs against what they spent, where the study has groups to draw.</summary>
    public IEnumerable<(string Name, string Svg)> Figures()
    {
        if (study.Rows.All(row => row.Group.Length == 0) || rows.All(row => row.Epochs.Count == 0))
            yield break;
        yield return ("passes", Figure("passes over the training images", (row, epoch) => row.PassesOf(epoch)));
        yield return ("seconds", Figure("seconds of training", (_, epoch) => epoch.Seconds));
        yield return ("flops", Figure("TFLOP of training", (_, epoch) => epoch.Flops / 1e12));
    }

    private string Figure(string spent, Func<RowResult, EpochMetrics, double?> of) => new LineChart(
        $"Robust accuracy on validation images against {spent}", spent,
        [.. rows.GroupBy(row => row.Row.Group).Select(group => new Panel(
            group.Key, "%", [.. group.Select(row => new Series(row.Row.Title, Mark.Line, row.Course(of)))]))])
    {
        IsWhole = false,
    }.Draw();

    private IEnumerable<string> Notes()
    {
        double[] widths = [.. rows.SelectMany(row => row.Attacks).Select(attack => attack.Accuracy.Interval)
            .Select(interval => 50 * (interval.High - interval.Low))];
        if (widths.Length > 0)
            yield return $"Accuracies in percent, one seed each; 95 % intervals are at most ±{Text(widths.Max(), "F1")} points.";
        if (study.PublishedOn is not null)
            yield return "In brackets the number printed in the paper, the authors' log where it says another or the paper none, and how "
                + "far this run is above the log, or else above the print; passes and seconds have the authors' in brackets.";
        yield return "Passes are forward and backward passes over all training images; seconds are those of training alone; iterations "
            + "are those of the last epoch; FLOPs are those of training by definition of its operations, exact.";
        foreach (RowResult row in rows)
            foreach (string warning in row.Warnings)
                yield return $"{row.Row.Title}: {warning}.";
    }

    private string Cell(RowResult row, string attack)
    {
        string here = row.Of(attack) is { } accuracy ? Text(100 * accuracy.Rate, "F2") : "-";
        (double? printed, double? logged) = row.Row.Published?.Of(attack) ?? (null, null);
        string[] references =
        [
            .. printed is { } p ? [Text(p, "F2")] : Array.Empty<string>(),
            .. logged is { } l && l != printed ? [$"log {Text(l, "F2")}"] : Array.Empty<string>(),
            .. Difference(row, attack) is { } d ? [Text(d, "+0.00;-0.00;0.00")] : Array.Empty<string>(),
        ];
        return references.Length == 0 ? here : $"{here} ({string.Join(", ", references)})";
    }

    private double? Difference(RowResult row, string attack)
    {
        (double? printed, double? logged) = row.Row.Published?.Of(attack) ?? (null, null);
        return rehearsal is null && row.Of(attack) is { } accuracy ? (100 * accuracy.Rate) - (logged ?? printed) : null;
    }

    private static IEnumerable<string> Costs(RowResult row)
    {
        string published = row.Row.Published?.Passes is { } passes ? $" ({OptionTexts.Write(passes)})" : "";
        string minutes = row.Row.Published is { } known ? $" ({Text(60 * known.Minutes, "F0")})" : "";
        return
        [
            OptionTexts.Write(row.Epochs.Count),
            row.Epochs.Count > 0 ? OptionTexts.Write(row.Epochs[^1].Replays) : "-",
            Text(row.Passes, "F1") + published,
            Text(row.Epochs.Count > 0 ? row.Seconds : null, "F0") + minutes,
            Text(row.Flops / 1e12, "F2"),
        ];
    }

    private static string StateOf(RowResult row) => row switch
    {
        { Failure: { } failure } => $"failed: {failure}",
        { Attacks.Count: > 0 } => "done",
        { Epochs.Count: > 0 } => "not done",
        _ => "not begun",
    };

    private JsonNode ToJson(RowResult row) => new JsonObject
    {
        ["name"] = row.Row.Name,
        ["state"] = StateOf(row),
        ["epochs"] = row.Epochs.Count,
        ["bestEpoch"] = study.Checkpoint == "best" ? row.BestEpoch : null,
        ["passes"] = row.Passes,
        ["seconds"] = row.Seconds,
        ["flops"] = row.Flops,
        ["warnings"] = new JsonArray([.. row.Warnings.Select(warning => (JsonNode)warning)]),
        ["published"] = row.Row.Published is { } known ? ToJson(known) : null,
        ["attacks"] = new JsonObject(row.Attacks.Select(attack => KeyValuePair.Create(attack.Attack, (JsonNode?)new JsonObject
        {
            ["correct"] = attack.Accuracy.Hits,
            ["images"] = attack.Accuracy.Count,
            ["accuracy"] = 100 * attack.Accuracy.Rate,
            ["low"] = 100 * attack.Accuracy.Interval.Low,
            ["high"] = 100 * attack.Accuracy.Interval.High,
            ["printed"] = row.Row.Published?.Of(attack.Attack).Printed,
            ["logged"] = row.Row.Published?.Of(attack.Attack).Logged,
            ["difference"] = Difference(row, attack.Attack),
        }))),
    };

    private static JsonObject ToJson(PublishedRow known) => new()
    {
        ["minutes"] = known.Minutes,
        ["passes"] = known.Passes,
        ["secondsPerPass"] = known.SecondsPerPass,
        ["bestEpoch"] = known.Best?.Epoch,
        ["bestAccuracy"] = known.Best?.Accuracy,
    };

    private static string TitleOf(string attack)
    {
        Attack any = Attack.Clean(default);
        return AttackChain.ParseList(attack, any.Epsilon, any.StepSize)[0].Title;
    }

    private static string Line(params IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
