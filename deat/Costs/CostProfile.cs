using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What was measured of some batches of training, the content of profile.json: every launch with its times, and what is needed to read
/// them. All tables, traces and reports are functions of this.
/// </summary>
public sealed record CostProfile
{
    /// <summary>The version of profile.json that this program writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The file's usual name.</summary>
    public const string FileName = "profile.json";

    /// <summary>The version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>When timing began, in UTC.</summary>
    public required DateTime Date { get; init; }

    /// <summary>Device, driver, versions, processor: as env.json of a run.</summary>
    public required JsonObject Environment { get; init; }

    /// <summary>The device as --device takes it.</summary>
    public required string Device { get; init; }

    /// <summary>Facts about the device.</summary>
    public required DeviceTraits Traits { get; init; }

    /// <summary>Every resolved option of the training, as config.json of a run.</summary>
    public required JsonObject Options { get; init; }

    /// <summary>The preset that the options began with, which may have replaced its own; null if unknown.</summary>
    public string? Preset { get; init; }

    /// <summary>Images in each batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Whether passes that only attack computed the gradients of weights too, which nobody used.</summary>
    public required bool ComputesDiscarded { get; init; }

    /// <summary>Batches before the first timed one, which compiled the kernels.</summary>
    public required int WarmUps { get; init; }

    /// <summary>
    /// Seconds that the first batches took longer than later ones: kernels are compiled, buffers made. Null where it was not measured.
    /// </summary>
    public double? StartSeconds { get; init; }

    /// <summary>How launches were timed, for people.</summary>
    public required string TimingMethod { get; init; }

    /// <summary>Wall-clock milliseconds of batches that were not timed launch by launch, in turns with those that were.</summary>
    public required IReadOnlyList<double> UntimedMilliseconds { get; init; }

    /// <summary>The same of batches whose passes were launched as graphs; empty where the device has none.</summary>
    public required IReadOnlyList<double> GraphMilliseconds { get; init; }

    /// <summary>
    /// Wall-clock milliseconds of a batch among several of which none waited for the one before, as in a training. Empty where it was not
    /// measured.
    /// </summary>
    public IReadOnlyList<double> TrainingMilliseconds { get; init; } = [];

    /// <summary>What the device can do at most, measured.</summary>
    public required DevicePeaks Peaks { get; init; }

    /// <summary>Launches that were not timed because there were too many.</summary>
    public required long Missed { get; init; }

    /// <summary>
    /// Whether the only batch had more launches than were timed: it ends with the last of these, and tells nothing of a whole batch.
    /// </summary>
    public bool IsCut { get; init; }

    /// <summary>How often the device had to be waited for within a batch in order to read times.</summary>
    public required int Waits { get; init; }

    /// <summary>Energy of the timed batches in joules; null where the machine does not tell.</summary>
    public double? Joules { get; init; }

    /// <summary>Whose energy that is, or why there is none.</summary>
    public required string EnergySource { get; init; }

    /// <summary>What memory a batch needs; null where it was not found out.</summary>
    public MemoryNeed? MemoryNeed { get; init; }

    /// <summary>What each kernel takes of the device.</summary>
    public required IReadOnlyDictionary<string, KernelResources> Kernels { get; init; }

    /// <summary>The timed batches.</summary>
    public required IReadOnlyList<TimedBatch> Batches { get; init; }

    /// <summary>The epoch of each of them, from 0. Empty where it was not written down.</summary>
    public IReadOnlyList<int> Epochs { get; init; } = [];

    /// <summary>What was rented from the pool, whenever it changed.</summary>
    public required IReadOnlyList<MemorySample> Memory { get; init; }

    /// <summary>Every timed launch, in order.</summary>
    public required IReadOnlyList<LaunchRecord> Launches { get; init; }

    /// <summary>The launches of a batch, in order.</summary>
    public IEnumerable<LaunchRecord> LaunchesOf(TimedBatch batch) => Launches.Where(launch => launch.Batch == batch.Index);

    /// <summary>Refuses what is not of whole batches.</summary>
    /// <exception cref="UsageException">The only batch was cut off, or it was stopped before the first.</exception>
    public void RequireWhole()
    {
        if (Batches.Count == 0)
            throw new UsageException("the profile holds no batch: it was stopped before the first; profile again");
        if (IsCut)
            throw new UsageException("the profile's only batch was cut off by --max-launches; profile again with more launches");
    }

    /// <summary>
    /// By how much timing slowed the batches down, as a part of the time without it; null where that was not measured or the only batch was
    /// cut off.
    /// </summary>
    public double? Overhead() => UntimedMilliseconds.Count == 0 || Batches.Count == 0 || IsCut
        ? null
        : (Quantiles.Median(Batches.Select(batch => batch.Duration / 1e6)) / Quantiles.Median(UntimedMilliseconds)) - 1;

    /// <summary>
    /// A batch's time in a training over that of the timed batches: by batches as graphs where the device has them, otherwise by batches
    /// that do not wait for each other, otherwise by batches that were not timed; 1 where none was measured.
    /// </summary>
    public double TimeInTraining()
    {
        IReadOnlyList<double>? training = new[] { GraphMilliseconds, TrainingMilliseconds, UntimedMilliseconds }
            .FirstOrDefault(times => times.Count > 0);
        return training is null || Batches.Count == 0
            ? 1
            : Quantiles.Median(training) / Quantiles.Median(Batches.Select(batch => batch.Duration / 1e6));
    }

    /// <summary>Writes the content of profile.json, one line for each launch.</summary>
    public string ToJson()
    {
        JsonObject whole = JsonSerializer.SerializeToNode(this with { Memory = [], Launches = [] }, RunJson.Compact)!.AsObject();
        (string Name, IEnumerable<string> Lines)[] lists =
        [
            ("memory", Memory.Select(Line)), ("launches", Launches.Select(Line)),
        ];
        foreach ((string name, _) in lists)
            whole.Remove(name);
        string head = whole.ToJsonString(RunJson.Indented).TrimEnd().TrimEnd('}').TrimEnd();
        return head + string.Concat(lists.Select(list => $",\n  \"{list.Name}\": [\n{string.Join(",\n", list.Lines)}\n  ]")) + "\n}\n";
    }

    /// <summary>Reads a profile.</summary>
    /// <param name="path">The file, or the folder with a profile.json.</param>
    /// <exception cref="CheckpointException">There is none, it is damaged, or it is of another version.</exception>
    public static CostProfile Read(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        if (!File.Exists(file))
            throw new CheckpointException($"no profile at {path}; deat profile makes one");
        try
        {
            JsonObject whole = JsonNode.Parse(File.ReadAllText(file)) as JsonObject ?? throw new JsonException("it is not an object");
            int? version = (int?)whole["version"];
            if (version != CurrentVersion)
            {
                throw new CheckpointException(
                    $"{file} is a profile of version {version?.ToString() ?? "unknown"}, this program reads version {CurrentVersion}");
            }

            return whole.Deserialize<CostProfile>(RunJson.Compact)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"cannot read {file}: {e.Message}", e);
        }
    }

    private static string Line<T>(T value) => $"    {JsonSerializer.Serialize(value, RunJson.Compact)}";
}
