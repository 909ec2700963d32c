using System.CommandLine;
using System.Globalization;

namespace Deat.Training;

/// <summary><c>deat report</c>: runs, profiles and timings as one HTML file with pictures.</summary>
internal static class ReportCommand
{
    private static readonly OptionSpec[] Options =
    [
        new("out-file", "file", "the HTML file (default report.html in the first folder named, or beside the first file)"),
        new("png", "", "the pictures as PNG files too, beside the HTML file; a browser of this machine draws them"),
        new("browser", "file", "the Chrome, Chromium or Edge that does (default the first one found)"),
    ];

    public static Command Create(Screen screen) => OptionSpec.CommandOf(
        "report",
        "Writes what runs, profiles and timings show into one HTML file.",
        new Argument<string[]>("path")
        {
            Description = $"folders of runs, folders with a {CostProfile.FileName}, files of timings",
            HelpName = "run|profile|timings",
            Arity = ArgumentArity.OneOrMore,
        },
        Options,
        (paths, given) => Run(paths, given, screen));

    private static int Run(string[] paths, Dictionary<string, string> given, Screen screen)
    {
        if (given.ContainsKey("browser") && !given.ContainsKey("png"))
            throw new UsageException("--browser draws the pictures of --png, which is not asked for");
        ReportSources sources = ReportSources.Read(paths);
        foreach (string problem in sources.Problems)
            screen.Line($"note: {problem}");
        if (Report.Unlike(sources.Runs) is { } unlike)
            screen.Errors.WriteLine($"note: {unlike}");
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
        if (given.ContainsKey("png"))
            DrawPictures(file, sections, given.GetValueOrDefault("browser"), screen);
        return ExitCodes.Ok;
    }

    private static void DrawPictures(string report, IReadOnlyList<Section> sections, string? browser, Screen screen)
    {
        if (browser is not null && !File.Exists(browser))
            throw new UsageException($"--browser '{browser}' is no file");
        Figure[] figures = [.. sections.SelectMany(section => section.Figures).Where(figure => figure.Svg is not null)];
        string folder = Path.GetDirectoryName(Path.GetFullPath(report))!;
        IEnumerable<byte[]> pictures = PictureFiles.Draw(
            [.. figures.Select(figure => figure.Svg!)], Browser.Find(browser is null ? Browser.Usual : [browser]), folder);
        AtomicFile files = new(new FileOperations());
        List<string> written = [];
        foreach (((byte[] bytes, Figure figure), int i) in pictures.Zip(figures).Select((pair, i) => (pair, i)))
        {
            string name = PictureFiles.NameOf(report, i + 1, figure.Title);
            files.Write(name, bytes.Length, stream => stream.Write(bytes), keepPrevious: false);
            written.Add(Path.GetFileName(name));
            screen.Line($"  {name}");
        }

        // What an earlier report of this name had and this one has not.
        foreach (string old in PictureFiles.NamesBeside(report).Except(written).ToArray())
            File.Delete(Path.Combine(folder, old));
    }
}
