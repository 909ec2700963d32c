using System.CommandLine;
using System.Globalization;

namespace Deat.Training;

/// <summary><c>deat report</c>: runs, profiles and timings as one HTML file with pictures.</summary>
internal static class ReportCommand
{
    private static readonly OptionSpec[] Options =
    [
        new("out-file", "file", "the HTML file (default report.html in the first folder named, or beside the first file)"),
    ];

    public static Command Create(Screen screen)
    {
        Command command = new("report", "Writes what runs, profiles and timings show into one HTML file.");
        Argument<string[]> paths = new("path")
        {
            Description = $"folders of runs, folders with a {CostProfile.FileName}, files of timings",
            HelpName = "run|profile|timings",
            Arity = ArgumentArity.OneOrMore,
        };
        command.Arguments.Add(paths);
        OptionSpec.AddTo(command, Options);
        command.SetAction(result => Run(result.GetRequiredValue(paths), OptionSpec.Given(result, Options), screen));
        return command;
    }

    private static int Run(string[] paths, Dictionary<string, string> given, Screen screen)
    {
        ReportSources sources = ReportSources.Read(paths);
        foreach (string problem in sources.Problems)
            screen.Line($"note: {problem}");
        IReadOnlyList<Section> sections = Report.Sections(sources);
        string folder = Directory.Exists(paths[0]) ? paths[0] : Path.GetDirectoryName(Path.GetFullPath(paths[0]))!;
        string file = given.GetValueOrDefault("out-file") ?? Path.Combine(folder, "report.html");
        string names = string.Join(", ", sources.Runs.Select(run => run.Name)
            .Concat(sources.Profiles.Select(profile => profile.Name)).Concat(sources.Timings.Select(timings => timings.Name)).Distinct());
        string subtitle = string.Create(
            CultureInfo.InvariantCulture, $"DEAT.Native, {screen.Time.GetUtcNow():yyyy-MM-dd HH:mm} UTC");
        string page = ReportPage.Write($"What {names} cost and gained", subtitle, sources.Problems, sections);
        new AtomicFile(new FileOperations()).WriteText(file, page);
        foreach (Section section in sections)
            foreach (string missing in section.Missing)
                screen.Line($"not shown: {missing}");
        screen.Line($"{sections.Sum(section => section.Figures.Count)} figures: {file}");
        return ExitCodes.Ok;
    }
}
