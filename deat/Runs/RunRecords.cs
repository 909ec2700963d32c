using System.Text.Json;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>The text files of a run folder that grow with each epoch.</summary>
internal sealed class RunRecords(string folder, AtomicFile files)
{
    private readonly string _metricsPath = Path.Combine(folder, "metrics.jsonl");
    private readonly string _logPath = Path.Combine(folder, "output.log");
    private readonly string _probePath = Path.Combine(folder, "probe.jsonl");
    private readonly string _environmentPath = Path.Combine(folder, "env.json");
    private readonly string _guardPath = Path.Combine(folder, "guard.jsonl");
    private readonly string _stoppedPath = Path.Combine(folder, "stopped.json");
    private List<EpochMetrics> _metrics = [];

    public IReadOnlyList<EpochMetrics> Metrics => _metrics;

    /// <summary>The whole lines of metrics.jsonl; a kill may have cut the last.</summary>
    public List<EpochMetrics> ReadMetrics()
    {
        var metrics = new List<EpochMetrics>();
        foreach (var line in Lines(_metricsPath))
        {
            try
            {
                metrics.Add(JsonSerializer.Deserialize<EpochMetrics>(line, RunJson.Compact)!);
            }
            catch (JsonException)
            {
                break;
            }
        }
        return metrics;
    }

    public void KeepEpochs(int epochs)
    {
        _metrics = [.. ReadMetrics().Take(epochs)];
        files.WriteText(_metricsPath, string.Concat(_metrics.Select(Line)));
        files.WriteText(_logPath, epochs == 0 && _metrics.Count == 0 ? "" : OutputLog.Until(Read(_logPath), epochs));
        if (File.Exists(_probePath))
            files.WriteText(_probePath, epochs == 0 ? "" : string.Concat(Lines(_probePath).Take(1 + epochs).Select(line => line + "\n")));
    }

    /// <summary>Adds a line to probe.jsonl, the first time after its header.</summary>
    public void Append(ProbeHeader header, ProbeEpoch epoch)
    {
        string head = Read(_probePath).Length == 0 ? ProbeFile.Line(header) : "";
        Append(_probePath, head + ProbeFile.Line(epoch));
    }

    public void Append(EpochMetrics metrics)
    {
        Append(_metricsPath, Line(metrics));
        _metrics.Add(metrics);
    }

    public void Append(GuardCheck check) => Append(_guardPath, JsonSerializer.Serialize(check, RunJson.Compact) + "\n");

    public void KeepChecks(int count)
    {
        string[] lines = Read(_guardPath).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length > count)
            files.WriteText(_guardPath, string.Concat(lines.Take(count).Select(line => line + "\n")));
    }

    public void Write(StoppedEpoch stopped) =>
        files.WriteText(_stoppedPath, JsonSerializer.Serialize(stopped, RunJson.Compact) + "\n");

    public StoppedEpoch? ReadStopped()
    {
        try
        {
            return Read(_stoppedPath) is { Length: > 0 } text ? JsonSerializer.Deserialize<StoppedEpoch>(text, RunJson.Compact) : null;
        }
        catch (JsonException e)
        {
            throw new CheckpointException(
                $"cannot read {_stoppedPath}: {e.Message}; without it the seconds before the stop do not count", e);
        }
    }

    public void AppendLog(string line) => Append(_logPath, line);

    public void WriteEnvironment(JsonObject environment)
    {
        var written = environment.DeepClone().AsObject();
        if (Read(_environmentPath) is { Length: > 0 } text && JsonNode.Parse(text) is JsonObject earlier)
        {
            var history = earlier["resumedFrom"]?.DeepClone().AsArray() ?? [];
            earlier.Remove("resumedFrom");
            history.Add(earlier);
            written["resumedFrom"] = history;
        }
        files.WriteText(_environmentPath, written.ToJsonString(RunJson.Indented) + "\n");
    }

    private static string Line(EpochMetrics metrics) => JsonSerializer.Serialize(metrics, RunJson.Compact) + "\n";

    private static string[] Lines(string path) => Read(path).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string Read(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot read {path}: {e.Message}", e);
        }
    }

    private static void Append(string path, string line)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(line);
        try
        {
            using var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Explained(e, path, bytes.Length);
        }
    }
}
