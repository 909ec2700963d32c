using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>From texts to options: defaults of method and preset, ranges, contradictions.</summary>
public static class OptionsResolution
{
    /// <summary>The largest number of images that a probe takes.</summary>
    public const int MaxProbeImages = 10_000;

    private static readonly Pixels DefaultAttackStep = Pixels.Parse("2/255", "--attack-step");

    /// <summary>Resolves every option of a training run.</summary>
    /// <exception cref="UsageException">An option cannot be understood or contradicts another.</exception>
    public static TrainOptions Train(OptionTexts texts)
    {
        TrainingMethod method = MethodResolution.Method(texts);
        AdversaryOptions adversary = MethodResolution.Adversary(texts, method);
        NetworkKind network = Networks.Find(texts.Text("model") ?? "pre18");
        texts.Choice("opt-level", "O0", "O0");
        Pixels step = texts.Size("attack-step", DefaultAttackStep);
        Precision precision = texts.Precision("precision", Precision.Float32);
        return new TrainOptions
        {
            Method = method,
            Adversary = adversary,
            Loss = MethodResolution.Loss(texts, method),
            Compatibility = texts.Choice("compat", "none", "none", "table1") == "table1" ? Compatibility.Table1 : Compatibility.None,
            Data = Data(texts),
            Network = network,
            Width = Width(texts, network),
            Epochs = texts.Integer("epochs", 50, 1, 100_000),
            BatchSize = texts.Integer("batch-size", 128, 1, 65_536),
            Optimizer = Optimizer(texts),
            ValidationAttack = Attack.Parse(texts.Text("validation-attack") ?? "cw10", adversary.Epsilon, step),
            TestAttacks = Attack.ParseList(texts.Text("test-attacks") ?? "clean,pgd10", adversary.Epsilon, step),
            ProbeImages = texts.Integer("probe", 0, 0, MaxProbeImages),
            Precision = precision,
            AttackPrecision = texts.Precision("attack-precision", precision),
            Graphs = texts.Switch("graphs"),
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
            Folder = name == "procedural" ? null : folder,
            TrainImages = texts.OptionalInteger("train-images"),
            TestImages = texts.OptionalInteger("test-images"),
            // The authors' scripts take the first 20 test batches of 128.
            ValidationImages = texts.Integer("validation-images", onTest ? 2560 : 1000, 0),
            ValidatesOnTest = onTest,
            Normalization = texts.Choice("normalization", "std", "std", "01", "+-1"),
        };
    }

    private static OptimizerOptions Optimizer(OptionTexts texts)
    {
        string schedule = texts.Choice("lr-schedule", "multistep", "multistep", "cyclic", "flat");
        double rate = texts.Number("lr-max", 0.05, 0, 1000);
        if (schedule != "cyclic" && texts.IsGiven("lr-min"))
            throw new UsageException($"--lr-min {texts.Text("lr-min")} conflicts with --lr-schedule {schedule}, which has no lower end");
        if (schedule == "cyclic" && texts.IsGiven("momentum") && texts.Number("momentum", 0.9, 0, 1) != 0.9)
            throw new UsageException(
                $"--momentum {texts.Text("momentum")} conflicts with --lr-schedule cyclic, which moves it from 0.9 to 0.8 and back");
        if (schedule != "multistep" && texts.IsGiven("lr-milestones"))
            throw new UsageException(
                $"--lr-milestones {texts.Text("lr-milestones")} conflicts with --lr-schedule {schedule}, which has none");
        return new OptimizerOptions
        {
            Schedule = schedule,
            Milestones = schedule == "multistep" ? texts.OptionalIntegers("lr-milestones") : null,
            LearningRate = rate,
            LeastLearningRate = texts.Number("lr-min", 0, 0, rate),
            Momentum = texts.Number("momentum", 0.9, 0, 1),
            WeightDecay = texts.Number("weight-decay", 5e-4),
        };
    }
}
