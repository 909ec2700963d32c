using System.CommandLine;

namespace Deat.Training;

/// <summary><c>deat reproduce</c>: trains and attacks all runs of a study and writes its table.</summary>
internal static class ReproduceCommand
{
    // What makes a run that run, and what belongs to a single one.
    private static readonly HashSet<string> OfSingleRuns =
        ["preset", "method", "loop", "loss", "schedule", "compat", "test-attacks", "out-dir", "resume", "save-model", "opt-level"];

    private static readonly OptionSpec[] OfTraining = [.. TrainCommand.Options.Where(option => !OfSingleRuns.Contains(option.Name))];

    private static readonly OptionSpec[] Options =
    [
        new("out-dir", "folder", "the study's folder, with one for each run (default runs/ and the study's name)"),
        new("rows", "names", "only these runs, with commas: "
            + string.Join("; ", Studies.All.Select(study => $"{study.Name}: {string.Join(",", study.Rows.Select(row => row.Name))}"))),
        new("attack", "names", "attacks on each network, as deat eval has them (default those of the study)"),
        .. OfTraining,
    ];

    public static Command Create(Screen screen)
    {
        Command command = new("reproduce", "Trains and attacks all runs of a study, goes on where it was stopped, and writes its table.");
        Argument<string> name = new("study")
        {
            Description = string.Join("; ", Studies.All.Select(study => $"{study.Name}: {study.Title}")),
            HelpName = "study",
        };
        command.Arguments.Add(name);
        OptionSpec.AddTo(command, Options);
        command.SetAction(result => Run(result.GetRequiredValue(name), OptionSpec.Given(result, Options), screen));
        return command;
    }

    private static int Run(string name, Dictionary<string, string> given, Screen screen)
    {
        Study study = Studies.All.Find(name, "study");
        IReadOnlyList<StudyRow> rows = study.Choose(given.GetValueOrDefault("rows"));
        Dictionary<string, string> training = given.Where(option => OfTraining.Any(spec => spec.Name == option.Key)).ToDictionary();
        string folder = given.GetValueOrDefault("out-dir") ?? Path.Combine("runs", study.Name);
        StudyRun run = new(study, training, given.GetValueOrDefault("attack"), folder, screen);
        if (run.Rehearsal is { } rehearsal)
            screen.Line($"rehearsal: not comparable with the published numbers ({rehearsal})");
        return run.Execute(rows);
    }
}
