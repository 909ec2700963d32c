using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>The options of a run as its config.json holds them.</summary>
internal static class RunConfig
{
    /// <summary>Options as texts by name.</summary>
    /// <exception cref="CheckpointException">The folder holds no run, or its config.json is not one of this program.</exception>
    public static IReadOnlyDictionary<string, string> Read(string folder)
    {
        Dictionary<string, string> texts = [];
        foreach ((string name, JsonNode? value) in RunFolder.ReadConfig(folder))
            texts[name] = value is JsonValue
                ? value.ToString()
                : throw new CheckpointException($"the config.json in {folder} is not one of deat: {name} is not a value");
        return texts.ContainsKey("method")
            ? texts
            : throw new CheckpointException($"the config.json in {folder} is not one of deat: it names no method");
    }
}
