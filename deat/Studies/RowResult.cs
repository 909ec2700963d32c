using System.Text.Json;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>What the folder of a study's run tells.</summary>
public sealed record RowResult
{
    /// <summary>The run.</summary>
    public required StudyRow Row { get; init; }

    /// <summary>Its epochs so far.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>What each attack left, in their order, and before an ensemble its first attack; empty before the evaluation.</summary>
    public required IReadOnlyList<(string Attack, Proportion Accuracy)> Attacks { get; init; }

    /// <summary>What the evaluation found doubtful.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Why the run ended before its end; null where it did not.</summary>
    public string? Failure { get; init; }

    /// <summary>Seconds of training, without validation.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);

    /// <summary>Floating-point operations of the training; null where an epoch's were not counted.</summary>
    public double? Flops =>
        Epochs.Count > 0 && Epochs.All(epoch => epoch.Flops is not null) ? Epochs.Sum(epoch => (double)epoch.Flops!) : null;

    /// <summary>Passes over the training images; null where the minibatches of an epoch are not known.</summary>
    public double? Passes => Cumulative(epoch => epoch.Passes).LastOrDefault().Sum / MinibatchesOfEpoch;

    /// <summary>The first epoch with the highest validation accuracy; null without validation.</summary>
    public int? BestEpoch => Epochs.Where(epoch => ValidationOf(epoch) is not null).MaxBy(ValidationOf)?.Epoch;

    /// <summary>The robust accuracy on validation images after each epoch, against what was spent until then.</summary>
    /// <param name="spent">What an epoch took.</param>
    public IEnumerable<(double Spent, double? Accuracy)> Course(Func<RowResult, EpochMetrics, double?> spent) =>
        Cumulative(epoch => spent(this, epoch) ?? double.NaN).Zip(Epochs, (sum, epoch) => (sum.Sum, 100 * epoch.RobustAccuracy));

    /// <summary>Passes of an epoch over the training images.</summary>
    public double? PassesOf(EpochMetrics epoch) => (double)epoch.Passes / MinibatchesOfEpoch;

    /// <summary>The accuracy under an attack; null where it has not run.</summary>
    public Proportion? Of(string attack) =>
        Attacks.Where(known => known.Attack == attack).Select(known => (Proportion?)known.Accuracy).FirstOrDefault();

    /// <summary>Reads a run folder; one that is not there has no epochs.</summary>
    /// <param name="row">The run.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="attacks">The attacks of the evaluation, as the command line has them; that of others does not count.</param>
    public static RowResult Read(StudyRow row, string folder, string attacks)
    {
        JsonNode? evaluation = Evaluation(Path.Combine(folder, EvalCommand.ResultFile), attacks);
        return new RowResult
        {
            Row = row,
            Epochs = new RunRecords(folder, new AtomicFile(new FileOperations())).ReadMetrics(),
            // An attack may have run both by itself and as the first of a chain.
            Attacks =
            [
                .. evaluation?["attacks"]!.AsArray().SelectMany(attack => Accuracies(attack!)).DistinctBy(attack => attack.Attack) ?? [],
            ],
            Warnings = [.. evaluation?["warnings"]!.AsArray().Select(warning => $"{warning}") ?? []],
        };
    }

    // The last epoch may be a part of one.
    private int? MinibatchesOfEpoch => Epochs.Max(epoch => epoch.Batches);

    private double? ValidationOf(EpochMetrics epoch) =>
        Row.Options.GetValueOrDefault("method") == "natural" ? epoch.ValidationAccuracy : epoch.RobustAccuracy;

    private IEnumerable<(EpochMetrics Epoch, double Sum)> Cumulative(Func<EpochMetrics, double> value)
    {
        double sum = 0;
        foreach (EpochMetrics epoch in Epochs)
            yield return (epoch, sum += value(epoch));
    }

    private static JsonNode? Evaluation(string file, string attacks)
    {
        if (!File.Exists(file))
            return null;
        try
        {
            JsonNode? evaluation = JsonNode.Parse(File.ReadAllText(file))?["deat"];
            return (string?)evaluation?["subject"]?["attacks"] == attacks ? evaluation : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"cannot read {file}: {e.Message}; without it the network is attacked again", e);
        }
    }

    private static IEnumerable<(string Attack, Proportion Accuracy)> Accuracies(JsonNode attack)
    {
        JsonArray stages = attack["stages"]!.AsArray();
        if (stages.Count > 1)
            yield return ((string)stages[0]!["name"]!, Left(stages[0]!));
        yield return ((string)attack["name"]!, Left(stages[^1]!));
    }

    private static Proportion Left(JsonNode stage) => new((int)stage["correct"]!, (int)stage["images"]!);
}
