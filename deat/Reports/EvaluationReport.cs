using System.Globalization;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>What an evaluation says: tables for people, and result.json.</summary>
public static class EvaluationReport
{
    private const int Cell = 22;

    /// <summary>The accuracy of each class under each chain of attacks.</summary>
    /// <param name="results">The chains.</param>
    /// <param name="classNames">The names of the classes.</param>
    public static IEnumerable<string> PerClass(IReadOnlyList<ChainResult> results, IReadOnlyList<string> classNames)
    {
        int head = Math.Max(9, classNames.Max(text => text.Length));
        string Row(string name, Func<ChainResult, string> cell) => name.PadRight(head) + string.Concat(results.Select(
            result => cell(result).PadLeft(Math.Max(Cell, result.Chain.Title.Length + 2))));
        yield return Row("", result => result.Chain.Title);
        for (int c = 0; c < classNames.Count; c++)
        {
            int label = c;
            yield return Row(classNames[c], result => result.Final.PerClass[label].Count == 0 ? "-" : $"{result.Final.PerClass[label]}");
        }

        yield return Row("all", result => $"{result.Final.Total}");
        yield return Row("loss", result => Text(result.Final.Loss, "F4"));
    }

    /// <summary>What each attack did and cost.</summary>
    /// <param name="results">The chains.</param>
    public static IEnumerable<string> PerAttack(IReadOnlyList<ChainResult> results)
    {
        int head = results.SelectMany(Names).Max(name => name.Length) + 2;
        string Row(string name, params string[] cells) => name.PadRight(head) + string.Concat(cells.Select(cell => cell.PadLeft(14)));
        yield return Row("attack", "accuracy", "fooled", "forward", "backward", "images fwd", "images bwd", "seconds");
        foreach (ChainResult result in results)
        {
            foreach ((EvaluationResult stage, string name) in result.Stages.Zip(Names(result)))
            {
                PassCounts passes = stage.Passes;
                yield return Row(
                    name, Text(100 * stage.Total.Rate, "F2") + " %", Text(Fooled(stage)), Text(passes.Forwards), Text(passes.Backwards),
                    Text(passes.ForwardImages), Text(passes.BackwardImages), Text(stage.Elapsed.TotalSeconds, "F1"));
            }
        }
    }

    /// <summary>What makes the accuracies doubtful.</summary>
    /// <param name="results">The chains.</param>
    public static IEnumerable<string> Warnings(IReadOnlyList<ChainResult> results)
    {
        IEnumerable<string> ofEach = results.SelectMany(
            result => result.Stages.SelectMany((stage, i) => RedFlags.Of(stage, follows: i > 0)));
        return ofEach.Concat(RedFlags.OfAll(results.Select(result => result.Stages))).Distinct();
    }

    /// <summary>
    /// The content of result.json: the fields of RobustBench's model_info, where they are known, and under "deat" every attack.
    /// </summary>
    /// <param name="options">The run whose network it is.</param>
    /// <param name="results">The chains.</param>
    /// <param name="subject">What the evaluation is of.</param>
    /// <param name="warnings">What makes the accuracies doubtful.</param>
    public static JsonObject ToJson(
        TrainOptions options, IReadOnlyList<ChainResult> results, IReadOnlyDictionary<string, string> subject,
        IEnumerable<string> warnings)
    {
        Attack any = results[0].Final.Attack;
        EvaluationResult? clean = results.Select(result => result.Final).FirstOrDefault(result => result.Attack.Kind.Search is null);
        ChainResult? auto = results.FirstOrDefault(result => result.Chain.Name == AttackChain.Ensembles[0].Name);
        return new JsonObject
        {
            ["link"] = null,
            ["name"] = options.Method.Name,
            ["authors"] = null,
            ["additional_data"] = false,
            ["number_forward_passes"] = 1,
            ["dataset"] = options.Data.Name,
            ["venue"] = null,
            ["architecture"] = $"{options.Network.Name}, width {OptionTexts.Write(options.Width)}",
            ["eps"] = any.Epsilon.Text,
            ["clean_acc"] = Percent(clean),
            ["reported"] = null,
            ["autoattack_acc"] = Percent(auto?.Final),
            ["deat"] = new JsonObject
            {
                ["subject"] = new JsonObject(subject.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
                ["attacks"] = new JsonArray([.. results.Select(ToJson)]),
                ["warnings"] = new JsonArray([.. warnings.Select(warning => (JsonNode)warning)]),
            },
        };
    }

    private static JsonNode ToJson(ChainResult result) => new JsonObject
    {
        ["name"] = result.Chain.Name,
        ["accuracy"] = result.Final.Total.Rate,
        ["low"] = result.Final.Total.Interval.Low,
        ["high"] = result.Final.Total.Interval.High,
        ["stages"] = new JsonArray([.. result.Stages.Select(stage => (JsonNode)new JsonObject
        {
            ["name"] = stage.Attack.Name,
            ["norm"] = stage.Attack.Norm.ToString(),
            ["epsilon"] = stage.Attack.Epsilon.Value,
            ["restarts"] = stage.Attack.Restarts,
            ["correct"] = stage.Total.Hits,
            ["images"] = stage.Total.Count,
            ["attacked"] = stage.Attacked,
            ["forwards"] = stage.Passes.Forwards,
            ["backwards"] = stage.Passes.Backwards,
            ["forwardImages"] = stage.Passes.ForwardImages,
            ["backwardImages"] = stage.Passes.BackwardImages,
            ["seconds"] = stage.Elapsed.TotalSeconds,
        })]),
    };

    private static IEnumerable<string> Names(ChainResult result) => result.Stages.Count == 1
        ? [result.Chain.Title]
        : result.Stages.Select(stage => $"{result.Chain.Title}: {stage.Attack.Title}");

    private static long Fooled(EvaluationResult stage) => stage.Attack.Kind.Search is null ? 0 : stage.Attacked - stage.Total.Hits;

    private static string? Percent(EvaluationResult? result) => result is null ? null : Text(100 * result.Total.Rate, "F2");

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
