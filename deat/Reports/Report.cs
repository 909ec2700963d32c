using System.Globalization;

namespace Deat.Training;

/// <summary>Which figures a report has, in order: runs beside each other, each run, each profile, comparisons.</summary>
internal static class Report
{
    private static readonly string[] MachineFacts = ["device", "backend", "driver", "cpu", "deat", "commit"];
    private static readonly string[] OfWork = ["model", "width", "batch-size", "precision", "data", "train-images"];

    /// <summary>The sections of a report.</summary>
    public static IReadOnlyList<Section> Sections(ReportSources sources)
    {
        List<Section> sections = [];
        if (sources.Runs.Count > 0)
            sections.Add(Together(sources.Runs));
        sections.AddRange(sources.Runs.Select(run => Of(run, sources.Profiles)));
        sections.AddRange(sources.Profiles.Select(each => Of(each.Name, each.Profile)));
        sections.AddRange(sources.Timings.Select(each => Of(each.Name, each.Timings)));
        return sections;
    }

    private static Section Together(IReadOnlyList<RunSource> runs)
    {
        List<Figure> figures = [.. RunFigures.Progress(runs)];
        if (RunFigures.Attacks(runs) is { } attacks)
            figures.Add(attacks);
        List<string> missing = [];
        if (runs.FirstOrDefault(run => run.Attacks.Count == 0) is { } run)
            missing.Add($"Accuracy under attack of {run.Name}: deat eval {run.Name} --attack pgd20,autoattack");
        IEnumerable<string> facts = Unlike(runs) is { } unlike ? runs.Select(Summary).Append($"Note: {unlike}") : runs.Select(Summary);
        return new Section("What training bought", [.. facts], figures) { Missing = missing };
    }

    /// <summary>In what runs that share axes differ apart from how they trained, in one line; null where they are alike.</summary>
    public static string? Unlike(IReadOnlyList<RunSource> runs)
    {
        return Differences.Between([.. runs.Select(run => (run.Name, Facts(run)))]) is { } unlike
            ? $"these runs differ in more than how they trained, so that their seconds do not compare: {unlike}"
            : null;
        static IReadOnlyList<(string, string?)> Facts(RunSource run)
        {
            string device = $"{run.Options.GetValueOrDefault("device")} {run.Environment["device"]}".Trim();
            return
            [
                .. OfWork.Select(option => (option, run.Options.GetValueOrDefault(option))),
                // Elsewhere the folder is only where the files lie.
                ("data-dir", run.Options.GetValueOrDefault("data") == "folder" ? run.Options.GetValueOrDefault("data-dir") : null),
                ("device", device.Length > 0 ? device : null), ("driver", run.Environment["driver"]?.ToString()),
                .. Differences.Machine(run.Environment),
            ];
        }
    }

    private static Section Of(RunSource run, IEnumerable<(string Name, CostProfile Profile)> profiles)
    {
        List<string> missing = [];
        CostProfile? profile = Fitting(run, profiles, missing);
        if (run.Probe is null)
            missing.Add("Adversarial examples, bound and curvature: deat train --probe 64, or deat probe afterwards for the last network");
        return new Section(
            $"Run {run.Name}", [Summary(run), Machine(run)], [.. RunFigures.Epochs(run, profile), .. RunFigures.Probes(run)])
        {
            Missing = missing,
        };
    }

    // The first profile by whose prices the seconds of a run can be split, or why none can.
    private static CostProfile? Fitting(RunSource run, IEnumerable<(string Name, CostProfile Profile)> profiles, List<string> missing)
    {
        TrainOptions options = OptionsResolution.Train(new OptionTexts(new Dictionary<string, string>(), run.Options));
        string reasons = "";
        foreach ((string name, CostProfile profile) in profiles.Where(each => Differences.IsOfNetwork(each.Profile, run.Options)))
        {
            string? unlike = profile.IsCut || profile.Batches.Count == 0
                ? "training: it holds no whole batch"
                : Differences.OfPrices(profile, options);
            if (unlike is null)
                return profile;
            reasons += $"; {name} is of another {unlike}";
        }

        missing.Add(
            "Seconds by iteration: add a profile of the same method, model, width and batch size, which deat profile makes" + reasons);
        return null;
    }

    private static Section Of(string name, CostProfile profile) => profile.Launches.Count == 0
        ? new Section($"Profile {name}", ["It holds no launches."], [])
        : new Section($"Profile {name}", ProfileFigures.Facts(profile), [.. ProfileFigures.Of(profile)]);

    private static Section Of(string name, TimingReport report) => new(
        $"Timings {name}",
        [
            .. report.Devices,
            string.Join(", ", report.Settings.Select(setting => $"{setting.Key} {setting.Value}")
                .Concat(report.Environment.Select(fact => $"{fact.Key} {fact.Value}"))),
        ],
        RatioFigure.Of(report) is { } figure ? [figure] : []);

    private static string Summary(RunSource run)
    {
        string network = $"{run.Options.GetValueOrDefault("model", "pre18")} of width {run.Options.GetValueOrDefault("width", "?")}";
        (long passes, double seconds) = (run.Epochs.Sum(epoch => epoch.Passes), run.Epochs.Sum(epoch => epoch.Seconds));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{run.Name}: {run.Method}, {network}, {run.Epochs.Count} epochs, {passes:#,0} passes, {seconds:#,0.#} s");
    }

    private static string Machine(RunSource run) => string.Join(", ", MachineFacts
        .Where(name => run.Environment[name] is not null).Select(name => $"{name} {run.Environment[name]}"));
}
