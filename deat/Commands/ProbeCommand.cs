using System.CommandLine;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// <c>deat probe</c>: measures the loss surface of a run's networks afterwards, as <c>deat train --probe</c> does in each epoch.
/// </summary>
internal static class ProbeCommand
{
    private const int UsualImages = 64;

    private static readonly OptionSpec[] Options =
    [
        new("checkpoint", "name", "best, last, average (as for deat eval), or all that there are (default all)"),
        new("images", "n", $"validation images, training images without any (default as --probe of the run, or {UsualImages})"),
        new("batch-size", "n", "images at once, rounded down to a power of two (default as the run)"),
        new("data-dir", "folder", "where the data set's files are, if not where the run found them"),
        new("seed", "n", "what random starts and directions follow from (default that of the run)"),
        new("device", "id", "auto, or an id that deat devices lists (default auto)"),
        new("graphs", "on|off", "launch passes that repeat as CUDA graphs; the same bits (default on where the device can)"),
    ];

    public static Command Create(Screen screen) => OptionSpec.CommandOf(
        "probe",
        "Measures the loss surface of a run's networks: Lipschitz bound, gains, curvature, slices.",
        new Argument<string>("run") { Description = "the run folder", HelpName = "run" },
        Options,
        (run, given) => Run(run, given, screen));

    private static int Run(string run, Dictionary<string, string> given, Screen screen)
    {
        OptionTexts own = new(given, new Dictionary<string, string>());
        TrainOptions options = EvalCommand.RunOptions(run, given);
        options = options with
        {
            BatchSize = own.Integer("batch-size", options.BatchSize, 1, 65_536),
            Seed = given.ContainsKey("seed") ? OptionsResolution.Seed(own) : options.Seed,
        };
        if (options.Adversary.Epsilon.Value == 0)
            throw new UsageException($"the run in {run} has --epsilon 0: there is no ball to measure in");
        IReadOnlyList<string> networks = Networks(run, own);
        int? wanted = own.OptionalInteger("images", 1, OptionsResolution.MaxProbeImages);
        AtomicFile.MakeFolder(run);
        using ComputeDevice device = DeviceText.Open(own.Text("device") ?? "auto", own, screen);
        (ImageSet Train, ImageSet? Validation, ImageSet Test) data = options.Data.Open();
        int usual = options.ProbeImages > 0 ? options.ProbeImages : Math.Min(UsualImages, (data.Validation ?? data.Train).Count);
        ImageSet images = SurfaceProbe.Choose(wanted ?? usual, data, "images")!;
        screen.Line($"{images.Count} images of {images.Name}, epsilon {options.Adversary.Epsilon}, seed {options.Seed}");
        using Module model = options.Network.Create(options.Width, images);
        model.Place(device, ElementType.Float32, options.Seed);
        using StopRequest stop = new(screen.Errors);
        using SurfaceProbe probe = new(model, options, images, stop: () => stop.IsRequested);
        try
        {
            (string, ProbeMetrics)[] shown = [.. networks.Select(
                name => Measure(probe, model, run, name, EvalCommand.Read(run, name, options), screen))];
            screen.Line();
            foreach (string line in ProbeText.Table(shown))
                screen.Line(line);
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException)
        {
            return stop.ExitCode;
        }
    }

    private static string[] Networks(string run, OptionTexts own)
    {
        string[] known = EvalCommand.Networks;
        string wanted = own.Choice("checkpoint", "all", [.. known, "all"]);
        string[] there = [.. known.Where(name => wanted == "all" ? File.Exists(EvalCommand.PathOf(run, name)) : wanted == name)];
        return there.Length > 0 ? there : throw new CheckpointException($"no checkpoint at {EvalCommand.PathOf(run, "last")}");
    }

    private static (string Network, ProbeMetrics Metrics) Measure(
        SurfaceProbe probe, Module model, string run, string name, Checkpoint checkpoint, Screen screen)
    {
        EvalCommand.Load(model, checkpoint);
        int epoch = checkpoint.StateAs<TrainerState>().Epoch - 1;
        AtomicFile files = new(new FileOperations());
        EpochMetrics metrics = new RunRecords(run, files).ReadMetrics().FirstOrDefault(m => m.Epoch == epoch)
            ?? throw new CheckpointException($"metrics.jsonl in {run} has no line for epoch {epoch}, whose network {name}.safetensors is");
        long start = screen.Time.GetTimestamp();
        ProbeEpoch shown = probe.Measure(epoch, metrics.Replays, metrics.StepSize);
        double seconds = screen.Time.GetElapsedTime(start).TotalSeconds;
        string file = Path.Combine(run, $"probe-{name}.jsonl");
        files.WriteText(file, ProbeFile.Line(probe.Header) + ProbeFile.Line(shown));
        files.WriteText(Path.Combine(run, $"slices-{name}.svg"), ProbeFigures.Slices(probe.Header, shown));
        files.WriteText(Path.Combine(run, $"strip-{name}.svg"), ImageStrip.Draw(probe.Header, shown));
        screen.Line($"{name}, after epoch {epoch}: {file}, slices-{name}.svg, strip-{name}.svg");
        return ($"{name}, epoch {epoch}", shown.Metrics(probe.Header.Epsilon, seconds));
    }
}
