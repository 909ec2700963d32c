using System.CommandLine;
using Deat.Engine;

namespace Deat.Training;

/// <summary><c>deat train</c>.</summary>
internal static class TrainCommand
{
    // Paths may move and devices may change, and what is launched and kept how changes no bit; all else makes another run.
    internal static readonly HashSet<string> MayDifferOnResume = ["device", "data-dir", "graphs", "recompute"];

    /// <summary>Every option of a training.</summary>
    public static IReadOnlyList<OptionSpec> Options { get; } =
    [
        new("preset", "name", string.Join("; ", Presets.All.GroupBy(preset => preset.Title, preset => preset.Name)
            .Select(presets => $"{string.Join(", ", presets)}: {presets.Key}"))),
        new("method", "name", $"{TrainingMethods.All.Names()} (default mdeat); its parts can be exchanged by the next three options"),
        new("loop", "name", Explained(InnerLoops.All)),
        new("loss", "name", Explained(Objectives.All)),
        new("schedule", "name", $"how many iterations in which epoch; {Explained(Schedules.All)}"),
        new("compat", "name", "schedule m+, loss trades: table1 for the scripts behind the paper's Table 1 (default none)"),
        new("epsilon", "size", "radius of the adversary's ball: pixels 8, a quotient 8/255 or a fraction 0.031 (default 8)", "eps"),
        new("alpha", "size", "size of an attack step, as --epsilon (default by method)"),
        new("delta-init", "kind", "where delta starts: zero, uniform, normal, bernoulli, previous (default by method)", "init"),
        new("init-tau", "size", "size of the start, as --epsilon (default by method; epsilon where its start is normal and uniform or "
            + "bernoulli was asked for)"),
        new("clamp-start", "on|off", "keep x + delta in [0,1] at a random start already, not only after each step (default by method)"),
        new("attack-bn", "mode", "batch norm and dropout in passes that only attack: train (by the batch; active), eval (by the running "
            + "statistics; off) (default train; friendly: eval)"),
        new("attack-weight-gradients", "on|off", "compute weight gradients in passes that only attack too, and discard them, as "
            + "loss.backward() does; the same bits, for comparing costs (default off)"),
        new("patience", "n", "friendly: how many wrong predictions the attack goes beyond (default 3)", "tau"),
        new("fosc", "x", "fosc: limit of the stationary condition in the first epoch (default 0.5)"),
        new("first-steps", "n", "propagate: steps by the first layer in each iteration (default 3)"),
        new("beta", "x", "trades, mart: weight of the divergence (default 6)"),
        new("label-smoothing", "x", "ce: part of each label that all classes share in training, 0 to 1 (default 0)"),
        new("awp-gamma", "x", "with any method: perturb weights by so much of each layer's norm, such as 0.005 (default 0: not)"),
        new("grad-align", "x", "with any method: strength of gradient alignment, such as 0.2 (default 0: none)"),
        new("replays", "n", "fixed: replays m or attack steps k (default by method)", "minibatch-replays", "attack-iters"),
        new("min-replays", "n", "ramp: number of iterations at the beginning (default 2)"),
        new("max-replays", "n", "delay, accuracy, curriculum, m+, ramp: largest number of iterations (default by method)", "max-iteration"),
        new("gamma", "x", "m+: what the gradient magnitude is multiplied with for the next threshold (default 1.01)"),
        new("delay", "epochs", "delay: epochs from one increase to the next (default 3)"),
        new("target-accuracy", "x", "accuracy, curriculum: training accuracy that asks for one iteration more (default 0.4)", "threshold"),
        new("data", "name", $"the data set: {string.Join(", ", DataSets.Names)}"),
        new("data-dir", "folder", "where the data set's files are"),
        new("train-images", "n", "use the first n training images, in equal parts by class"),
        new("test-images", "n", "use the first n test images, in equal parts by class"),
        new("validation-from", "part", "images that choose the best epoch: train (held out), test (as the authors do) (default train)"),
        new("validation-images", "n", "how many (default 1000 of train, 2560 of test; 0 for none)"),
        new("normalization", "kind", "the network's input: std (by mean and deviation), 01 (pixels), +-1 (default std)"),
        new("model", "name", $"the network: {Networks.All.Names()} (default pre18); wrn-D-F for other depths and factors", "model-struc"),
        new("width", "n", "channels of the network's first layer (default as published: 64; wrn, mnist 16; dense121 24)"),
        new("dropout", "rate", "wrn: part of the activations in each block that training passes set to zero, 0 to below 1 (default 0)"),
        new("epochs", "n", "how often all training images come (default 50)"),
        new("max-passes", "n", "end after so many forward and backward passes over them, and spread the learning rate over these"),
        new("batch-size", "n", "images per minibatch (default 128)"),
        new("lr-schedule", "kind", $"learning rate over the run; {Explained(LearningRates.All)} (default multistep)"),
        new("lr-milestones", "epochs", "multistep: epochs, from 0, that begin with a tenth of the rate (default 1/2 and 4/5 of the run)"),
        new("lr-max", "x", "largest learning rate (default 0.05)", "lr"),
        new("lr-min", "x", "cyclic, cosine: learning rate at the low end (default 0)"),
        new("momentum", "x", "momentum of SGD (default 0.9; cyclic and one-cycle have their own)"),
        new("weight-decay", "x", "weight decay on all parameters (default 0.0005)"),
        new("average", "name", $"average of the weights beside the run; none; {Explained(Averages.All)} (default none)"),
        new("average-decay", "x", "ema: what the average keeps of itself in a minibatch (default 0.999)"),
        new("average-warm-up", "on|off", "ema: keep less at the beginning, (1 + n) / (10 + n) in minibatch n (default on)"),
        new("average-start", "epoch", "swa: first epoch, from 0, whose end is averaged (default 3/4 of the run)"),
        new("stop-after", "epochs", "end the run after so many epochs without a better one by the validation images (default never)"),
        new("on-collapse", "action", "guard against catastrophic overfitting, zero gradients, saturation: none, say, stop, "
            + "rollback (to the last good state, then half the step and rate, one iteration more) (default none)"),
        new("on-jump", "action", "with --on-collapse, at a jump of the gradient magnitude, which may foretell a collapse or not: say, "
            + "stop, rollback (default say)"),
        new("validation-attack", "name", "attack on validation images after each epoch (default cw10)"),
        new("test-attacks", "names", "attacks on test images at the end, with commas (default clean,pgd10)"),
        new("attack-step", "size", "step size of these attacks, as --epsilon (default 2)"),
        new("probe", "n", "measure the loss surface on n validation images after each epoch; costs about 30 passes of them (default 0)"),
        new("precision", "name", "what convolutions multiply: fp32; on tensor cores tf32 or bf16, sums and weights in fp32 (default fp32)"),
        new("attack-precision", "name", "the same in passes that do not update the weights (default as --precision)"),
        new("graphs", "on|off", "launch passes that repeat as CUDA graphs; the same bits (default on where the device can)"),
        new("recompute", "on|off", "compute normalised activations again backwards instead of keeping them: the same bits, a third less "
            + "memory for a pass more (default on on CPUs)"),
        new("seed", "n", "what all random numbers follow from (default 0)"),
        new("device", "id", "auto, or an id that deat devices lists (default auto)"),
        new("out-dir", "folder", "the run folder (default a new one in runs/)"),
        new("resume", "folder", "go on with the run in the folder, or in --out-dir") { HasOptionalValue = true },
        new("save-model", "", "has no effect: the network is always saved"),
        new("opt-level", "level", "O0: float32; for less see --precision"),
    ];

    public static Command Create(Screen screen)
    {
        Command command = new("train", "Trains a network against an adversary.");
        OptionSpec.AddTo(command, Options);
        command.SetAction(result => Run(OptionSpec.Given(result, Options), screen));
        return command;
    }

    private static int Run(Dictionary<string, string> given, Screen screen)
    {
        string? resumed = FolderToResume(given);
        OptionTexts texts = new(given, resumed is null ? Presets.Find(given).Options : RunConfig.Read(resumed));
        using ComputeDevice device = DeviceText.Open(OptionsResolution.Train(texts).Device, texts, screen);
        return Run(texts, resumed, given.GetValueOrDefault("out-dir"), device, screen);
    }

    /// <summary>Trains on an open device.</summary>
    /// <param name="texts">The options.</param>
    /// <param name="resumed">The folder of the run to go on with; null to begin one.</param>
    /// <param name="outDir">The folder of a run to begin; a new one in runs/ if null.</param>
    /// <param name="device">The device.</param>
    /// <param name="screen">What the user sees.</param>
    /// <returns>What the process answers.</returns>
    internal static int Run(OptionTexts texts, string? resumed, string? outDir, ComputeDevice device, Screen screen)
    {
        TrainOptions options = OptionsResolution.Train(texts);
        // On a device without graphs the option means nothing.
        options = options with { Device = device.Listing.Id, Graphs = device.HasGraphs ? device.UsesGraphs : null };
        device.Supporting(options.Precision);
        device.Supporting(options.AttackPrecision);
        (ImageSet train, ImageSet? validation, ImageSet test) = options.Data.Open();
        options.Network.RequireFit(train);
        options.Network.RequireVariance(train, options.BatchSize);
        // Before there is a folder.
        foreach (Attack attack in validation is null ? options.TestAttacks : [options.ValidationAttack, .. options.TestAttacks])
            attack.Rounds(train.Classes);
        SurfaceProbe.Choose(options.ProbeImages, (train, validation, test), "probe");
        using RunFolder folder = resumed is null
            ? RunFolder.Create(outDir ?? NewFolder.For($"{options.Method.Name}-{options.Data.Name}", screen.Time), options.ToJson())
            : RunFolder.Resume(resumed, options.ToJson(), MayDifferOnResume, complete: RunConfig.Complete);
        folder.WriteEnvironment(RunEnvironment.Describe(
            device.Name, $"{device.Listing.Id}, {DeviceText.Compiler(device.Traits.Backend)}", device.Listing.Driver));
        Show(options, folder, screen);
        using StopRequest stop = new(screen.Errors);
        using TrainingRun run = new(device, options, (train, validation, test), folder, screen, stop);
        if (resumed is not null)
            run.Resume();
        return run.Execute();
    }

    private static string Explained<TPart>(IReadOnlyList<TPart> parts)
        where TPart : IPart => string.Join("; ", parts.Select(part => $"{part.Name}: {part.Title}"));

    private static string? FolderToResume(Dictionary<string, string> given)
    {
        if (!given.TryGetValue("resume", out string? named))
            return null;
        string? outDir = given.GetValueOrDefault("out-dir");
        if (given.ContainsKey("preset"))
            throw new UsageException("--preset conflicts with --resume: a run goes on with its own options");
        if (named.Length > 0 && outDir is not null && Path.GetFullPath(named) != Path.GetFullPath(outDir))
            throw new UsageException($"--out-dir {outDir} conflicts with --resume {named}");
        return named.Length > 0 ? named : outDir ?? throw new UsageException("--resume needs the run's folder: deat train --resume FOLDER");
    }

    private static void Show(TrainOptions options, RunFolder folder, Screen screen)
    {
        screen.Line($"method {options.Method.Name}: {options.Method.Title}");
        screen.Line($"sizes  epsilon {options.Adversary.Epsilon}; alpha {options.Adversary.Alpha?.ToString() ?? "none"}");
        // The M+ schedule makes steps larger itself.
        bool stepsGrow = options.Method.HasAdversary && options.Replays() is MagnitudeReplays { Reach: SurfaceRule.LargerSteps };
        if (options.Adversary.Alpha?.Value == 0 && options.Adversary.Epsilon.Value > 0 && !stepsGrow)
            screen.Line("note: with --alpha 0 no attack step moves delta, which stays at its start");
        string layers = options.Network.Dropout > 0 ? "batch norm and dropout" : "batch norm";
        string gradients = options.Adversary.ComputesDiscarded == true ? "weight gradients, which are discarded" : "no weight gradients";
        if (options.Adversary.AttackNorm is { } mode)
            screen.Line($"attack passes use {layers} in {mode.ToString().ToLowerInvariant()} mode and compute {gradients}");
        if (options.Data.ValidatesOnTest)
            screen.Line("note: test images choose the best epoch, so that its accuracy on them is too good");
        string line = "options";
        foreach ((string name, string value) in options.Texts())
        {
            string part = $" --{name} {value}";
            if (line.Length + part.Length > 120)
            {
                screen.Line(line);
                line = "       ";
            }

            line += part;
        }

        screen.Line(line);
        screen.Line($"folder {folder.Location}");
    }
}
