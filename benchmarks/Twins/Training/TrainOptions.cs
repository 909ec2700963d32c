using System.CommandLine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Twins;

/// <summary>The options of a run, named as those of <c>deat train</c>.</summary>
internal sealed record TrainOptions
{
    public required string Method { get; init; }

    public required string Data { get; init; }

    public required string? DataDir { get; init; }

    public required int? TrainImages { get; init; }

    public required int? TestImages { get; init; }

    public required int ValidationImages { get; init; }

    public required int Width { get; init; }

    public required int Epochs { get; init; }

    public required int BatchSize { get; init; }

    public required string LrSchedule { get; init; }

    public required double LrMax { get; init; }

    public required double Epsilon { get; init; }

    public required double Alpha { get; init; }

    public required double Gamma { get; init; }

    public required int MaxReplays { get; init; }

    public required int Seed { get; init; }

    public required string? OutDir { get; init; }

    public bool IsNatural => Method == "natural";

    /// <summary>Learning rate and momentum of each minibatch of a run of <paramref name="steps"/>.</summary>
    public ILearningRateSchedule Schedule(int steps) => LrSchedule switch
    {
        "cyclic" => new CyclicSchedule(LrMax, steps),
        "multistep" => MultiStepSchedule.Standard(LrMax, 0.9, steps),
        _ => new FlatSchedule(LrMax, 0.9),
    };

    /// <summary>How many passes each minibatch gets.</summary>
    public IReplaySchedule Replays() => IsNatural
        ? new FixedReplays { Count = 1, StepSize = 0 }
        : new MagnitudeReplays { Gamma = Gamma, Maximum = MaxReplays, StepSize = Alpha, Epsilon = Epsilon };
}

/// <summary><c>train</c>: the same run as <c>deat train</c>, with libtorch.</summary>
internal static class TrainCommand
{
    private static readonly Option<string> Method = Choice("--method", "mdeat", "mdeat", "natural");
    private static readonly Option<string> Data = Choice("--data", "procedural", [.. DataSets.Names]);
    private static readonly Option<string?> DataDir = new("--data-dir");
    private static readonly Option<int?> TrainImages = new("--train-images");
    private static readonly Option<int?> TestImages = new("--test-images");
    private static readonly Option<int> ValidationImages = Number("--validation-images", 1000);
    private static readonly Option<int> Width = Number("--width", 64);
    private static readonly Option<int> Epochs = Number("--epochs", 50);
    private static readonly Option<int> BatchSize = Number("--batch-size", 128);
    private static readonly Option<string> LrSchedule = Choice("--lr-schedule", "multistep", "multistep", "cyclic", "flat");
    private static readonly Option<double> LrMax = Number("--lr-max", 0.05);
    private static readonly Option<string> Epsilon = new("--epsilon") { DefaultValueFactory = _ => "8/255" };
    private static readonly Option<string> Alpha = new("--alpha") { DefaultValueFactory = _ => "10/255" };
    private static readonly Option<double> Gamma = Number("--gamma", 1.01);
    private static readonly Option<int> MaxReplays = Number("--max-replays", 8);
    private static readonly Option<int> Seed = Number("--seed", 0);
    private static readonly Option<string?> OutDir = new("--out-dir") { Description = "Folder for result.json." };

    public static Command Create()
    {
        const string Description = "Train with M+DEAT or without an adversary, evaluate clean and under PGD-10. Options as in deat train.";
        var command = new Command("train", Description)
        {
            Method, Data, DataDir, TrainImages, TestImages, ValidationImages, Width, Epochs, BatchSize, LrSchedule, LrMax, Epsilon, Alpha,
            Gamma, MaxReplays, Seed, OutDir,
        };
        command.SetAction(arguments => TwinRun.Run(Read(arguments)));
        return command;
    }

    private static TrainOptions Read(ParseResult arguments) => new()
    {
        Method = arguments.GetRequiredValue(Method),
        Data = arguments.GetRequiredValue(Data),
        DataDir = arguments.GetValue(DataDir),
        TrainImages = arguments.GetValue(TrainImages),
        TestImages = arguments.GetValue(TestImages),
        ValidationImages = arguments.GetValue(ValidationImages),
        Width = arguments.GetValue(Width),
        Epochs = arguments.GetValue(Epochs),
        BatchSize = arguments.GetValue(BatchSize),
        LrSchedule = arguments.GetRequiredValue(LrSchedule),
        LrMax = arguments.GetValue(LrMax),
        Epsilon = Pixels.Parse(arguments.GetRequiredValue(Epsilon), Epsilon.Name).Value,
        Alpha = Pixels.Parse(arguments.GetRequiredValue(Alpha), Alpha.Name).Value,
        Gamma = arguments.GetValue(Gamma),
        MaxReplays = arguments.GetValue(MaxReplays),
        Seed = arguments.GetValue(Seed),
        OutDir = arguments.GetValue(OutDir),
    };

    private static Option<T> Number<T>(string name, T fallback) => new(name) { DefaultValueFactory = _ => fallback };

    private static Option<string> Choice(string name, string fallback, params string[] choices)
    {
        var option = new Option<string>(name) { DefaultValueFactory = _ => fallback };
        option.AcceptOnlyFromAmong(choices);
        return option;
    }
}
