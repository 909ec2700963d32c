namespace Deat.Training;

/// <summary>Named sets of options, written as on the command line; what the user writes goes before.</summary>
public static class Presets
{
    /// <summary>All presets: name, what it is for, options.</summary>
    public static IReadOnlyList<(string Name, string Title, IReadOnlyDictionary<string, string> Options)> All { get; } =
    [
        ("demo", "built-in images, a narrow network, under two minutes on two cores", new Dictionary<string, string>
        {
            ["width"] = "16",
            ["epochs"] = "5",
            ["batch-size"] = "32",
            ["lr-schedule"] = "cyclic",
            ["lr-max"] = "0.1",
            ["max-replays"] = "4",
            ["train-images"] = "960",
            ["validation-images"] = "64",
            ["validation-attack"] = "cw5",
            ["test-images"] = "300",
        }),
        ("standard", "the paper's setting for CIFAR-10: 50 epochs, multistep, full width", new Dictionary<string, string>()),
        ("fast", "the authors' FAST setting: 10 epochs, cyclic learning rate", new Dictionary<string, string>
        {
            ["epochs"] = "10",
            ["lr-schedule"] = "cyclic",
            ["lr-max"] = "0.1",
        }),
    ];

    /// <summary>The preset of a name; without a name, demo where no data are named and standard otherwise.</summary>
    /// <exception cref="UsageException">There is none of the name.</exception>
    public static IReadOnlyDictionary<string, string> Find(IReadOnlyDictionary<string, string> given)
    {
        bool namesData = given.ContainsKey("data") || given.ContainsKey("data-dir");
        string name = given.GetValueOrDefault("preset") ?? (namesData ? "standard" : "demo");
        return All.FirstOrDefault(preset => preset.Name == name).Options
            ?? throw new UsageException($"--preset '{name}' is not one of {string.Join(", ", All.Select(preset => preset.Name))}");
    }
}
