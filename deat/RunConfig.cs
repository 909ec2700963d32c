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

    /// <summary>
    /// The options of a run as this version writes them, with those that the version which began it did not have: they are as they are
    /// where nothing is said.
    /// </summary>
    /// <exception cref="UsageException">This version does not understand an option.</exception>
    public static JsonObject Complete(JsonObject stored)
    {
        Dictionary<string, string> texts = stored.ToDictionary(option => option.Key, option => option.Value?.ToString() ?? "");
        JsonObject complete = stored.DeepClone().AsObject();
        foreach ((string name, string value) in OptionsResolution.Train(new OptionTexts(new Dictionary<string, string>(), texts)).Texts())
            complete[name] = value;
        return complete;
    }
}
