using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>The options of a run as its config.json holds them.</summary>
internal static class RunConfig
{
    /// <summary>Options as texts by name, all of them understood.</summary>
    /// <exception cref="CheckpointException">The folder holds no run, or its config.json is not one of this program.</exception>
    /// <exception cref="UsageException">This version does not understand it: its format, an option, or the value of one.</exception>
    public static IReadOnlyDictionary<string, string> Read(string folder)
    {
        Dictionary<string, string> texts = [];
        foreach ((string name, JsonNode? value) in RunFolder.ReadConfig(folder))
            texts[name] = value is JsonValue
                ? value.ToString()
                : throw new CheckpointException($"the config.json in {folder} is not one of deat: {name} is not a value");
        if (!texts.ContainsKey("method"))
            throw new CheckpointException($"the config.json in {folder} is not one of deat: it names no method");
        if (texts.Keys.Except(TrainCommand.Options.Select(option => option.Name)).FirstOrDefault() is { } unknown)
            throw new UsageException($"the run in {folder} is of another version of deat: it has the unknown option --{unknown}");
        try
        {
            Resolve(texts);
            return texts;
        }
        catch (UsageException e)
        {
            throw new UsageException($"the run in {folder} is of another version of deat, or was changed: {e.Message}", e);
        }
    }

    /// <summary>
    /// The options of a run as this version writes them: with those that the version which began it did not have, which are as they are
    /// where nothing is said, and without those that it wrote although they change nothing in the run.
    /// </summary>
    /// <exception cref="UsageException">This version does not understand an option.</exception>
    public static JsonObject Complete(JsonObject stored)
    {
        Dictionary<string, string> texts = stored.ToDictionary(option => option.Key, option => option.Value?.ToString() ?? "");
        return Resolve(texts).ToJson();
    }

    private static TrainOptions Resolve(Dictionary<string, string> texts) =>
        OptionsResolution.Train(new OptionTexts(new Dictionary<string, string>(), texts));
}
