using System.CommandLine;
using System.Globalization;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary><c>deat eval</c>: attacks the network of a run, with results per class.</summary>
internal static class EvalCommand
{
    private static readonly OptionSpec[] Options =
    [
        new("checkpoint", "name", "best or last (default best, where there is one)"),
        new("attack", "names", "clean, fgsm, pgd20, cw20 with any number of steps, with commas (default clean,fgsm,pgd20,cw20)", "attacks"),
        new("epsilon", "size", "radius of the ball: pixels 8, a quotient 8/255 or a fraction 0.031 (default that of the run)", "eps"),
        new("attack-step", "size", "step size of pgd and cw, as --epsilon (default 2)", "alpha"),
        new("restarts", "n", "how often pgd and cw start anew; the worst counts (default 1)"),
        new("test-images", "n", "use the first n test images, in equal parts by class (default as the run)", "n-ex"),
        new("batch-size", "n", "images at once, rounded down to a power of two; results do not depend on it (default 128)"),
        new("data-dir", "folder", "where the data set's files are, if not where the run found them"),
        new("seed", "n", "what random starts follow from (default that of the run)"),
        new("device", "id", "auto, or an id that deat devices lists (default auto)"),
        new("graphs", "on|off", "launch passes that repeat as CUDA graphs; the same bits (default on where the device can)"),
    ];

    public static Command Create(Screen screen)
    {
        Command command = new("eval", "Attacks the network of a run and tells what is left of its accuracy.");
        Argument<string> run = new("run") { Description = "the run folder", HelpName = "run" };
        command.Arguments.Add(run);
        OptionSpec.AddTo(command, Options);
        command.SetAction(result => Run(result.GetRequiredValue(run), OptionSpec.Given(result, Options), screen));
        return command;
    }

    private static int Run(string run, Dictionary<string, string> given, Screen screen)
    {
        OptionTexts own = new(given, new Dictionary<string, string>());
        TrainOptions options = RunOptions(run, given);
        Pixels epsilon = own.Size("epsilon", options.Adversary.Epsilon);
        Pixels step = own.Size("attack-step", options.ValidationAttack.StepSize);
        int restarts = own.Integer("restarts", 1, 1, 1000);
        IReadOnlyList<Attack> attacks = Attack.ParseList(own.Text("attack") ?? "clean,fgsm,pgd20,cw20", epsilon, step, restarts);
        ulong seed = given.ContainsKey("seed") ? OptionsResolution.Seed(own) : options.Seed;
        int batchSize = own.Integer("batch-size", 128, 1, 65_536);
        (string file, Checkpoint checkpoint) = Load(run, own);
        using ComputeDevice device = ComputeDevice.Open(own.Text("device") ?? "auto");
        DeviceText.UseGraphs(device, own, screen);
        DebugOutput.Of(screen)?.Attach(device);
        screen.Line($"device {DeviceText.Describe(device.Listing)}");
        ImageSet images = options.Data.Open().Test;
        using Module model = options.Network.Create(options.Width, images);
        model.Place(device, ElementType.Float32, options.Seed);
        Load(model, checkpoint);
        using Evaluator evaluator = new(model, images, options.Data.NormalizationOf(images), batchSize);
        screen.Line($"network {file}, after epoch {checkpoint.StateAs<TrainerState>().Epoch - 1}");
        screen.Line($"attacks epsilon {epsilon}; step {step}; restarts {restarts}; seed {seed}; {images.Count} images of {images.Name}");
        using StopRequest stop = new(screen.Errors);
        try
        {
            Show([.. attacks.Select(attack => Evaluate(evaluator, attack, seed, screen, stop))], images, screen);
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException)
        {
            return stop.ExitCode;
        }
    }

    /// <summary>The options of the run in a folder, over which those that say where the data are go.</summary>
    internal static TrainOptions RunOptions(string run, Dictionary<string, string> given)
    {
        // Only what says which images; the attack's sizes are not those of the training.
        string[] ofData = ["data-dir", "test-images"];
        Dictionary<string, string> data = given.Where(option => ofData.Contains(option.Key)).ToDictionary();
        return OptionsResolution.Train(new OptionTexts(data, RunConfig.Read(run)));
    }

    private static (string File, Checkpoint Checkpoint) Load(string run, OptionTexts own)
    {
        string best = Path.Combine(run, RunFolder.BestFile);
        string wanted = own.Choice("checkpoint", File.Exists(best) ? "best" : "last", "best", "last");
        string file = wanted == "best" ? best : Path.Combine(run, RunFolder.LastFile);
        return (file, Checkpoint.Read(file));
    }

    /// <summary>Gives a network the weights of a checkpoint.</summary>
    internal static void Load(Module model, Checkpoint checkpoint)
    {
        try
        {
            model.LoadStateDict(Trainer.Split(checkpoint).Model);
        }
        catch (StateFileException e)
        {
            throw new CheckpointException(e.Message, e);
        }
    }

    private static EvaluationResult Evaluate(Evaluator evaluator, Attack attack, ulong seed, Screen screen, StopRequest stop) =>
        evaluator.Run(attack, seed, watch: new Watch
        {
            Progress = done => screen.Progress(() => $"{attack.Title} {done:P0}"),
            Stop = () => stop.IsRequested,
        });

    private static void Show(EvaluationResult[] results, ImageSet images, Screen screen)
    {
        int name = Math.Max(9, images.ClassNames.Max(text => text.Length));
        void Row(string head, Func<EvaluationResult, string> cell) =>
            screen.Line(head.PadRight(name) + string.Concat(results.Select(result => cell(result).PadLeft(22))));
        screen.Line();
        Row("", result => result.Attack.Title);
        for (int c = 0; c < images.Classes; c++)
        {
            int label = c;
            Row(images.ClassNames[c], result => result.PerClass[label].Count == 0 ? "-" : result.PerClass[label].ToString());
        }

        Row("all", result => result.Total.ToString());
        Row("loss", result => result.Loss.ToString("F4", CultureInfo.InvariantCulture));
        Row("forward", result => result.Passes.Forwards.ToString(CultureInfo.InvariantCulture));
        Row("backward", result => result.Passes.Backwards.ToString(CultureInfo.InvariantCulture));
        screen.Line("accuracy with 95 % interval; forward and backward passes of a minibatch");
    }
}
