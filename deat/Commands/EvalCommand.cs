using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary><c>deat eval</c>: attacks the network of a run, with results per class.</summary>
internal static class EvalCommand
{
    internal const string ResultFile = "result.json";

    // More than any network withstands; a slip of the pen is beyond it.
    private const double LargestL2 = 100;

    /// <summary>The networks of a run, as --checkpoint takes them.</summary>
    internal static readonly string[] Networks = ["best", "last", "average"];

    private static readonly OptionSpec[] Options =
    [
        new("checkpoint", "name", "best, last: the network as it was trained; average: its averaged weights after the last epoch, "
            + "of a run with --average (default best, where there is one)"),
        new("attack", "names", $"{Attacks.Names(withEnsembles: true)}, with commas; a+b: b on what a leaves; clean always comes with them "
            + "(default clean,fgsm,pgd20,cw20)", "attacks"),
        new("norm", "linf|l2", "how a perturbation is measured (default linf)"),
        new("epsilon", "size", "radius of the ball: pixels 8, a quotient 8/255 or a fraction 0.031 (default the run's; l2 128/255)", "eps"),
        new("attack-step", "size", "step size of pgd, cw and kl, as --epsilon (default 2; l2 15)", "alpha"),
        new("restarts", "n", "how often attacks with a random start begin anew, on what is left (default 1)"),
        new("test-images", "n", "use the first n test images, in equal parts by class (default as the run)", "n-ex"),
        new("batch-size", "n", "images at once, rounded down to a power of two; results do not depend on it (default 128)"),
        new("data-dir", "folder", "where the data set's files are, if not where the run found them"),
        new("seed", "n", "what random starts follow from (default that of the run)"),
        new("device", "id", "auto, or an id that deat devices lists (default auto)"),
        new("state-path", "file", "where an interrupted evaluation is kept, to go on from there (default in the run folder)"),
        new("save-examples", "file.npz", "write the images, attacked and as they are, and their classes; for one chain of attacks"),
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

    /// <summary>Evaluates on a device that is open, or else on one of its own.</summary>
    internal static int Run(string run, Dictionary<string, string> given, Screen screen, ComputeDevice? open = null)
    {
        OptionTexts own = new(given, new Dictionary<string, string>());
        TrainOptions options = RunOptions(run, given);
        (string setting, IReadOnlyList<AttackChain> chains) = Chains(own, options, screen);
        MakeFolders(Path.Combine(run, ResultFile), own.Text("state-path"), own.Text("save-examples"));
        ulong seed = given.ContainsKey("seed") ? OptionsResolution.Seed(own) : options.Seed;
        int batchSize = own.Integer("batch-size", 128, 1, 65_536);
        string name = own.Choice("checkpoint", File.Exists(PathOf(run, "best")) ? "best" : "last", Networks);
        (string file, Checkpoint checkpoint) = (PathOf(run, name), Read(run, name, options));
        using ComputeDevice? opened = open is null ? DeviceText.Open(own.Text("device") ?? "auto", own, screen) : null;
        ComputeDevice device = open ?? opened!;
        ImageSet images = options.Data.Open().Test;
        foreach (Attack attack in chains.SelectMany(chain => chain.Attacks))
            attack.Rounds(images.Classes);
        using Module model = options.Network.Create(options.Width, images);
        model.Place(device, ElementType.Float32, options.Seed);
        Load(model, checkpoint);
        using Evaluator evaluator = new(model, images, options.Data.NormalizationOf(images), batchSize);
        screen.Line($"network {file}, after epoch {checkpoint.StateAs<TrainerState>().Epoch - 1}");
        screen.Line($"{setting}; seed {seed}; {images.Count} images of {images.Name}");
        Dictionary<string, string> subject = new()
        {
            ["checkpoint"] = name,
            ["network"] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))),
            ["images"] = images.Digest,
            ["attacks"] = string.Join(',', chains.Select(chain => chain.Name)),
            ["setting"] = setting,
            ["seed"] = seed.ToString(CultureInfo.InvariantCulture),
            ["device"] = device.Listing.Id,
        };
        string state = own.Text("state-path") ?? Path.Combine(run, $"evaluation-{EvaluationSession.Fingerprint(subject)}.json");
        using StopRequest stop = new(screen.Errors);
        try
        {
            AdversarialExamples? examples = own.Text("save-examples") is null ? null : new(images);
            (IReadOnlyList<ChainResult> results, string[] warnings) =
                Evaluate(evaluator, WithClean(chains), seed, subject, state, screen, stop, examples);
            Show(results, images, warnings, screen);
            Write(Path.Combine(run, ResultFile), EvaluationReport.ToJson(options, results, subject, warnings), screen);
            Write(examples, own.Text("save-examples"), screen);
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException)
        {
            screen.Line($"stopped; the same command, without --save-examples, goes on from {state}");
            return stop.ExitCode;
        }
    }

    private static void MakeFolders(params IEnumerable<string?> files)
    {
        foreach (string file in files.OfType<string>())
            AtomicFile.MakeFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    private static (IReadOnlyList<ChainResult> Results, string[] Warnings) Evaluate(
        Evaluator evaluator, IReadOnlyList<AttackChain> chains, ulong seed, Dictionary<string, string> subject, string state, Screen screen,
        StopRequest stop, AdversarialExamples? examples)
    {
        EvaluationSession session = new(evaluator, seed, subject, state, screen.Time);
        // Examples of an evaluation that was stopped are gone.
        if (examples is null && session.Resume())
            screen.Line($"going on from {state}");
        string[] oddities = [.. RedFlags.OfOutputs(evaluator.Logits(RedFlags.Repetitions))];
        IReadOnlyList<ChainResult> results = session.Run(
            chains, (attack, done) => screen.Progress(() => $"{attack.Title} {done:P0}"), () => stop.IsRequested,
            examples is null ? null : examples.Take);
        return (results, [.. oddities, .. EvaluationReport.Warnings(results)]);
    }

    private static (string Text, IReadOnlyList<AttackChain> Chains) Chains(OptionTexts own, TrainOptions options, Screen screen)
    {
        bool isL2 = own.Choice("norm", "linf", "linf", "l2") == "l2";
        double most = isL2 ? LargestL2 : 1;
        Pixels epsilon = own.Size("epsilon", isL2 ? Pixels.Parse("128/255", "--epsilon") : options.Adversary.Epsilon, most);
        Pixels step = own.Size(
            "attack-step", isL2 ? Pixels.Parse("15/255", "--attack-step") : OptionsResolution.DefaultAttackStep, most);
        int restarts = own.Integer("restarts", 1, 1, 1000);
        if (own.Text("epsilon") is { } written && epsilon.Text != written)
            screen.Line($"note: --epsilon {written} counts grey levels: {epsilon} of the pixel range");
        IReadOnlyList<AttackChain> chains = AttackChain.ParseList(
            own.Text("attack") ?? "clean,fgsm,pgd20,cw20", epsilon, step, restarts, isL2 ? Norm.L2 : Norm.Linf);
        NoteUnused(own, chains, screen);
        if (own.Text("save-examples") is not null && chains.Count > 1)
            throw new UsageException($"--save-examples is for one attack, or several as one+another, and --attack has {chains.Count}");
        return (
            $"attacks {(isL2 ? "L2" : "Linf")}, epsilon {epsilon}; step {step}; restarts {restarts}", chains);
    }

    private static void NoteUnused(OptionTexts own, IReadOnlyList<AttackChain> chains, Screen screen)
    {
        if (own.IsGiven("restarts") && !chains.Any(chain => !chain.IsEnsemble && chain.Attacks.Any(attack => attack.StartsAtRandom)))
            screen.Line("note: --restarts changes nothing: ensembles have their own numbers, and no other attack here starts at random");
        if (own.IsGiven("attack-step") && !chains.Any(chain => chain.Attacks.Any(attack => attack.Kind.TakesStepSize)))
            screen.Line("note: --attack-step changes nothing: the attacks here choose the sizes of their steps themselves");
    }

    // Every chain begins with what is classified correctly as it is, so that this costs nothing.
    private static IReadOnlyList<AttackChain> WithClean(IReadOnlyList<AttackChain> chains)
    {
        Attack any = chains[0].Attacks[0];
        return chains.Any(chain => chain.Attacks is [{ Kind.Search: null }])
            ? chains
            : [.. AttackChain.ParseList("clean", any.Epsilon, any.StepSize), .. chains];
    }

    /// <summary>The options of the run in a folder, over which those that say where the data are go.</summary>
    internal static TrainOptions RunOptions(string run, Dictionary<string, string> given)
    {
        // Only what says which images; the attack's sizes are not those of the training.
        string[] ofData = ["data-dir", "test-images"];
        Dictionary<string, string> data = given.Where(option => ofData.Contains(option.Key)).ToDictionary();
        return OptionsResolution.Train(new OptionTexts(data, RunConfig.Read(run)));
    }

    /// <summary>The file of a network of a run.</summary>
    internal static string PathOf(string run, string name) => Path.Combine(run, $"{name}.safetensors");

    /// <summary>Reads a network of a run.</summary>
    /// <exception cref="CheckpointException">The run has no such network.</exception>
    internal static Checkpoint Read(string run, string name, TrainOptions options)
    {
        string file = PathOf(run, name);
        if (name != "average" || File.Exists(file))
            return Checkpoint.Read(file);
        string reason = options.Average is { } average
            ? $"--average {average.Rule.Name} has not begun"
            : "it was trained without --average";
        throw new CheckpointException($"no averaged weights in {run}: {reason}; choose --checkpoint best or last");
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

    private static void Show(IReadOnlyList<ChainResult> results, ImageSet images, string[] warnings, Screen screen)
    {
        screen.Line();
        foreach (string line in EvaluationReport.PerClass(results, images.ClassNames))
            screen.Line(line);
        screen.Line("accuracy with 95 % interval; the loss is the largest cross-entropy seen of each image");
        screen.Line();
        foreach (string line in EvaluationReport.PerAttack(results))
            screen.Line(line);
        screen.Line("fooled of those that were left; forward and backward passes of a minibatch, and images in them");
        foreach (string warning in warnings)
            screen.Line($"warning: {warning}");
    }

    private static void Write(AdversarialExamples? examples, string? file, Screen screen)
    {
        if (examples is null || file is null)
            return;
        examples.Write(file);
        screen.Line($"examples {file}");
    }

    private static void Write(string file, JsonObject result, Screen screen)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(result.ToJsonString(RunJson.Indented) + "\n");
        bool replaces = File.Exists(file);
        new AtomicFile(new FileOperations()).Write(file, bytes.Length, stream => stream.Write(bytes), keepPrevious: true);
        screen.Line($"result {file}" + (replaces ? $"; the one before is {Path.GetFileName(file)}{AtomicFile.PreviousSuffix}" : ""));
    }
}
