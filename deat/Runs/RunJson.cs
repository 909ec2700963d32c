using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Deat.Training;

/// <summary>How the files of a run folder write JSON: camel case, readable text, infinite thresholds as "Infinity".</summary>
public static class RunJson
{
    /// <summary>One line: metrics and the state in checkpoints.</summary>
    public static JsonSerializerOptions Compact { get; } = Options(indented: false);

    /// <summary>For people: config.json and env.json.</summary>
    public static JsonSerializerOptions Indented { get; } = Options(indented: true);

    private static JsonSerializerOptions Options(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        WriteIndented = indented,
        NewLine = "\n",
    };
}
