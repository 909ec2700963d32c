using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>An attack in the result.json of a run.</summary>
/// <param name="Name">The chain of attacks.</param>
/// <param name="Accuracy">Images that are still right, in [0,1].</param>
/// <param name="Low">The lower end of its 95 % interval.</param>
/// <param name="High">The upper end.</param>
internal sealed record AttackedAccuracy(string Name, double Accuracy, double Low, double High);

/// <summary>What the folder of a run holds.</summary>
internal sealed record RunSource
{
    /// <summary>The folder's name.</summary>
    public required string Name { get; init; }

    /// <summary>Every resolved option.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The recorded epochs.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>What the run was made on; empty where the file is missing.</summary>
    public required JsonObject Environment { get; init; }

    /// <summary>What <c>deat eval</c> found; empty before it.</summary>
    public required IReadOnlyList<AttackedAccuracy> Attacks { get; init; }

    /// <summary>The probed epochs; null without a probe.</summary>
    public required (ProbeHeader Header, IReadOnlyList<ProbeEpoch> Epochs)? Probe { get; init; }

    /// <summary>The method's name.</summary>
    public string Method => Options["method"];
}

/// <summary>What a report is made of, read from folders and files. What cannot be read is said and left out.</summary>
internal sealed record ReportSources
{
    // Of a run's epochs, or of the network that deat probe measured afterwards.
    private static readonly string[] ProbeFiles = ["probe.jsonl", "probe-last.jsonl", "probe-best.jsonl"];

    /// <summary>Runs, in the order of the arguments.</summary>
    public required IReadOnlyList<RunSource> Runs { get; init; }

    /// <summary>Profiles with the names of their folders.</summary>
    public required IReadOnlyList<(string Name, CostProfile Profile)> Profiles { get; init; }

    /// <summary>Timings with the names of their files.</summary>
    public required IReadOnlyList<(string Name, TimingReport Timings)> Timings { get; init; }

    /// <summary>What was left out, one line each.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Reads folders of runs, folders or files of profiles, and files of timings.</summary>
    /// <exception cref="CheckpointException">One of them is none of these, or none could be read.</exception>
    /// <exception cref="UsageException">None could be read, because all are runs of other versions.</exception>
    public static ReportSources Read(IEnumerable<string> paths)
    {
        List<RunSource> runs = [];
        List<(string, CostProfile)> profiles = [];
        List<(string, TimingReport)> timings = [];
        List<string> problems = [];
        bool isAllUsage = true;
        string[] all = [.. paths];
        foreach (string path in all)
        {
            // Runs of several seeds, say, are called alike in folders of their own: their paths tell them apart.
            string name = all.Count(other => NameOf(other) == NameOf(path)) == 1 ? NameOf(path) : Path.TrimEndingDirectorySeparator(path);
            bool isRun = File.Exists(Path.Combine(path, "config.json"));
            bool hasProfile = File.Exists(Path.Combine(path, CostProfile.FileName));
            if (isRun)
                Try(() => runs.Add(ReadRun(path, name, problems)));
            if (hasProfile || (File.Exists(path) && IsProfile(path)))
                Try(() => profiles.Add((name, CostProfile.Read(path))));
            else if (File.Exists(path))
                Try(() => timings.Add((name, TimingReport.Read(path))));
            else if (!isRun)
                throw new CheckpointException($"{path} is no run folder, no folder with a {CostProfile.FileName} and no file of timings");
        }

        if (runs.Count + profiles.Count + timings.Count == 0)
        {
            string nothing = $"nothing to show: {string.Join("; ", problems.Distinct().DefaultIfEmpty("no run was named"))}";
            throw isAllUsage ? new UsageException(nothing) : new CheckpointException(nothing);
        }

        return new ReportSources { Runs = runs, Profiles = profiles, Timings = timings, Problems = problems };

        void Try(Action read)
        {
            try
            {
                read();
            }
            catch (Failure failure)
            {
                problems.Add(failure.Message);
                isAllUsage &= failure is UsageException;
            }
        }
    }

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    private static RunSource ReadRun(string path, string name, List<string> problems)
    {
        IReadOnlyDictionary<string, string> options = RunConfig.Read(path);
        string metrics = Path.Combine(path, "metrics.jsonl");
        List<EpochMetrics> epochs = new RunRecords(path, new AtomicFile(new FileOperations())).ReadMetrics();
        int lines = File.Exists(metrics) ? File.ReadLines(metrics).Count(line => line.Length > 0) : 0;
        if (lines > epochs.Count)
            problems.Add($"{metrics}: line {epochs.Count + 1} cannot be read; the {epochs.Count} epochs before it are shown");
        if (epochs.Count == 0)
            throw new CheckpointException($"{path} has no finished epoch in metrics.jsonl");
        return new RunSource
        {
            Name = name,
            Options = options,
            Epochs = epochs,
            Environment = Optional(Path.Combine(path, "env.json"), problems, text => JsonNode.Parse(text)!.AsObject()) ?? [],
            Attacks = Optional(Path.Combine(path, "result.json"), problems, Attacks) ?? [],
            Probe = ProbeFiles.Select(file => ReadProbe(Path.Combine(path, file), problems)).FirstOrDefault(probe => probe is not null),
        };
    }

    private static AttackedAccuracy[] Attacks(string json) => [.. JsonNode.Parse(json)!["deat"]!["attacks"]!.AsArray().Select(attack =>
        new AttackedAccuracy(
            (string)attack!["name"]!, (double)attack["accuracy"]!, (double)attack["low"]!, (double)attack["high"]!))];

    private static (ProbeHeader, IReadOnlyList<ProbeEpoch>)? ReadProbe(string path, List<string> problems)
    {
        try
        {
            return File.Exists(path) ? ProbeFile.Read(path) : null;
        }
        catch (Failure failure)
        {
            problems.Add(failure.Message);
            return null;
        }
    }

    private static T? Optional<T>(string path, List<string> problems, Func<string, T> read)
        where T : class
    {
        try
        {
            return File.Exists(path) ? read(File.ReadAllText(path)) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or IOException
            or UnauthorizedAccessException or FormatException)
        {
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"{path} cannot be read: {e.Message.Split('\n')[0]}"));
            return null;
        }
    }

    private static bool IsProfile(string path)
    {
        try
        {
            using StreamReader reader = new(path);
            char[] head = new char[400];
            return new string(head, 0, reader.ReadBlock(head)).Contains("\"version\"", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whoever reads it next says why it cannot be read.
            return false;
        }
    }
}
