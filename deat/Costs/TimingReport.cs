using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>Timings with what is needed to read them: the machine, the devices, the libraries and the settings.</summary>
public sealed record TimingReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>What was timed, for a heading.</summary>
    public required string Title { get; init; }

    /// <summary>When, in UTC.</summary>
    public required DateTime Date { get; init; }

    /// <summary>Processor, cores, system, versions.</summary>
    public required JsonObject Environment { get; init; }

    /// <summary>The devices that took part, "id: name, driver".</summary>
    public required string[] Devices { get; init; }

    /// <summary>Batch size, width and whatever else was chosen.</summary>
    public required Dictionary<string, string> Settings { get; init; }

    /// <summary>The results, in order.</summary>
    public required Timing[] Timings { get; init; }

    /// <summary>A report of this machine, now.</summary>
    /// <param name="title">What was timed.</param>
    /// <param name="devices">The devices that took part.</param>
    /// <param name="settings">What was chosen.</param>
    /// <param name="timings">The results.</param>
    /// <param name="libraries">Other libraries that took part, with their versions.</param>
    public static TimingReport Of(
        string title, IEnumerable<ComputeDevice> devices, Dictionary<string, string> settings, IEnumerable<Timing> timings,
        params (string Name, string Version)[] libraries)
    {
        JsonObject environment = RunEnvironment.Describe("", "", null);
        foreach (string perDevice in (string[])["device", "backend", "driver"])
            environment.Remove(perDevice);
        foreach ((string name, string version) in libraries)
            environment[name] = version;
        return new TimingReport
        {
            Title = title,
            Date = DateTime.UtcNow,
            Environment = environment,
            Devices = [.. devices.Select(device => $"{device.Listing.Id}: {device.Name}, {device.Listing.Driver}")],
            Settings = settings,
            Timings = [.. timings],
        };
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or holds something else.</exception>
    public static TimingReport Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<TimingReport>(File.ReadAllText(path), Json) ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"cannot read the timings in {path}: {e.Message}", e);
        }
    }

    /// <summary>Writes everything, each round's time included, in place of what was there before, which is whole until then.</summary>
    public void Write(string path)
    {
        string made = path + ".tmp";
        File.WriteAllText(made, JsonSerializer.Serialize(this, Json) + "\n");
        File.Move(made, path, overwrite: true);
    }
}
