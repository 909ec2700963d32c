using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Deat.Engine;

namespace Deat.Training;

/// <summary><c>deat plan</c>: predicts what a training costs from a profile, and how right that was from a run.</summary>
internal static class PlanCommand
{
    private const int LeastBatches = 4, UsualIterations = 3;
    private const double UsualSeconds = 10, StretchMilliseconds = 1000;
    private static readonly string[] NotOfPlans = ["resume", "save-model", "out-dir"];

    private static readonly OptionSpec[] Own =
    [
        new("profile", "path", "the profile to go by (default: a new one of some batches)"),
        new("replays-of", "run", "the iterations that this run logged, epoch by epoch, instead of the fewest and the most"),
        new(
            "batches", "n",
            $"batches of a new profile (default those of {UsualSeconds:0} seconds, {LeastBatches} at least)"),
    ];

    private static readonly OptionSpec[] OfTraining = [.. TrainCommand.Options.Where(option => !NotOfPlans.Contains(option.Name))];

    public static Command Create(Screen screen)
    {
        Command command = new(
            "plan", "Predicts time, passes and energy of a training; takes all options of train, or a run whose prediction is checked.");
        Argument<string?> run = new("run")
        {
            Description = "a finished run: its options, its iterations, and how far the prediction is off",
            HelpName = "run",
            Arity = ArgumentArity.ZeroOrOne,
        };
        command.Arguments.Add(run);
        OptionSpec.AddTo(command, Own.Concat(OfTraining));
        command.SetAction(result => Run(result.GetValue(run), OptionSpec.Given(result, Own), OptionSpec.Given(result, OfTraining), screen));
        return command;
    }

    private static int Run(string? run, Dictionary<string, string> given, Dictionary<string, string> ofTraining, Screen screen)
    {
        OptionTexts own = new(given, new Dictionary<string, string>());
        RefuseWhatWouldBeIgnored(run, own, ofTraining);
        IReadOnlyDictionary<string, string> usual = run is null ? Presets.Find(ofTraining).Options : RunConfig.Read(run);
        TrainOptions options = OptionsResolution.Train(new OptionTexts(ofTraining, usual));
        if (run is not null && options.Device != usual["device"])
            screen.Line($"note: the plan is for {options.Device}, the run was on {usual["device"]}");
        List<EpochMetrics>? logged = (run ?? own.Text("replays-of")) is { } folder ? Logged(folder) : null;
        (IReadOnlyList<int> fewest, IReadOnlyList<int> most) = logged is null
            ? CostPlan.Extremes(options.Replays(), options.Epochs)
            : ([.. logged.Select(epoch => epoch.Replays)], [.. logged.Select(epoch => epoch.Replays)]);
        ImageSet images = options.Data.Open().Train;
        CostProfile profile = own.Text("profile") is { } path
            ? Fitting(CostProfile.Read(path), options, run, screen)
            : Measure(new OptionTexts(ofTraining, usual), options, images, most.Max(), own, screen);
        if (!fewest.SequenceEqual(most))
            Show("fewest", fewest);
        CostPlan plan = Show(logged is not null ? "logged" : fewest.SequenceEqual(most) ? "all" : "most", most);
        if (run is not null)
            ShowError(plan, logged!, screen);
        return ExitCodes.Ok;

        CostPlan Show(string name, IReadOnlyList<int> replays)
        {
            CostPlan predicted = CostPlan.Of(profile, images.Count, replays, options.MaxPasses);
            string energy = predicted.Joules is { } joules ? Invariant($"{joules:N0} J") : "energy n/a";
            string work = Invariant($"{predicted.Passes:N0} passes, {ProfileFigures.Three(predicted.Flops / 1e12)} TFLOP");
            screen.Line($"{name,-7} {Iterations(predicted.Replays)}: {Duration(predicted.Total)} of training, {work}, {energy}");
            return predicted;
        }
    }

    private static void RefuseWhatWouldBeIgnored(string? run, OptionTexts own, Dictionary<string, string> ofTraining)
    {
        if (own.IsGiven("profile") && own.IsGiven("batches"))
            throw new UsageException("--batches conflicts with --profile: they are those of a new profile");
        string[] ofLength = ["epochs", "max-passes"];
        if (own.IsGiven("replays-of") && ofLength.FirstOrDefault(ofTraining.ContainsKey) is { } length)
            throw new UsageException($"--{length} conflicts with --replays-of: the plan has that run's epochs");
        if (run is null)
            return;
        if (own.IsGiven("replays-of"))
            throw new UsageException($"--replays-of conflicts with {run}: a run's plan goes by its own iterations");
        if (ofTraining.Keys.Except(TrainCommand.MayDifferOnResume).FirstOrDefault() is { } option)
            throw new UsageException($"--{option} conflicts with {run}: a run's plan goes by its own options");
    }

    private static List<EpochMetrics> Logged(string run)
    {
        RunConfig.Read(run);
        List<EpochMetrics> epochs = new RunRecords(run, new AtomicFile(new FileOperations())).ReadMetrics();
        return epochs.Count > 0 ? epochs : throw new CheckpointException($"{run} has no finished epoch in metrics.jsonl");
    }

    // The prices of another training are refused. Those of another device too, where one was named; images and machine are said.
    private static CostProfile Fitting(CostProfile profile, TrainOptions options, string? run, Screen screen)
    {
        profile.RequireWhole();
        if (Differences.OfPrices(profile, options) is { } unlike)
            throw new UsageException($"the profile is of another {unlike}");
        screen.Line($"device {Differences.DeviceOf(profile)}, that of the profile");
        (string where, JsonObject environment) = run is null
            ? ("here", Here(profile.Device))
            : ("run", ReportSources.Read([run]).Runs[0].Environment);
        if (Differences.OfPlace(profile, where, options.Data.Name, environment) is { } elsewhere)
            screen.Line($"note: {elsewhere}");
        return profile;
    }

    // This machine with its device of that id, where it has one.
    private static JsonObject Here(string id)
    {
        DeviceListing? device = ComputeDevice.List().FirstOrDefault(each => each.Id == id && each.IsUsable);
        return RunEnvironment.Describe(device?.Name ?? "none", "", device?.Driver);
    }

    private static CostProfile Measure(
        OptionTexts texts, TrainOptions options, ImageSet images, int most, OptionTexts own, Screen screen)
    {
        options.Network.RequireFit(images);
        using ComputeDevice device = ComputeDevice.Open(options.Device);
        DeviceText.Configure(device, texts, screen);
        screen.Line($"device {DeviceText.Describe(device.Listing)}");
        DebugOutput? debug = DebugOutput.Of(screen);
        debug?.AttachBuilds(device);
        ProfileRun run = new(device, options with { Device = device.Listing.Id }, images, new ProfileSettings
        {
            Batches = own.Integer("batches", LeastBatches, 1, 1000),
            Seconds = own.IsGiven("batches") ? 0 : UsualSeconds,
            Iterations = Math.Max(options.Method.Loop.Least, Math.Min(most, UsualIterations)),
            StretchMilliseconds = StretchMilliseconds,
            MaxLaunches = int.MaxValue,
        })
        {
            Observer = debug is null ? null : launch => debug.Show(device, launch),
            Progress = text => screen.Progress(() => text),
        };
        return run.Execute();
    }

    private static void ShowError(CostPlan plan, IReadOnlyList<EpochMetrics> logged, Screen screen)
    {
        double[] measured = [.. logged.Select(epoch => epoch.Seconds)];
        string passes = Invariant($"{logged.Sum(epoch => epoch.Passes):N0} passes");
        screen.Line($"run     {Duration(measured.Sum())}, {passes}: the prediction is {Off(plan.Total, measured.Sum())} off");
        string predicted = plan.Start is { } start ? Duration(start) : "n/a";
        string found = plan.StartOf(measured) is { } seconds ? Duration(seconds) : "n/a";
        screen.Line($"start   {predicted} predicted, {found} found: kernels are compiled, which drivers may know from before");
        if (measured.Length == 1)
            return;
        (double later, double laterFound) = (plan.Seconds.Skip(1).Sum(), measured.Skip(1).Sum());
        screen.Line($"later   {Duration(later)} predicted, {Duration(laterFound)} found without the first epoch: "
            + $"the prediction is {Off(later, laterFound)} off");
    }

    private static string Off(double predicted, double measured) =>
        ((predicted / measured) - 1).ToString("+0.0 %;-0.0 %", CultureInfo.InvariantCulture);

    // "1, 2 (x3), 4 (x2)": neighbouring equal numbers together.
    private static string Iterations(IReadOnlyList<int> replays)
    {
        List<(int Count, int Epochs)> runs = [];
        foreach (int count in replays)
        {
            if (runs.Count > 0 && runs[^1].Count == count)
                runs[^1] = (count, runs[^1].Epochs + 1);
            else
                runs.Add((count, 1));
        }

        IEnumerable<string> texts = runs.Select(each => each.Epochs == 1 ? $"{each.Count}" : $"{each.Count} (x{each.Epochs})");
        return $"{replays.Count} epochs of {string.Join(", ", texts)} iterations";
    }

    private static string Duration(double seconds) => seconds switch
    {
        < 600 => Invariant($"{seconds:0.#} s"),
        < 7200 => Invariant($"{seconds / 60:0.#} min"),
        _ => Invariant($"{seconds / 3600:0.#} h"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
