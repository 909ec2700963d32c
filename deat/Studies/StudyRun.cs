using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// Trains and attacks the runs of a study one after another, each in its folder of the study's. What is done is not done again: a run goes
/// on from its checkpoint, an evaluation from its state, and a run with its result.json is left as it is.
/// </summary>
/// <param name="study">The study.</param>
/// <param name="given">What the user wrote for all of its runs.</param>
/// <param name="attacks">The attacks; those of the study if null.</param>
/// <param name="folder">The study's folder.</param>
/// <param name="screen">What the user sees.</param>
internal sealed class StudyRun(
    Study study, IReadOnlyDictionary<string, string> given, string? attacks, string folder, Screen screen)
{
    private static readonly string[] OfEvaluation = ["data-dir", "test-images", "attack-step", "graphs"];

    private readonly Dictionary<string, string> _failures = [];

    /// <summary>Options that change nothing which published numbers depend on.</summary>
    public static IReadOnlySet<string> Harmless { get; } = new HashSet<string>(TrainCommand.MayDifferOnResume)
        { "data", "seed", "probe", "precision", "attack-precision" };

    /// <summary>Why the results cannot be compared with published ones; null where they can, or where nothing is published.</summary>
    public string? Rehearsal
    {
        get
        {
            if (study.PublishedOn is not { } published)
                return null;
            string data = OptionsResolution.Train(study.Texts(study.Rows[0], given)).Data.Name;
            string[] changes = [.. data == published ? [] : new[] { $"--data {data}" },
                .. given.Where(option => !Harmless.Contains(option.Key)).Select(option => $"--{option.Key} {option.Value}"),
                .. attacks is null ? [] : new[] { $"--attack {attacks}" }];
            return changes.Length == 0 ? null : string.Join(" ", changes);
        }
    }

    /// <summary>Does what is left to do of some runs.</summary>
    /// <param name="rows">The runs.</param>
    /// <returns>What the process answers: that of a signal, or else of the first run that failed.</returns>
    public int Execute(IReadOnlyList<StudyRow> rows)
    {
        // Before anything is computed.
        foreach (StudyRow row in rows)
            Check(row);
        StudyRow[] left = [.. rows.Where(row => Read(row).Attacks.Count == 0)];
        if (left.Length > 0)
            CheckClasses(OptionsResolution.Train(study.Texts(left[0], given)));
        AtomicFile.MakeFolder(folder);
        screen.Line($"{study.Title}: {rows.Count - left.Length} of {rows.Count} runs are done");
        int answer = left.Length == 0 ? ExitCodes.Ok : Execute(left, rows.Count);
        WriteReport();
        foreach (string line in Report().Lines())
            screen.Line(line);
        screen.Line($"table  {In($"{study.Name}.md")}");
        return answer;
    }

    private int Execute(StudyRow[] left, int all)
    {
        OptionTexts texts = study.Texts(left[0], given);
        using ComputeDevice device = DeviceText.Open(OptionsResolution.Train(texts).Device, texts, screen);
        int answer = ExitCodes.Ok;
        for (int i = 0; i < left.Length; i++)
        {
            screen.Line();
            screen.Line($"run {all - left.Length + i + 1} of {all}: {left[i].Title}");
            int code = Complete(left[i], device);
            WriteReport();
            if (code > 128)
            {
                screen.Line($"stopped in run {left[i].Name}; the same command goes on");
                return code;
            }

            answer = answer == ExitCodes.Ok ? code : answer;
        }

        return answer;
    }

    private int Complete(StudyRow row, ComputeDevice device)
    {
        string run = In(row.Name);
        try
        {
            int code = TrainCommand.Run(study.Texts(row, given), CanResume(run) ? run : null, run, device, screen);
            if (code != ExitCodes.Ok)
                return code;
            Dictionary<string, string> evaluation = given.Where(option => OfEvaluation.Contains(option.Key)).ToDictionary();
            evaluation["checkpoint"] = study.Checkpoint;
            evaluation["attack"] = attacks ?? study.Attacks;
            return EvalCommand.Run(run, evaluation, screen, device);
        }
        catch (Failure e) when (e.ExitCode is ExitCodes.Numeric or ExitCodes.Collapse)
        {
            // It would fail again; the other runs can still be made.
            _failures[row.Name] = e.Message;
            screen.Line($"run {row.Name} failed: {e.Message}");
            return e.ExitCode;
        }
    }

    private void Check(StudyRow row)
    {
        TrainOptions options = OptionsResolution.Train(study.Texts(row, given));
        Chains(options);
        string run = In(row.Name);
        if (CanResume(run) || Read(row).Attacks.Count > 0)
            RunFolder.RequireSame(run, options.ToJson(), TrainCommand.MayDifferOnResume, RunConfig.Complete);
    }

    private void CheckClasses(TrainOptions options)
    {
        int classes = options.Data.Open().Test.Classes;
        foreach (Attack attack in Chains(options).SelectMany(chain => chain.Attacks))
            attack.Rounds(classes);
    }

    private IReadOnlyList<AttackChain> Chains(TrainOptions options) =>
        AttackChain.ParseList(attacks ?? study.Attacks, options.Adversary.Epsilon, options.AttackStep);

    private static bool CanResume(string run) => File.Exists(Path.Combine(run, RunFolder.LastFile))
        || File.Exists(Path.Combine(run, RunFolder.LastFile + AtomicFile.PreviousSuffix));

    private string In(string name) => Path.Combine(folder, name);

    private RowResult Read(StudyRow row)
    {
        Attack any = Attack.Clean(default);
        IEnumerable<string> names = AttackChain.ParseList(attacks ?? study.Attacks, any.Epsilon, any.StepSize).Select(chain => chain.Name);
        return RowResult.Read(row, In(row.Name), string.Join(',', names)) with { Failure = _failures.GetValueOrDefault(row.Name) };
    }

    private StudyReport Report() => new(study, [.. study.Rows.Select(Read)], Rehearsal);

    private void WriteReport()
    {
        StudyReport report = Report();
        AtomicFile files = new(new FileOperations());
        files.WriteText(In($"{study.Name}.md"), report.Markdown());
        files.WriteText(In($"{study.Name}.json"), report.ToJson().ToJsonString(RunJson.Indented) + "\n");
        foreach ((string name, string svg) in report.Figures())
            files.WriteText(In($"{study.Name}-{name}.svg"), svg);
    }
}
