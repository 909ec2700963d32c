using System.Text.Json;

namespace Deat.Training;

/// <summary>probe.jsonl: a <see cref="ProbeHeader"/>, then a <see cref="ProbeEpoch"/> in each line.</summary>
internal static class ProbeFile
{
    /// <summary>A line of the file.</summary>
    public static string Line<TRecord>(TRecord record) => JsonSerializer.Serialize(record, RunJson.Compact) + "\n";

    /// <summary>Reads a file. A last line that was cut by a kill is left out.</summary>
    /// <exception cref="StorageException">It cannot be read, or is not of this version.</exception>
    public static (ProbeHeader Header, IReadOnlyList<ProbeEpoch> Epochs) Read(string path)
    {
        try
        {
            string[] lines = File.ReadAllLines(path);
            string? format = lines.Length > 0 ? (string?)System.Text.Json.Nodes.JsonNode.Parse(lines[0])?["format"] : null;
            if (format != ProbeHeader.CurrentFormat)
                throw new StorageException($"{path} has the format '{format}', not {ProbeHeader.CurrentFormat}");
            List<ProbeEpoch> epochs = [.. lines[1..^1].Select(Parse<ProbeEpoch>)];
            if (lines.Length > 1 && TryParse(lines[^1]) is { } last)
                epochs.Add(last);
            return (Parse<ProbeHeader>(lines[0]), epochs);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot read {path}: {e.Message}", e);
        }
    }

    private static TRecord Parse<TRecord>(string line) => JsonSerializer.Deserialize<TRecord>(line, RunJson.Compact)!;

    private static ProbeEpoch? TryParse(string line)
    {
        try
        {
            return Parse<ProbeEpoch>(line);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
