using System.Globalization;
using System.Text.Json.Nodes;
using Deat.Engine;

namespace Deat.Training;

/// <summary>Which images a run sees.</summary>
public sealed record DataOptions
{
    /// <summary>One of <see cref="DataSets.Names"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Where the files are; null for built-in data or the folder of the environment.</summary>
    public string? Folder { get; init; }

    /// <summary>Largest number of training images, before validation images are held out; all if null.</summary>
    public int? TrainImages { get; init; }

    /// <summary>Largest number of test images; all if null.</summary>
    public int? TestImages { get; init; }

    /// <summary>Images that choose the best epoch: training images held out for it, or the first test images.</summary>
    public required int ValidationImages { get; init; }

    /// <summary>
    /// Whether test images choose the best epoch, as in the authors' scripts: what is then reported on them is too good.
    /// </summary>
    public bool ValidatesOnTest { get; init; }

    /// <summary>How pixels become the network's input: std (mean and deviation of the data), 01 (as they are) or +-1.</summary>
    public required string Normalization { get; init; }

    /// <summary>Reads the training, validation (null without any) and test images.</summary>
    /// <exception cref="DataException">They cannot be used.</exception>
    public (ImageSet Train, ImageSet? Validation, ImageSet Test) Open()
    {
        // The same images and the same split whatever the seed of the run: runs of several seeds can be compared.
        const ulong DataSeed = 0;
        (ImageSet train, ImageSet test) = DataSets.Open(Name, Folder, new DataLimits { Train = TrainImages, Test = TestImages }, DataSeed);
        if (ValidationImages == 0)
            return (train, null, test);
        if (ValidatesOnTest)
            return (train, test.Take(ValidationImages), test);
        (ImageSet rest, ImageSet validation) = train.Split(ValidationImages, DataSeed);
        return (rest, validation, test);
    }

    /// <summary>Mean and deviation for images of a data set.</summary>
    public Normalization NormalizationOf(ImageSet images) => Normalization switch
    {
        "01" => Constant(images.Channels, 0, 1),
        "+-1" => Constant(images.Channels, 0.5, 0.5),
        _ => new Normalization { Mean = [.. images.Mean.Select(m => (double)m)], Std = [.. images.Std.Select(s => (double)s)] },
    };

    private static Normalization Constant(int channels, double mean, double std) =>
        new() { Mean = [.. Enumerable.Repeat(mean, channels)], Std = [.. Enumerable.Repeat(std, channels)] };
}

/// <summary>Every option of a training run, resolved.</summary>
public sealed record TrainOptions
{
    /// <summary>The training method.</summary>
    public required TrainingMethod Method { get; init; }

    /// <summary>What the method lets the adversary do.</summary>
    public required AdversaryOptions Adversary { get; init; }

    /// <summary>The numbers in the loss.</summary>
    public required LossOptions Loss { get; init; }

    /// <summary>Which version of the authors' scripts the run follows.</summary>
    public required Compatibility Compatibility { get; init; }

    /// <summary>Which images.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>The kind of network.</summary>
    public required NetworkKind Network { get; init; }

    /// <summary>Channels of the network's first layer.</summary>
    public required int Width { get; init; }

    /// <summary>Passes over the training images.</summary>
    public required int Epochs { get; init; }

    /// <summary>
    /// After how many passes over the training images the run ends, in the middle of an epoch if need be; its learning rate then follows
    /// the passes and not the epochs. Null where only the epochs count.
    /// </summary>
    public int? MaxPasses { get; init; }

    /// <summary>Images per minibatch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How the weights are updated.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Gamma of adversarial weight perturbation: the part of a layer's norm; null where weights are not perturbed.</summary>
    public double? Perturbation { get; init; }

    /// <summary>The strength of gradient alignment; null where gradients are not aligned.</summary>
    public double? Alignment { get; init; }

    /// <summary>How weights are averaged beside the run; null where they are not.</summary>
    public AverageOptions? Average { get; init; }

    /// <summary>After how many epochs without a better one, by the validation images, the run ends; null for none.</summary>
    public int? StopAfter { get; init; }

    /// <summary>How the run is guarded against collapse; null where it is not.</summary>
    public GuardOptions? Guard { get; init; }

    /// <summary>The attack on validation images after each epoch.</summary>
    public required Attack ValidationAttack { get; init; }

    /// <summary>The attacks on test images at the end.</summary>
    public required IReadOnlyList<Attack> TestAttacks { get; init; }

    /// <summary>The step size of these attacks, where they have one of their own.</summary>
    public required Pixels AttackStep { get; init; }

    /// <summary>Images on which the loss surface is measured after each epoch; 0 for none.</summary>
    public int ProbeImages { get; init; }

    /// <summary>In which numbers convolutions multiply in passes that update the weights.</summary>
    public required Precision Precision { get; init; }

    /// <summary>The same in passes that attack only.</summary>
    public required Precision AttackPrecision { get; init; }

    /// <summary>
    /// Whether passes that repeat are launched as graphs; null for what the device can do. The results are the same bits.
    /// </summary>
    public bool? Graphs { get; init; }

    /// <summary>
    /// Whether backward computes normalised activations again instead of keeping them; null for what suits the device. The results are the
    /// same bits.
    /// </summary>
    public bool? Recompute { get; init; }

    /// <summary>What all random numbers of the run follow from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The device, as --device takes it.</summary>
    public required string Device { get; init; }

    /// <summary>What the adversary raises and the training lowers.</summary>
    public Objective Objective() => Method.Objective.Of(Loss with { AsInTable1 = Compatibility == Compatibility.Table1 });

    /// <summary>How many iterations in which epoch, and with what step size.</summary>
    public IReplaySchedule Replays() => Method.Schedule.Create(new ScheduleSetting(Adversary, Epochs, Method.Loop.Least, Compatibility));

    /// <summary>
    /// Every option with its value as it would be written on the command line, in the order of the help; options that mean nothing to
    /// the method or the data are left out.
    /// </summary>
    public IEnumerable<(string Name, string Value)> Texts() => AllTexts().Where(option => option.Value is not null)
        .Select(option => (option.Name, option.Value!));

    /// <summary>The content of config.json.</summary>
    public JsonObject ToJson() => new(Texts().Select(option => KeyValuePair.Create(option.Name, (JsonNode?)option.Value)));

    private IEnumerable<(string Name, string? Value)> AllTexts() =>
    [
        ("method", Method.Name),
        ("loop", Method.HasAdversary ? Method.Loop.Name : null),
        ("loss", Method.HasAdversary ? Method.Objective.Name : null),
        ("schedule", Method.HasAdversary ? Method.Schedule.Name : null),
        ("compat", !Method.HasVersions ? null : Compatibility == Compatibility.Table1 ? "table1" : "none"),
        ("epsilon", Adversary.Epsilon.Text),
        ("alpha", Adversary.Alpha?.Text),
        ("delta-init", Adversary.CarriesDelta ? MethodResolution.Previous : Adversary.Start?.ToString().ToLowerInvariant()),
        ("init-tau", Adversary.Start is null or DeltaInit.Zero ? null : Adversary.Tau?.Text),
        ("clamp-start", Adversary.Start is null or DeltaInit.Zero ? null : Write(Adversary.ClampsStart)),
        ("attack-bn", Adversary.AttackNorm?.ToString().ToLowerInvariant()),
        ("attack-weight-gradients", Write(Adversary.ComputesDiscarded)),
        ("patience", Write(Adversary.Patience)),
        ("fosc", Write(Adversary.Criterion)),
        ("first-steps", Write(Adversary.FirstSteps)),
        ("beta", Write(Loss.Beta)),
        ("label-smoothing", Write(Loss.Smoothing)),
        ("awp-gamma", Write(Perturbation)),
        ("grad-align", Write(Alignment)),
        ("replays", Write(Adversary.Replays)),
        ("min-replays", Write(Adversary.MinReplays)),
        ("max-replays", Write(Adversary.MaxReplays)),
        ("gamma", Write(Adversary.Gamma)),
        ("delay", Write(Adversary.Delay)),
        ("target-accuracy", Write(Adversary.TargetAccuracy)),
        ("data", Data.Name),
        ("data-dir", Data.Folder),
        ("train-images", Write(Data.TrainImages)),
        ("test-images", Write(Data.TestImages)),
        ("validation-from", Data.ValidatesOnTest ? "test" : "train"),
        ("validation-images", OptionTexts.Write(Data.ValidationImages)),
        ("normalization", Data.Normalization),
        ("model", Network.Name),
        ("width", OptionTexts.Write(Width)),
        ("dropout", Write(Network.Dropout)),
        ("epochs", OptionTexts.Write(Epochs)),
        ("max-passes", Write(MaxPasses)),
        ("batch-size", OptionTexts.Write(BatchSize)),
        ("lr-schedule", Optimizer.Rate.Name),
        ("lr-milestones", Optimizer.Milestones is { } epochs ? string.Join(',', epochs.Select(OptionTexts.Write)) : null),
        ("lr-max", OptionTexts.Write(Optimizer.LearningRate)),
        ("lr-min", Write(Optimizer.LeastLearningRate)),
        ("momentum", Write(Optimizer.Momentum)),
        ("weight-decay", OptionTexts.Write(Optimizer.WeightDecay)),
        ("average", Average?.Rule.Name),
        ("average-decay", Write(Average?.Decay)),
        ("average-warm-up", Write(Average?.WarmsUp)),
        ("average-start", Write(Average?.Start)),
        ("stop-after", Write(StopAfter)),
        ("on-collapse", Guard?.OnCollapse.ToString().ToLowerInvariant()),
        ("on-jump", Guard?.OnJump.ToString().ToLowerInvariant()),
        ("validation-attack", ValidationAttack.Name),
        ("test-attacks", string.Join(',', TestAttacks.Select(attack => attack.Name))),
        ("attack-step", AttackStep.Text),
        ("probe", ProbeImages > 0 ? OptionTexts.Write(ProbeImages) : null),
        ("precision", OptionTexts.Write(Precision)),
        ("attack-precision", OptionTexts.Write(AttackPrecision)),
        ("graphs", Write(Graphs)),
        ("recompute", Write(Recompute)),
        ("seed", Seed.ToString(CultureInfo.InvariantCulture)),
        ("device", Device),
    ];

    private static string? Write(bool? value) => value is { } isOn ? OptionTexts.Write(isOn) : null;

    private static string? Write(int? value) => value is { } number ? OptionTexts.Write(number) : null;

    private static string? Write(double? value) => value is { } number ? OptionTexts.Write(number) : null;
}
