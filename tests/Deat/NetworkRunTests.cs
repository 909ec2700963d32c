using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Every network trained for a few minibatches, and data of other forms from file to evaluation.</summary>
public sealed class NetworkRunTests : WholeRuns
{
    public static readonly string[] Lines =
    [
        "pre18 --width 4", "pre34 --width 2", "pre50 --width 2", "wrn-28-10 --width 1", "wrn-34-10 --width 1", "vgg16 --width 4",
        "vgg19 --width 2", "dense121 --width 8", "mnist --width 4",
    ];

    // What GPUs get takes a CPU minutes for some hundred layers.
    public static IEnumerable<string> Devices => TestDevices.Ids.Where(id => !id.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal));

    [Test]
    public void EveryNetworkTrains([ValueSource(nameof(Lines))] string network, [ValueSource(nameof(Devices))] string id)
    {
        using Trainer trainer = new(
            TestDevices.Get(id), TinyRuns.Options($"--method mdeat --model {network}"), TinyRuns.Images(count: 12, size: SizeFor(network)));
        byte[] before = trainer.Model.Weights.Bits();
        trainer.TrainBatch();
        trainer.TrainBatch();
        EpochSums sums = trainer.Fold();
        Assert.That(sums.MeanLoss, Is.InRange(0.5, 20));
        Assert.That(sums.Magnitude, Is.Positive);
        Assert.That(trainer.Model.Weights.Bits(), Is.Not.EqualTo(before));
        Assert.That(() => trainer.Save(), Throws.Nothing);
    }

    [Test]
    public void YoposStepsRunTheFirstLayerOfEveryNetworkAlone([ValueSource(nameof(Lines))] string network)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(
            device, TinyRuns.Options($"--method yopo --replays 2 --first-steps 2 --model {network}"),
            TinyRuns.Images(count: 8, size: SizeFor(network)));
        string first = trainer.Model.Parameters().First().Name;
        first = first[..first.LastIndexOf('.')];
        device.Ledger.Clear();
        trainer.TrainBatch();
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Layer != first).Launches, Is.Zero);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Layer == first).Launches, Is.Positive);
        Assert.That(trainer.Fold().Magnitude, Is.Positive);
    }

    [Test]
    public void ARunWithDropoutGoesOnWithTheSameBits([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        byte[] whole = Trained("0.3", saves: false);
        Assert.That(Trained("0.3", saves: true), Is.EqualTo(whole));
        Assert.That(Trained("0", saves: false), Is.Not.EqualTo(whole));

        byte[] Trained(string dropout, bool saves)
        {
            Trainer Start() => new(
                TestDevices.Get(id), TinyRuns.Options($"--epochs 1 --model wrn-10-1 --dropout {dropout}"), TinyRuns.Images(count: 16));
            using Trainer first = Start(), second = Start();
            first.TrainBatch();
            if (saves)
                second.Restore(first.Save());
            Trainer last = saves ? second : first;
            last.TrainBatch();
            return TinyRuns.File(last);
        }
    }

    [Test]
    public void ARunWithDropoutFromTheCommandLineToItsEvaluation()
    {
        TemporaryFolder folder = new();
        const string Tiny = "train --device cpu --model wrn-10-1 --width 2 --epochs 2 --batch-size 16 --train-images 42 "
            + "--validation-images 10 --validation-attack cw1 --test-images 10 --test-attacks clean --max-replays 2";
        Assert.That(Run($"{Tiny} --dropout 0.25 --out-dir {folder["run"]}"), Does.Contain("--width 2 --dropout 0.25"));
        Run($"{Tiny} --out-dir {folder["without"]}");
        string last = folder["run/last.safetensors"];
        byte[] whole = File.ReadAllBytes(last);
        Assert.That(File.ReadAllBytes(folder["without/last.safetensors"]), Is.Not.EqualTo(whole));
        // As after a kill in the second epoch.
        File.Copy(last + ".prev", last, overwrite: true);
        Assert.That(Run($"train --resume {folder["run"]}"), Does.Contain("resumed at epoch 1"));
        Assert.That(File.ReadAllBytes(last), Is.EqualTo(whole));

        // An evaluation is that of a network without dropout.
        string eval = $"eval {folder["run"]} --device cpu --attack clean,pgd2", config = folder["run/config.json"];
        string shown = Run(eval);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"dropout\": \"0.25\"", "\"dropout\": \"0\""));
        Assert.That(Losses(Run(eval)), Is.EqualTo(Losses(shown)).And.Not.Empty);
        folder.Delete();

        static string[] Losses(string text) => [.. text.Split('\n').Where(line => line.StartsWith("all", StringComparison.Ordinal))];
    }

    [TestCase("train", 3)]
    [TestCase("eval", 1)]
    public void DropoutInPassesThatAttackFollowsBatchNorm(string mode, int passes)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(
            device, TinyRuns.Options($"--method pgd --replays 2 --model wrn-10-1 --dropout 0.5 --attack-bn {mode}"),
            TinyRuns.Images(count: 8));
        device.Ledger.Clear();
        trainer.TrainBatch();
        LedgerEntry dropped = device.Ledger.Total(key => key.Layer == "block1.layer.0.dropout");
        Assert.That(dropped.Launches, Is.EqualTo(2 * passes), "forward and backward");
    }

    [Test]
    public void DigitsFromFileToEvaluation()
    {
        using DataFiles files = MnistIdxTests.Written(packed: true, train: 40);
        string run = Path.Combine(files.Folder, "run");
        string output = Run($"train --device cpu --data-dir {files.Folder} --model mnist --width 4 --epochs 1 --batch-size 8 "
            + $"--validation-images 10 --validation-attack cw1 --test-attacks clean,pgd1 --max-replays 2 --out-dir {run}");
        Assert.That(output, Does.Contain("--data mnist").And.Contain("--model mnist --width 4").And.Contain("test on 3 images"));
        Assert.That(Run($"eval {run} --device cpu --attack clean,fgsm"), Does.Contain("3 images of mnist/test"));
    }

    [Test]
    public void LabelsThatDoNotFitTheHeadAreRefused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        TrainOptions options = TinyRuns.Options("--model pre18 --width 2");
        ImageSet ten = TinyRuns.Images(count: 8);
        using Trainer trained = new(device, options, ten);
        ImageSet hundred = ten with { ClassNames = [.. Enumerable.Range(0, 100).Select(c => $"{c}")] };
        using Trainer other = new(device, options, hundred);
        Assert.That(
            () => other.Restore(trained.Save()),
            Throws.TypeOf<CheckpointException>().With.Message.Contain("linear.weight [10,16], model needs [100,16] (10 classes?)"));
    }

    private static int SizeFor(string network) => network[..3] switch { "vgg" => 32, "mni" => 28, _ => 16 };

    private static string Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, errors, isTerminal: false);
        Assert.That((code, errors.ToString()), Is.EqualTo((ExitCodes.Ok, "")));
        return output.ToString();
    }
}
