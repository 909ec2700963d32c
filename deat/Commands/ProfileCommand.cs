using System.CommandLine;
using Deat.Engine;

namespace Deat.Training;

/// <summary><c>deat profile</c>: trains some batches and tells what they cost, kernel by kernel.</summary>
internal static class ProfileCommand
{
    private const int DefaultLaunches = 50_000;
    private static readonly string[] NotOfProfiles = ["resume", "save-model", "out-dir"];

    private static readonly OptionSpec[] Own =
    [
        new("batches", "n", "batches that are timed launch by launch, in turns with as many that are timed as a whole (default 2)"),
        new("iterations", "n", "adversarial iterations of each batch (default those with which the method begins)"),
        new("max-launches", "n", $"so many launches are timed at most (default {DefaultLaunches})"),
        new("out-dir", "folder", $"where {CostProfile.FileName} and {TraceFile.FileName} go (default a new folder in runs/)"),
    ];

    private static readonly OptionSpec[] OfTraining = [.. TrainCommand.Options.Where(option => !NotOfProfiles.Contains(option.Name))];

    public static Command Create(Screen screen)
    {
        Command command = new("profile", "Tells what each iteration, layer and kernel of a training costs; takes all options of train.");
        OptionSpec.AddTo(command, Own.Concat(OfTraining));
        command.SetAction(result => Run(OptionSpec.Given(result, Own), OptionSpec.Given(result, OfTraining), screen));
        return command;
    }

    private static int Run(Dictionary<string, string> own, Dictionary<string, string> given, Screen screen)
    {
        Preset preset = Presets.Find(given);
        OptionTexts texts = new(given, preset.Options);
        TrainOptions options = OptionsResolution.Train(texts);
        ProfileSettings settings = Settings(new OptionTexts(own, new Dictionary<string, string>()), options);
        using ComputeDevice device = ComputeDevice.Open(options.Device);
        DeviceText.Configure(device, texts, screen);
        device.Supporting(options.Precision);
        device.Supporting(options.AttackPrecision);
        options = options with
        {
            Device = device.Listing.Id,
            Graphs = device.HasGraphs ? device.UsesGraphs : null,
            Recompute = device.RecomputesActivations,
        };
        screen.Line($"device {DeviceText.Describe(device.Listing)}");
        ImageSet images = options.Data.Open().Train;
        options.Network.RequireFit(images);
        string folder = Path.GetFullPath(own.GetValueOrDefault("out-dir") ?? NewFolder.For($"profile-{options.Method.Name}", screen.Time));
        AtomicFile.MakeFolder(folder);
        using StopRequest stop = new(screen.Errors);
        DebugOutput? debug = DebugOutput.Of(screen);
        debug?.AttachBuilds(device);
        ProfileRun run = new(device, options, images, settings)
        {
            Preset = preset.Name,
            Observer = debug is null ? null : launch => debug.Show(device, launch),
            Progress = text => screen.Progress(() => text),
            ShouldStop = () => stop.IsRequested,
        };
        CostProfile profile = run.Execute();
        ProfileText.Show(profile, screen);
        Write(profile, folder, screen);
        return stop.ExitCode;
    }

    private static ProfileSettings Settings(OptionTexts own, TrainOptions options) => new()
    {
        Batches = own.Integer("batches", 2, 1, 10_000),
        Iterations = own.OptionalInteger("iterations", options.Method.Loop.Least, 1000),
        MaxLaunches = own.Integer("max-launches", DefaultLaunches, 1, 10_000_000),
    };

    // What was measured has been shown by now: a disk that is full by then loses the files only.
    private static void Write(CostProfile profile, string path, Screen screen)
    {
        AtomicFile files = new(new FileOperations());
        files.WriteText(Path.Combine(path, CostProfile.FileName), profile.ToJson());
        byte[] trace = TraceFile.Of(profile);
        files.Write(Path.Combine(path, TraceFile.FileName), trace.Length, stream => stream.Write(trace), keepPrevious: false);
        screen.Line();
        screen.Line($"profile {Path.Combine(path, CostProfile.FileName)}");
        screen.Line($"trace   {Path.Combine(path, TraceFile.FileName)}; open it in ui.perfetto.dev");
    }
}
