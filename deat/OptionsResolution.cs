using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>From texts to options: defaults of method and preset, ranges, contradictions.</summary>
public static class OptionsResolution
{
    /// <summary>The largest number of images that a probe takes.</summary>
    public const int MaxProbeImages = 10_000;

    /// <summary>The size of a step of attacks that evaluate in Linf.</summary>
    public static readonly Pixels DefaultAttackStep = Pixels.Parse("2/255", "--attack-step");

    /// <summary>Resolves every option of a training run.</summary>
    /// <exception cref="UsageException">An option cannot be understood or contradicts another.</exception>
    public static TrainOptions Train(OptionTexts texts)
    {
        TrainingMethod method = MethodResolution.Method(texts);
        Compatibility compatibility = MethodResolution.Version(texts, method);
        AdversaryOptions adversary = MethodResolution.Adversary(texts, method);
        NetworkKind network = Network(texts);
        texts.Choice("opt-level", "O0", "O0");
        Pixels step = texts.Size("attack-step", DefaultAttackStep);
        DataOptions data = Data(texts);
        int? passes = texts.OptionalInteger("max-passes", 1, 100_000);
        int epochs = texts.Integer("epochs", passes ?? 50, 1, 100_000);
        Precision precision = texts.Precision("precision", Precision.Float32);
        return new TrainOptions
        {
            Method = method,
            Adversary = adversary,
            Loss = MethodResolution.Loss(texts, method),
            Compatibility = compatibility,
            Data = data,
            Network = network,
            Width = Width(texts, network),
            Epochs = epochs,
            MaxPasses = passes,
            BatchSize = texts.Integer("batch-size", 128, 1, 65_536),
            Optimizer = LearningRates.Resolve(texts),
            Perturbation = Positive(texts, "awp-gamma", most: 1),
            Alignment = Alignment(texts, adversary.Epsilon),
            Average = AverageOptions.Resolve(texts, epochs),
            StopAfter = StopAfter(texts, data),
            Guard = Guard(texts, data, method, compatibility, adversary.Epsilon, step),
            ValidationAttack = Attack.Parse(texts.Text("validation-attack") ?? "cw10", adversary.Epsilon, step),
            TestAttacks = Attack.ParseList(texts.Text("test-attacks") ?? "clean,pgd10", adversary.Epsilon, step),
            AttackStep = step,
            ProbeImages = Probe(texts, adversary.Epsilon),
            Precision = precision,
            AttackPrecision = texts.Precision("attack-precision", precision),
            Graphs = texts.Switch("graphs"),
            Recompute = texts.Switch("recompute"),
            Seed = Seed(texts),
            Device = texts.Text("device") ?? "auto",
        };
    }

    /// <summary>The seed of a run.</summary>
    /// <exception cref="UsageException">It is no whole number from 0 on.</exception>
    public static ulong Seed(OptionTexts texts)
    {
        string text = texts.Text("seed") ?? "0";
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new UsageException($"--seed '{text}' is not a whole number from 0 on");
    }

    private static NetworkKind Network(OptionTexts texts)
    {
        NetworkKind network = Networks.Find(texts.Text("model") ?? "pre18");
        if (network.Dropout is null)
            return texts.IsGiven("dropout")
                ? throw new UsageException($"--dropout {texts.Text("dropout")} conflicts with --model {network.Name}, which has none")
                : network;
        return texts.Number("dropout", 0, 0, 1) is < 1 and double rate
            ? network with { Dropout = rate }
            : throw new UsageException($"--dropout {texts.Text("dropout")} leaves nothing: it is a number from 0 to below 1");
    }

    private static int Width(OptionTexts texts, NetworkKind network)
    {
        int width = texts.Integer("width", network.Width, 1, 1024);
        return width % network.WidthStep == 0
            ? width
            : throw new UsageException(
                $"--width {width} conflicts with --model {network.Name}, whose width is a multiple of {network.WidthStep}");
    }

    private static DataOptions Data(OptionTexts texts)
    {
        string? folder = texts.Text("data-dir");
        string name = texts.Choice("data", folder is null ? "procedural" : DataSets.KindOf(folder), [.. DataSets.Names]);
        if (name == "procedural" && texts.IsGiven("data-dir"))
            throw new UsageException($"--data-dir {folder} conflicts with --data procedural, which has no files");
        bool onTest = texts.Choice("validation-from", "train", "train", "test") == "test";
        return new DataOptions
        {
            Name = name,
            // Where the run is gone on with or attacked need not be where it was begun.
            Folder = name == "procedural" || string.IsNullOrEmpty(folder) ? null : Path.GetFullPath(folder),
            TrainImages = texts.OptionalInteger("train-images"),
            TestImages = texts.OptionalInteger("test-images"),
            // The authors' scripts take the first 20 test batches of 128.
            ValidationImages = texts.Integer("validation-images", onTest ? 2560 : 1000, 0),
            ValidatesOnTest = onTest,
            Normalization = texts.Choice("normalization", "std", "std", "01", "+-1"),
        };
    }

    // 0 is how scripts elsewhere leave a part out.
    private static double? Positive(OptionTexts texts, string name, double most) =>
        texts.Number(name, 0, 0, most) is > 0 and double value ? value : null;

    private static double? Alignment(OptionTexts texts, Pixels epsilon)
    {
        double? strength = Positive(texts, "grad-align", most: 1000);
        return strength is not null && epsilon.Value == 0
            ? throw new UsageException($"--grad-align {texts.Text("grad-align")} conflicts with --epsilon 0: there is no ball to align in")
            : strength;
    }

    private static int Probe(OptionTexts texts, Pixels epsilon)
    {
        int images = texts.Integer("probe", 0, 0, MaxProbeImages);
        return images > 0 && epsilon.Value == 0
            ? throw new UsageException($"--probe {images} conflicts with --epsilon 0: there is no ball to measure in")
            : images;
    }

    private static int? StopAfter(OptionTexts texts, DataOptions data) => texts.OptionalInteger("stop-after") is { } epochs
        ? data.ValidationImages > 0
            ? epochs
            : throw new UsageException($"--stop-after {epochs} conflicts with --validation-images 0: nothing tells which epoch is better")
        : null;

    private static GuardOptions? Guard(
        OptionTexts texts, DataOptions data, TrainingMethod method, Compatibility compatibility, Pixels epsilon, Pixels step)
    {
        string[] actions = [.. Enum.GetNames<GuardAction>().Select(name => name.ToLowerInvariant())];
        string action = texts.Choice("on-collapse", "none", ["none", .. actions]);
        string onJump = texts.Choice("on-jump", "say", actions);
        if (action == "none")
            return texts.IsGiven("on-jump")
                ? throw new UsageException($"--on-jump {onJump} conflicts with --on-collapse none: nothing looks for jumps")
                : null;
        if (data.ValidationImages == 0)
            throw new UsageException($"--on-collapse {action} conflicts with --validation-images 0: the guard attacks held-out images");
        if (!method.HasAdversary)
            throw new UsageException($"--on-collapse {action} conflicts with --method {method.Name}, which has no robustness to lose");
        if (texts.IsGiven("on-jump") && method.MeasuresLastBatch(compatibility))
            throw new UsageException(
                $"--on-jump {onJump} conflicts with --method {method.Name} --compat table1, which takes the magnitude once an epoch");
        return new GuardOptions(Action(action), Action(onJump), Attack.Parse("pgd10", epsilon, step));

        static GuardAction Action(string name) => Enum.Parse<GuardAction>(name, ignoreCase: true);
    }
}
