using System.Text.Json;
using System.Text.Json.Serialization;

namespace Deat.Benchmarks;

/// <summary>What the machine code of a kernel is like on one architecture.</summary>
internal sealed record MachineCodeFacts
{
    /// <summary>Registers of each work-item.</summary>
    public required int Registers { get; init; }

    /// <summary>Bytes stored for lack of registers.</summary>
    public required int SpillStores { get; init; }

    /// <summary>Bytes loaded again.</summary>
    public required int SpillLoads { get; init; }

    /// <summary>Local memory of each work-item, bytes.</summary>
    public required int Stack { get; init; }

    /// <summary>Static shared memory of each group, bytes.</summary>
    public required int Shared { get; init; }

    /// <summary>Resident warps of a multiprocessor, of 64.</summary>
    public required int Warps { get; init; }

    /// <summary>What stands against more warps.</summary>
    public required string Limit { get; init; }

    /// <summary>Instructions of the whole kernel.</summary>
    public required int Instructions { get; init; }

    /// <summary>Instructions of the hottest loop by kind; null if there is no loop.</summary>
    public required IReadOnlyDictionary<string, int>? Loop { get; init; }
}

/// <summary>A kernel in one instantiation.</summary>
internal sealed record KernelEntry
{
    /// <summary>Class, name and type arguments.</summary>
    public required string Kernel { get; init; }

    /// <summary>Work-items per group.</summary>
    public required int Group { get; init; }

    /// <summary>"sm_80" or "sm_90" to machine code.</summary>
    public required IReadOnlyDictionary<string, MachineCodeFacts> Code { get; init; }
}

/// <summary>The machine code of all kernels, as one assembler makes it.</summary>
internal sealed record KernelPassport
{
    /// <summary>As the files are written.</summary>
    internal static readonly JsonSerializerOptions Compact = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The version of ptxas.</summary>
    public required string Ptxas { get; init; }

    /// <summary>The kernels by name.</summary>
    public required IReadOnlyList<KernelEntry> Kernels { get; init; }

    public static KernelPassport Parse(string json) => JsonSerializer.Deserialize<KernelPassport>(json, Compact)!;

    /// <summary>JSON with one line for each kernel, so that a difference shows which kernels changed.</summary>
    public string ToJson() => $$"""
        {"ptxas": "{{Ptxas}}", "kernels": [
        {{string.Join(",\n", Kernels.Select(kernel => JsonSerializer.Serialize(kernel, Compact)))}}
        ]}

        """;

    /// <summary>What is different in <paramref name="now"/>, a line for each kernel and architecture: kernels, then numbers.</summary>
    public IEnumerable<string> DifferencesTo(KernelPassport now)
    {
        Dictionary<string, KernelEntry> after = now.Kernels.ToDictionary(kernel => kernel.Kernel);
        foreach (string line in MissingAndNew(now.Kernels.Select(kernel => kernel.Kernel)))
            yield return line;
        foreach (KernelEntry before in Kernels.Where(kernel => after.ContainsKey(kernel.Kernel)))
        {
            foreach (string place in before.Code.Keys.Union(after[before.Kernel].Code.Keys))
            {
                string changes = string.Join(", ", Changes(Values(before, place), Values(after[before.Kernel], place)));
                if (changes.Length > 0)
                    yield return $"{before.Kernel} on {place}: {changes}";
            }
        }
    }

    /// <summary>The kernels that are not here or not in <paramref name="now"/>.</summary>
    public IEnumerable<string> MissingAndNew(IEnumerable<string> now)
    {
        string[] here = [.. Kernels.Select(kernel => kernel.Kernel)];
        return now.Except(here).Select(name => $"{name}: new").Concat(here.Except(now).Select(name => $"{name}: gone"));
    }

    private static Dictionary<string, string> Values(KernelEntry kernel, string architecture)
    {
        Dictionary<string, string> values = new() { ["group"] = kernel.Group.ToString() };
        if (!kernel.Code.TryGetValue(architecture, out MachineCodeFacts? code))
            return values;
        foreach (JsonProperty property in JsonSerializer.SerializeToElement(code, Compact).EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Object)
                values[property.Name] = property.Value.ToString();
        }

        foreach ((string kind, int count) in code.Loop ?? new Dictionary<string, int>())
            values[$"loop {kind}"] = count.ToString();
        return values;
    }

    private static IEnumerable<string> Changes(Dictionary<string, string> before, Dictionary<string, string> after) =>
        from name in before.Keys.Union(after.Keys)
        let change = (From: before.GetValueOrDefault(name, "none"), To: after.GetValueOrDefault(name, "none"))
        where change.From != change.To
        select $"{name} {change.From} -> {change.To}";
}
