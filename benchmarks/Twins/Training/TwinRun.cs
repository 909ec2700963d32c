using System.Text.Json;
using System.Text.Json.Serialization;
using Deat.Training;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>A run from options to result.json, with the table of epochs on standard output.</summary>
internal static class TwinRun
{
    private const int EvaluationSteps = 10;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static void Run(TrainOptions options)
    {
        (ImageSet all, ImageSet testSet) = DataSets.Open(
            options.Data, options.DataDir, new DataLimits { Train = options.TrainImages, Test = options.TestImages }, (ulong)options.Seed);
        ImageSet trainSet = options.ValidationImages > 0 ? all.Split(options.ValidationImages, (ulong)options.Seed).Train : all;
        manual_seed(options.Seed);
        using var train = new TensorImages(trainSet);
        using var test = new TensorImages(testSet);
        using var learner = new Learner(new PreActResNet18(options.Width, trainSet.Classes), trainSet.Mean, trainSet.Std);
        Console.WriteLine($"libtorch {__version__}, {get_num_threads()} threads, {options}");
        Console.WriteLine($"{train.Count} training images, {test.Count} test images, {learner.Network.ParameterCount():N0} parameters");
        Console.WriteLine("Epoch  Seconds      LR  Train loss  Train acc         MG  Replays");

        var rows = new List<EpochRow>();
        foreach (EpochRow row in new TwinTrainer(options, learner, train).Run())
        {
            rows.Add(row);
            Console.WriteLine(
                $"{row.Epoch,5}  {row.Seconds,7:F1}  {row.LearningRate,6:F4}  {row.Loss,10:F4}  {row.Accuracy,9:F4}  "
                + $"{row.Magnitude,9:F1}  {row.Replays,7}");
        }

        double clean = TwinEvaluation.Clean(learner, test);
        double robust = TwinEvaluation.Pgd(learner, test, EvaluationSteps, options.Epsilon);
        double seconds = rows.Sum(row => row.Seconds);
        int passes = rows.Sum(row => row.Replays);
        Console.WriteLine($"clean {100 * clean:F1} %, PGD-{EvaluationSteps} {100 * robust:F1} %");
        Console.WriteLine($"{seconds:F0} s of training, {passes} passes over the data");
        if (options.OutDir is not { } folder) return;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "result.json"), JsonSerializer.Serialize(
            new
            {
                Libtorch = __version__,
                Threads = get_num_threads(),
                Options = options,
                Seconds = seconds,
                Passes = passes,
                Clean = clean,
                Pgd10 = robust,
                TestImages = test.Count,
                Epochs = rows,
            },
            Json) + "\n");
    }
}
