using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>What is not alike in measurements that stand beside each other.</summary>
internal static class Differences
{
    private static readonly (string Name, string Fact)[] OfMachines = [("cpu", "processor"), ("cores", "cores"), ("simd", "SIMD")];

    private static readonly string[] OfNetworks = ["method", "model", "width", "batch-size"];

    // Besides, the options that change what a batch costs.
    private static readonly string[] OfBatches =
    [
        "loop", "loss", "compat", "attack-bn", "first-steps", "awp-gamma", "grad-align", "dropout", "average", "precision",
        "attack-precision",
    ];

    /// <summary>
    /// Every fact that is not alike, with who has which, "cores 2 (A), 4 (B)", in one line; null where all are. What is not known of
    /// somebody is not compared.
    /// </summary>
    /// <param name="all">Names with facts about them; a fact without a value is not known.</param>
    public static string? Between(IReadOnlyList<(string Name, IReadOnlyList<(string Fact, string? Value)> Facts)> all)
    {
        IEnumerable<string> unlike =
            from known in all.SelectMany(each => each.Facts, (each, fact) => (each.Name, fact.Fact, fact.Value))
            where known.Value is not null
            group known by known.Fact into fact
            let values = fact.GroupBy(known => known.Value, known => known.Name).ToArray()
            where values.Length > 1
            select $"{fact.Key} {string.Join(", ", values.Select(value => $"{value.Key} ({string.Join(", ", value)})"))}";
        string line = string.Join("; ", unlike);
        return line.Length > 0 ? line : null;
    }

    /// <summary>What env.json and its like say about the machine.</summary>
    public static IEnumerable<(string Fact, string? Value)> Machine(JsonObject environment) =>
        OfMachines.Select(of => (of.Fact, environment[of.Name]?.ToString()));

    /// <summary>In what the devices and machines of two files of timings differ; null where they are alike.</summary>
    public static string? OfDevices(TimingReport before, TimingReport after)
    {
        Dictionary<string, string> first = Devices(before), second = Devices(after);
        bool isAnyInBoth = first.Keys.Intersect(second.Keys).Any();
        return Between([("A", Facts(before, first)), ("B", Facts(after, second))]);

        IReadOnlyList<(string, string?)> Facts(TimingReport report, Dictionary<string, string> devices) =>
        [
            .. isAnyInBoth
                ? devices.Select(device => ($"device {device.Key}", (string?)device.Value))
                : [("devices", string.Join(", ", report.Devices) is { Length: > 0 } ids ? ids : null)],
            .. Machine(report.Environment),
        ];
    }

    /// <summary>In what the devices and machines of two profiles differ; null where they are alike.</summary>
    public static string? OfDevices(CostProfile before, CostProfile after)
    {
        return Between([("A", Facts(before)), ("B", Facts(after))]);
        static IReadOnlyList<(string, string?)> Facts(CostProfile profile) =>
        [
            ("device", DeviceOf(profile)), ("driver", profile.Environment["driver"]?.ToString()), .. Machine(profile.Environment),
        ];
    }

    /// <summary>
    /// In what a profile's work is not that of a training: network, method and whatever changes what a batch costs; null where both are
    /// alike.
    /// </summary>
    /// <exception cref="UsageException">This version does not understand the profile's options.</exception>
    public static string? OfWork(CostProfile profile, TrainOptions training)
    {
        string[] options = [.. OfNetworks, .. OfBatches];
        return Between(
        [
            ("profile", Work(options, profile.Options, profile.ComputesDiscarded)),
            ("training", Work(options, training.ToJson(), training.Adversary.ComputesDiscarded ?? false)),
        ]);
    }

    /// <summary>
    /// Of what else a profile is, so that its prices are not those of a training, "training: ..." or "device: ..."; null where they are.
    /// </summary>
    /// <exception cref="UsageException">This version does not understand the profile's options.</exception>
    public static string? OfPrices(CostProfile profile, TrainOptions training)
    {
        if (OfWork(profile, training) is { } work)
            return $"training: {work}";
        bool isElsewhere = training.Device != "auto" && training.Device != profile.Device;
        return isElsewhere ? $"device: {profile.Device} instead of {training.Device}" : null;
    }

    /// <summary>
    /// That a profile's images, device or machine are not those of somebody to whom its prices are applied, and in what; null where they
    /// are.
    /// </summary>
    /// <param name="profile">The profile.</param>
    /// <param name="who">The other one.</param>
    /// <param name="data">Its images.</param>
    /// <param name="environment">Its env.json.</param>
    public static string? OfPlace(CostProfile profile, string who, string? data, JsonObject environment)
    {
        return Between(
            [("profile", Facts(profile.Options["data"]?.ToString(), profile.Environment)), (who, Facts(data, environment))]) is { } unlike
            ? $"not measured with the same images, device and machine: {unlike}"
            : null;
        static IReadOnlyList<(string, string?)> Facts(string? data, JsonObject environment) =>
        [
            ("data", data), ("device", environment["device"]?.ToString()), ("driver", environment["driver"]?.ToString()),
            .. Machine(environment),
        ];
    }

    /// <summary>Whether a profile is of the same method, network and batch as a run with these options.</summary>
    public static bool IsOfNetwork(CostProfile profile, IReadOnlyDictionary<string, string> options) =>
        OfNetworks.All(name => options.GetValueOrDefault(name) == profile.Options[name]?.ToString());

    /// <summary>
    /// In what the work of two profiles of one network and method differs: iterations, images and whatever changes what a batch costs;
    /// null where it is alike.
    /// </summary>
    /// <exception cref="UsageException">This version does not understand the options of one.</exception>
    public static string? OfWork(CostProfile before, CostProfile after)
    {
        return Between([("A", Facts(before)), ("B", Facts(after))]);
        static IReadOnlyList<(string, string?)> Facts(CostProfile profile) =>
        [
            ("iterations", Axis.Text(BatchPrice.Of(profile).Iterations.Count)), .. Work(
                [.. OfBatches, "data"], profile.Options, profile.ComputesDiscarded),
        ];
    }

    // With the options that versions did not have when the profile was made; a missing one means nothing to the method.
    private static IReadOnlyList<(string Option, string? Value)> Work(string[] names, JsonObject options, bool computesDiscarded)
    {
        JsonObject complete = RunConfig.Complete(options);
        return
        [
            .. names.Select(name => (name, (string?)(complete[name]?.ToString() ?? "none"))),
            ("graphs", complete["graphs"]?.ToString()), ("recompute", complete["recompute"]?.ToString()),
            ("attack-weight-gradients", OptionTexts.Write(computesDiscarded)),
        ];
    }

    /// <summary>A profile's device, by id and name.</summary>
    public static string DeviceOf(CostProfile profile) => $"{profile.Device} {profile.Environment["device"]}";

    // "opencl:0: name, driver": the id ends at the first colon that a blank follows.
    private static Dictionary<string, string> Devices(TimingReport report)
    {
        Dictionary<string, string> devices = [];
        foreach (string[] device in report.Devices.Select(device => device.Split(": ", 2)))
            devices[device[0]] = device[^1];
        return devices;
    }
}
