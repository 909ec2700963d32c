using System.Text.Json;
using System.Text.Json.Nodes;

namespace Deat.Training;

/// <summary>
/// The folder of one run, locked while it is open:
/// <list type="bullet">
/// <item><c>config.json</c>: its format and every resolved option; <c>env.json</c>: device, driver, versions, commit</item>
/// <item><c>metrics.jsonl</c>: one line per epoch; <c>output.log</c>: the authors' table; <c>magnitude.svg</c></item>
/// <item>with <c>--probe</c>, <c>probe.jsonl</c>: a header and one line per epoch; <c>probe.svg</c>, and of the last epoch
/// <c>slices.svg</c> and <c>strip.svg</c></item>
/// <item><c>last.safetensors</c>, the one before as <c>last.safetensors.prev</c>, and <c>best.safetensors</c></item>
/// <item><c>average.safetensors</c> where weights are averaged; <c>guard.jsonl</c> and, to go back to, <c>good.safetensors</c> where the
/// run is guarded</item>
/// <item><c>stopped.json</c> where the run was stopped within an epoch: how long that epoch had trained</item>
/// </list>
/// An epoch is recorded in the order probe, log, metrics, best, last: whatever is lost in between is lost towards the last checkpoint,
/// from which it is done again. All failures are <see cref="StorageException"/> unless said otherwise.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private const string ConfigFile = "config.json";
    private const string FormatKey = "format", CurrentFormat = "deat-run-1";
    internal const string LastFile = "last.safetensors";
    internal const string BestFile = "best.safetensors";
    internal const string AverageFile = "average.safetensors";
    private const string GoodFile = "good.safetensors";

    private readonly RunLock _lock;
    private readonly TimeProvider _time;
    private readonly AtomicFile _files = new(new FileOperations());
    private readonly RunRecords _records;
    private readonly List<string> _notes = [];

    private RunFolder(string path, RunLock held, TimeProvider time)
    {
        (Location, _lock, _time) = (path, held, time);
        _records = new RunRecords(path, _files);
    }

    /// <summary>The absolute path of the folder.</summary>
    public string Location { get; }

    /// <summary>What the user should know about how the folder was found, one line each.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>The epochs recorded so far.</summary>
    public IReadOnlyList<EpochMetrics> Metrics => _records.Metrics;

    /// <summary>
    /// Starts a run in a new or empty folder, or in that of a run which never reached its first epoch's end. Writes config.json, so
    /// that a folder without room or permission is found before the first step.
    /// </summary>
    /// <param name="path">The folder, made if it is missing.</param>
    /// <param name="config">Every resolved option.</param>
    /// <param name="time">The clock for the labels in the log; the system's if null.</param>
    /// <exception cref="StorageException">The folder holds another run, is in use, or cannot be written.</exception>
    public static RunFolder Create(string path, JsonObject config, TimeProvider? time = null)
    {
        // Before the lock file makes it look like one of ours.
        if (File.Exists(Path.Combine(path, ConfigFile)) && !File.Exists(Path.Combine(path, RunLock.FileName)))
            throw new StorageException(
                $"folder {Path.GetFullPath(path)} has a {ConfigFile} that is not of a run; choose another --out-dir");
        var folder = Open(path, time);
        try
        {
            folder.RequireNoOtherRun();
            JsonObject written = new() { [FormatKey] = CurrentFormat };
            foreach (var (name, value) in config)
                written[name] = value?.DeepClone();
            folder._files.WriteText(folder.In(ConfigFile), written.ToJsonString(RunJson.Indented) + "\n");
            folder._records.KeepEpochs(0);
            folder._records.KeepChecks(0);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Opens the folder of a run to go on with it. Call <see cref="KeepEpochs"/> when its checkpoint is known.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">Every resolved option, or null to take the run's as they are.</param>
    /// <param name="mayDiffer">Names of options that may differ from the run's.</param>
    /// <param name="time">The clock for the labels in the log; the system's if null.</param>
    /// <param name="complete">Adds to the run's options what the version that began it did not have.</param>
    /// <exception cref="UsageException">An option differs from the run's.</exception>
    /// <exception cref="CheckpointException">There is no run to go on with.</exception>
    public static RunFolder Resume(
        string path, JsonObject? config, IReadOnlySet<string>? mayDiffer = null, TimeProvider? time = null,
        Func<JsonObject, JsonObject>? complete = null)
    {
        if (config is null)
            ReadConfig(path);
        else
            RequireSame(path, config, mayDiffer ?? new HashSet<string>(), complete);
        return Open(path, time);
    }

    /// <summary>The options of the run in a folder. Folders of the first version do not name their format.</summary>
    /// <exception cref="CheckpointException">There is no run in it, or its config.json cannot be read.</exception>
    /// <exception cref="UsageException">Another version of the program made it, in another format.</exception>
    public static JsonObject ReadConfig(string path)
    {
        var file = Path.Combine(path, ConfigFile);
        if (!File.Exists(file))
            throw new CheckpointException($"{path} holds no run (no {ConfigFile})");
        try
        {
            JsonObject config = JsonNode.Parse(File.ReadAllText(file)) as JsonObject ?? throw new JsonException("it is not an object");
            var format = config[FormatKey]?.ToString() ?? CurrentFormat;
            config.Remove(FormatKey);
            return format == CurrentFormat
                ? config
                : throw new UsageException($"{file} has the format '{format}' of another version of deat, this one reads {CurrentFormat}");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"cannot read {file}: {e.Message}", e);
        }
    }

    /// <summary>Writes env.json; the environments of earlier starts stay in it under "resumedFrom".</summary>
    public void WriteEnvironment(JsonObject environment) => _records.WriteEnvironment(environment);

    /// <summary>
    /// Reads the last checkpoint. Where a kill left only the one before, that is taken, and <see cref="Notes"/> tells; a damaged last one
    /// is an error that names the one before.
    /// </summary>
    /// <exception cref="CheckpointException">There is none, or it is damaged.</exception>
    public Checkpoint LoadLast()
    {
        var (last, previous) = (In(LastFile), In(LastFile + AtomicFile.PreviousSuffix));
        if (!File.Exists(last) && File.Exists(previous))
        {
            _notes.Add("using the previous checkpoint: the last one is missing");
            return Checkpoint.Read(previous);
        }
        try
        {
            return Checkpoint.Read(last);
        }
        catch (CheckpointException damaged) when (File.Exists(previous))
        {
            throw new CheckpointException($"{damaged.Message}; the one before is at {previous}", damaged);
        }
    }

    /// <summary>Reads the best checkpoint.</summary>
    /// <exception cref="CheckpointException">There is none, or it is damaged.</exception>
    public Checkpoint LoadBest() => Checkpoint.Read(In(BestFile));

    /// <summary>Replaces the last checkpoint, as a whole, and keeps the one before.</summary>
    /// <exception cref="StorageException">It cannot be written; the old one is intact.</exception>
    public void SaveLast(Checkpoint checkpoint) =>
        _files.Write(In(LastFile), checkpoint.FileBytes, checkpoint.Write, keepPrevious: true);

    /// <summary>Replaces the best checkpoint as a whole. Save it before the last one, which knows how good it is.</summary>
    /// <exception cref="StorageException">It cannot be written; the old one is intact.</exception>
    public void SaveBest(Checkpoint checkpoint) =>
        _files.Write(In(BestFile), checkpoint.FileBytes, checkpoint.Write, keepPrevious: false);

    /// <summary>Replaces the averaged network as a whole.</summary>
    /// <exception cref="StorageException">It cannot be written; the old one is intact.</exception>
    public void SaveAverage(Checkpoint checkpoint) =>
        _files.Write(In(AverageFile), checkpoint.FileBytes, checkpoint.Write, keepPrevious: false);

    /// <summary>Replaces the state that a guarded run goes back to, as a whole.</summary>
    /// <exception cref="StorageException">It cannot be written; the old one is intact.</exception>
    public void SaveGood(Checkpoint checkpoint) =>
        _files.Write(In(GoodFile), checkpoint.FileBytes, checkpoint.Write, keepPrevious: false);

    /// <summary>Reads the state that a guarded run goes back to.</summary>
    /// <exception cref="CheckpointException">There is none, or it is damaged.</exception>
    public Checkpoint LoadGood() => Checkpoint.Read(In(GoodFile));

    /// <summary>Keeps how long an epoch had trained when the run was stopped in it: checkpoints hold no time.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="batch">Its minibatches that are done.</param>
    /// <param name="trained">The time of their training.</param>
    public void KeepTrained(int epoch, int batch, TimeSpan trained) =>
        _records.Write(new StoppedEpoch(epoch, batch, trained.TotalSeconds));

    /// <summary>How long an epoch had trained when the run was stopped there; nothing where it was not.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="batch">Its minibatches that are done.</param>
    public TimeSpan TrainedUntil(int epoch, int batch) => _records.ReadStopped() is { } stopped
        && (stopped.Epoch, stopped.Batch) == (epoch, batch) ? TimeSpan.FromSeconds(stopped.Seconds) : TimeSpan.Zero;

    /// <summary>Adds a look of the guard to guard.jsonl.</summary>
    public void Append(GuardCheck check) => _records.Append(check);

    /// <summary>Forgets the looks of the guard after the first ones, which a resumed run makes again.</summary>
    public void KeepChecks(int count) => _records.KeepChecks(count);

    /// <summary>Forgets all records after the first epochs, which a resumed run makes again.</summary>
    /// <param name="epochs">How many epochs the checkpoint has behind it.</param>
    public void KeepEpochs(int epochs)
    {
        _records.KeepEpochs(epochs);
        if (_records.Metrics.Count < epochs)
            _notes.Add($"metrics.jsonl has {_records.Metrics.Count} of the {epochs} epochs before the checkpoint");
    }

    /// <summary>Records an epoch in output.log and metrics.jsonl and draws magnitude.svg.</summary>
    public void Append(EpochMetrics metrics)
    {
        if (_records.Metrics.Count == 0)
            Log(OutputLog.Header(metrics));
        Log(OutputLog.Row(metrics));
        _records.Append(metrics);
        _files.WriteText(In("magnitude.svg"), MagnitudeFigure.Draw(_records.Metrics));
        if (metrics.Probe is not null)
            _files.WriteText(In("probe.svg"), ProbeFigures.Epochs(_records.Metrics));
    }

    /// <summary>Records what a probe of an epoch showed in probe.jsonl and draws slices.svg and strip.svg.</summary>
    public void Append(ProbeHeader header, ProbeEpoch epoch)
    {
        _records.Append(header, epoch);
        _files.WriteText(In("slices.svg"), ProbeFigures.Slices(header, epoch));
        _files.WriteText(In("strip.svg"), ImageStrip.Draw(header, epoch));
    }

    /// <summary>Adds the table of test results to output.log.</summary>
    public void AppendTest(IReadOnlyList<AttackResult> results)
    {
        Log(OutputLog.TestHeader(results));
        Log(OutputLog.TestRow(results));
    }

    /// <summary>Adds a line with the time in front to output.log.</summary>
    public void Log(string line) => _records.AppendLog(OutputLog.Stamped(_time.GetLocalNow(), line));

    /// <summary>The path of a file in the folder.</summary>
    public string In(string name) => Path.Combine(Location, name);

    /// <summary>Unlocks the folder.</summary>
    public void Dispose() => _lock.Dispose();

    private static RunFolder Open(string path, TimeProvider? time)
    {
        var folder = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot create the run folder {folder}: {e.Message}", e);
        }
        var run = new RunFolder(folder, RunLock.Acquire(folder, time ?? TimeProvider.System), time ?? TimeProvider.System);
        var leftovers = AtomicFile.RemoveLeftovers(folder);
        if (leftovers > 0)
            run._notes.Add($"removed {leftovers} leftover temporary file{(leftovers == 1 ? "" : "s")}");
        return run;
    }

    private void RequireNoOtherRun()
    {
        var epochs = _records.ReadMetrics().Count;
        var checkpoint = File.Exists(In(LastFile)) || File.Exists(In(LastFile + AtomicFile.PreviousSuffix));
        if (epochs == 0 && !checkpoint)
            return;
        var advice = checkpoint ? "go on with it by --resume" : "it has no checkpoint to go on from: delete it";
        throw new StorageException($"folder {Location} holds a run ({epochs} epochs recorded); {advice}, or choose another --out-dir");
    }

    /// <summary>Refuses options that are not those of the run in a folder.</summary>
    /// <exception cref="UsageException">An option differs from the run's.</exception>
    /// <exception cref="CheckpointException">There is no run in it.</exception>
    internal static void RequireSame(
        string path, JsonObject config, IReadOnlySet<string> mayDiffer, Func<JsonObject, JsonObject>? complete)
    {
        var stored = ReadConfig(path);
        stored = complete?.Invoke(stored) ?? stored;
        var names = stored.Concat(config).Select(p => p.Key).Distinct().Except(mayDiffer);
        var different = names.Where(name => !JsonNode.DeepEquals(stored[name], config[name]))
            .Select(name => $"{name} {config[name]?.ToJsonString() ?? "none"} (was {stored[name]?.ToJsonString() ?? "none"})")
            .ToArray();
        if (different.Length > 0)
            throw new UsageException($"the run to resume has other options: {string.Join(", ", different)}");
    }
}
