using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole command lines in this process: what they print, leave behind and answer.</summary>
public sealed class CommandLineTests
{
    internal const string Tiny =
        "train --device cpu --width 2 --batch-size 16 --train-images 50 --validation-images 10 --test-images 10 "
        + "--validation-attack cw1 --test-attacks clean,pgd1 --max-replays 2";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void WithoutArgumentsItSaysWhatToTypeNext()
    {
        (int code, string output, string errors) = Run("");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("deat train").And.Contain("deat eval").And.Contain("deat devices"));
    }

    [TestCase("--help")]
    [TestCase("train --help")]
    [TestCase("eval --help")]
    [TestCase("--version")]
    public void HelpIsNoError(string line)
    {
        (int code, string output, string errors) = Run(line);
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Is.Not.Empty);
    }

    [Test]
    public void TheFlagsOfTheAuthorsScriptsAreKnown()
    {
        string help = Run("train --help").Output;
        string[] names = ["batch-size", "data-dir", "epochs", "lr-schedule", "model", "model-struc", "normalization", "lr-min", "lr-max",
            "weight-decay", "momentum", "gamma", "epsilon", "init-tau", "max-iteration", "delta-init", "alpha", "out-dir", "seed",
            "save-model", "delay", "threshold", "opt-level", "attack-iters", "minibatch-replays"];
        foreach (string name in names)
            Assert.That(help, Does.Contain($"--{name}"));
    }

    [Test]
    public void DevicesListsTheCpuAndWhatIsMissing()
    {
        (int code, string output, _) = Run("devices");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("cpu").And.Contain("--device auto takes it").And.Contain(".NET JIT"));
        Assert.That(output, Does.Contain("cuda").IgnoreCase);
    }

    [Test]
    public void ARunLeavesItsFolderAndCanBeEvaluated()
    {
        (int code, string output, string errors) = Run($"{Tiny} --epochs 2 --out-dir {_folder["run"]}");
        Assert.That(errors, Is.Empty);
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        string[] files =
            ["config.json", "env.json", "metrics.jsonl", "output.log", "last.safetensors", "best.safetensors", "magnitude.svg"];
        foreach (string file in files)
            Assert.That(File.Exists(_folder[$"run/{file}"]), file);
        Assert.That(output, Does.StartWith("device cpu").And.Contain("val CW-1").And.Contain("95 % interval").And.Contain("magnitude.svg"));
        Assert.That(output, Does.Contain("epsilon 8/255 = 0.031373"));
        JsonNode config = JsonNode.Parse(File.ReadAllText(_folder["run/config.json"]))!;
        Assert.That((string?)config["epsilon"], Is.EqualTo("8/255"));
        Assert.That(File.ReadAllLines(_folder["run/metrics.jsonl"]), Has.Length.EqualTo(2));
        Assert.That(File.ReadAllText(_folder["run/output.log"]), Does.Contain("Test Loss \t Test Acc \t PGD1 Loss \t PGD1 Acc"));

        string log = File.ReadAllText(_folder["run/output.log"]);
        string clean = log.TrimEnd().Split('\n')[^1].Split(" - ")[1].Split('\t')[1].Trim();
        (code, output, errors) = Run($"eval {_folder["run"]} --device cpu --attack clean,fgsm --batch-size 3");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("disc").And.Contain("FGSM").And.Contain("10 images"));
        double accuracy = double.Parse(clean, System.Globalization.CultureInfo.InvariantCulture);
        Assert.That(output.Split('\n').First(line => line.StartsWith("all", StringComparison.Ordinal)),
            Does.Contain(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{100 * accuracy:F1} % (")));
        JsonNode result = JsonNode.Parse(File.ReadAllText(_folder["run/result.json"]))!;
        string percent = (100 * accuracy).ToString("F2", System.Globalization.CultureInfo.InvariantCulture);
        Assert.That((string?)result["clean_acc"], Is.EqualTo(percent));
        Assert.That(((string?)result["eps"], (string?)result["autoattack_acc"]), Is.EqualTo(("8/255", (string?)null)));

        string examples = _folder["examples.npz"];
        string chain = $"eval {_folder["run"]} --device cpu --norm l2 --epsilon 64 --save-examples {examples}";
        (code, output, errors) = Run($"{chain} --attack apgd-ce-5,cw-l2-18");
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(errors, Does.Contain("--save-examples is for one attack, or several as one+another, and --attack has 2"));
        (code, output, errors) = Run($"{chain} --attack apgd-ce-5+apgd-t-3");
        Assert.That(output, Does.Contain($"examples {examples}"));
        Assert.That(File.Exists(examples));
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("note: --epsilon 64 counts grey levels: 64/255 = 0.25098 of the pixel range")
            .And.Contain("attacks L2, epsilon 64/255").And.Contain("APGD-CE-5 + APGD-T-3: APGD-T-3"));
        result = JsonNode.Parse(File.ReadAllText(_folder["run/result.json"]))!;
        Assert.That((string?)result["clean_acc"], Is.EqualTo(percent), "also where nobody asked for it");
        Assert.That(output.Split('\n').First(line => line.StartsWith("clean", StringComparison.Ordinal)), Does.Contain($"{percent} %"));
        Assert.That(result["deat"]!["attacks"]![1]!["stages"]!.AsArray().Select(stage => (string?)stage!["name"]),
            Is.EqualTo(new[] { "apgd-ce-5", "apgd-t-3" }));
        Assert.That(Directory.GetFiles(_folder["run"], "evaluation-*"), Is.Empty);
    }

    [Test]
    public void TheStepOfAnEvaluationIsItsOwnAndNotThatOfTheRunsValidation()
    {
        Run($"{Tiny.Replace("validation-attack cw1", "validation-attack fgsm")} --attack-step 1 --epochs 1 --out-dir {_folder["run"]}");
        JsonNode config = JsonNode.Parse(File.ReadAllText(_folder["run/config.json"]))!;
        Assert.That((string?)config["attack-step"], Is.EqualTo("1/255"), "for the test, also after a resumption");
        string eval = $"eval {_folder["run"]} --device cpu --attack pgd1";
        Assert.That(Run(eval).Output, Does.Contain("epsilon 8/255 = 0.031373; step 2/255 = 0.007843;"));
        Assert.That(Run($"{eval} --norm l2").Output, Does.Contain("; step 15/255 = "));
        Assert.That(Run($"{eval} --norm l2 --epsilon 512/255").Output, Does.Contain("epsilon 512/255 = 2.007843"));
        Assert.That(Run($"{eval} --restarts 2 --attack-step 3").Output, Does.Not.Contain("changes nothing"));
        Assert.That(
            Run($"{eval.Replace("pgd1", "fgsm")} --restarts 2 --attack-step 3").Output,
            Does.Contain("note: --restarts changes nothing").And.Contain("note: --attack-step changes nothing"));
        string errors = Run($"{eval} --checkpoint average").Errors;
        AssertOneLine(errors);
        Assert.That(errors, Does.Contain("no averaged weights").And.Contain("it was trained without --average; choose --checkpoint best"));
    }

    [Test]
    public void TwoRunsWithOneSeedLeaveTheSameFiles()
    {
        Run($"{Tiny} --epochs 2 --seed 3 --out-dir {_folder["a"]}");
        Run($"{Tiny} --epochs 2 --seed 3 --out-dir {_folder["b"]}");
        foreach (string file in new[] { "last.safetensors", "best.safetensors", "config.json" })
            Assert.That(File.ReadAllBytes(_folder[$"a/{file}"]), Is.EqualTo(File.ReadAllBytes(_folder[$"b/{file}"])), file);
    }

    [Test]
    public void AFinishedRunIsResumedToItsTest()
    {
        Run($"{Tiny} --epochs 2 --out-dir {_folder["run"]}");
        byte[] last = File.ReadAllBytes(_folder["run/last.safetensors"]);
        (int code, string output, string errors) = Run($"train --resume {_folder["run"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("resumed at epoch 2, batch 0").And.Contain("test on 10 images"));
        Assert.That(File.ReadAllBytes(_folder["run/last.safetensors"]), Is.EqualTo(last));
        Assert.That(File.ReadAllText(_folder["run/output.log"]).Split("Test Loss"), Has.Length.EqualTo(2), "the test is in the log once");
    }

    [Test]
    public void ARunBegunWithGraphsGoesOnWhereThereAreNone()
    {
        Run($"{Tiny} --epochs 2 --graphs off --out-dir {_folder["run"]}");
        JsonNode config = JsonNode.Parse(File.ReadAllText(_folder["run/config.json"]))!;
        Assert.That(config["graphs"], Is.Null, "on the CPU it means nothing");
        config["graphs"] = "on";
        File.WriteAllText(_folder["run/config.json"], config.ToJsonString());
        Assert.That(Run($"train --resume {_folder["run"]}").Item1, Is.EqualTo(ExitCodes.Ok));
        Assert.That(Run($"train --resume {_folder["run"]} --graphs on").Item1, Is.EqualTo(ExitCodes.Usage));
    }

    [Test]
    public void ALearningRateOutOfAllProportionEndsWithAClearLine()
    {
        (int code, _, string errors) =
            Run($"{Tiny} --lr-schedule flat --lr-max 1000 --weight-decay 1000 --epochs 20 --out-dir {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Numeric));
        AssertOneLine(errors);
        Assert.That(errors, Does.Contain("epoch").And.Contain("--lr-max"));
    }

    [TestCase("train --epoch 3", ExitCodes.Usage, "did you mean --epochs?")]
    [TestCase("report {folder} --out x.html", ExitCodes.Usage, "'--out' is not known; did you mean --out-file?")]
    [TestCase("trane", ExitCodes.Usage, "did you mean train?")]
    [TestCase("report --out x {folder}", ExitCodes.Usage, "'--out' is not known")]
    [TestCase("compare {folder} --baselin cpu", ExitCodes.Usage, "'--baselin' is not known; did you mean --baseline?")]
    [TestCase("report {folder} --zzzzzzzzz", ExitCodes.Usage, "'--zzzzzzzzz' is not known; see --help")]
    [TestCase("eval --atack pgd20 {folder}", ExitCodes.Usage, "'--atack' is not known; did you mean --attack?")]
    [TestCase("train --epochs", ExitCodes.Usage, "--epochs")]
    [TestCase("train --epochs 3 --epochs 4", ExitCodes.Usage, "--epochs")]
    [TestCase("train 5", ExitCodes.Usage, "'5' is not known")]
    [TestCase("eval", ExitCodes.Usage, "'run'")]
    [TestCase("train --epochs x", ExitCodes.Usage, "--epochs 'x' is not a whole number")]
    [TestCase("train --replays 4 --method mdeat", ExitCodes.Usage, "use --max-replays")]
    [TestCase("train --replays 4 --device nowhere", ExitCodes.Usage, "use --max-replays")]
    [TestCase("train --resume", ExitCodes.Usage, "--resume needs")]
    [TestCase("train --resume a --out-dir b", ExitCodes.Usage, "--out-dir b conflicts with --resume a")]
    [TestCase("train --resume a --preset demo", ExitCodes.Usage, "--preset conflicts with --resume")]
    [TestCase("train --device cuda:7", ExitCodes.Device, "no device matches --device cuda:7. Available:")]
    [TestCase("train --device cpu --precision tf32", ExitCodes.Device, "no tensor cores")]
    [TestCase("train --device cpu --attack-precision bf16", ExitCodes.Device, "no tensor cores")]
    [TestCase("train --device cpu --precision fp16", ExitCodes.Usage, "--precision")]
    [TestCase("train --device cpu --graphs on", ExitCodes.Usage, "--graphs on conflicts with --device cpu, which has no graphs")]
    [TestCase("train --device cpu --graphs maybe", ExitCodes.Usage, "--graphs 'maybe' is not one of on, off")]
    [TestCase("train --device cpu --model vgg17", ExitCodes.Usage, "--model 'vgg17' is not known; choose pre18, pre34")]
    [TestCase("train --device cpu --model wrn-29-10", ExitCodes.Usage, "--model 'wrn-29-10' is not known")]
    [TestCase("train --device cpu --model mnist", ExitCodes.Usage, "takes images of 28x28; those of procedural/train are 32x32")]
    [TestCase("train --device cpu --model dense121 --width 7", ExitCodes.Usage, "--width 7 conflicts with --model dense121")]
    [TestCase("train --device cpu --dropout 0.3", ExitCodes.Usage, "--dropout 0.3 conflicts with --model pre18, which has none")]
    [TestCase("train --device cpu --model wrn-10-1 --dropout 1", ExitCodes.Usage, "--dropout 1 leaves nothing: it is a number from 0")]
    [TestCase("train --device cpu --model wrn-10-1 --dropout -0.1", ExitCodes.Usage, "--dropout '-0.1' is not a number from 0 to 1")]
    [TestCase("train --device gpu", ExitCodes.Device, "no device matches")]
    [TestCase("train --device cpu --data-dir /nowhere", ExitCodes.Data, "/nowhere")]
    [TestCase("train --device cpu --data folder --data-dir {folder}", ExitCodes.Data, "{folder}")]
    [TestCase("train --device cpu --data cifar10 --data-dir {folder}", ExitCodes.Data, "{folder}")]
    [TestCase("train --device cpu --train-images 10 --validation-images 10", ExitCodes.Data, "validation")]
    [TestCase("train --resume {folder}", ExitCodes.Checkpoint, "config.json")]
    [TestCase("eval {folder}", ExitCodes.Checkpoint, "config.json")]
    [TestCase("eval {folder} --attack nothing", ExitCodes.Checkpoint, "config.json")]
    public void WhatIsWrongIsSaidInOneLineWithItsExitCode(string line, int code, string message)
    {
        (int answer, _, string errors) = Run(line.Replace("{folder}", _folder.Path));
        AssertOneLine(errors);
        Assert.That(errors, Does.Contain(message.Replace("{folder}", _folder.Path)));
        Assert.That(answer, Is.EqualTo(code));
    }

    [Test]
    public void ATruncatedDataFileIsNamed()
    {
        File.WriteAllBytes(_folder["data_batch_1.bin"], new byte[3073 * 3 + 1]);
        (int code, _, string errors) = Run($"train --device cpu --data cifar10 --data-dir {_folder.Path}");
        AssertOneLine(errors);
        Assert.That(code, Is.EqualTo(ExitCodes.Data));
        Assert.That(errors, Does.Contain("data_batch_1.bin"));
    }

    [Test]
    public void AFolderWithARunIsNotWrittenOver()
    {
        Run($"{Tiny} --epochs 1 --out-dir {_folder["run"]}");
        byte[] last = File.ReadAllBytes(_folder["run/last.safetensors"]);
        (int code, _, string errors) = Run($"{Tiny} --epochs 1 --seed 9 --out-dir {_folder["run"]}");
        AssertOneLine(errors);
        Assert.That(code, Is.EqualTo(ExitCodes.Storage));
        Assert.That(errors, Does.Contain("--resume"));
        Assert.That(File.ReadAllBytes(_folder["run/last.safetensors"]), Is.EqualTo(last));
    }

    [Test]
    public void ARunIsNotResumedWithOtherOptions()
    {
        Run($"{Tiny} --epochs 1 --out-dir {_folder["run"]}");
        (int code, _, string errors) = Run($"train --resume {_folder["run"]} --epsilon 4");
        AssertOneLine(errors);
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(errors, Does.Contain("epsilon").And.Contain("4/255").And.Contain("8/255"));
    }

    [Test]
    public void ADamagedCheckpointIsRefused([Values("train --resume {run}", "eval {run} --device cpu --checkpoint last")] string line)
    {
        Run($"{Tiny} --epochs 1 --out-dir {_folder["run"]}");
        byte[] last = File.ReadAllBytes(_folder["run/last.safetensors"]);
        File.WriteAllBytes(_folder["run/last.safetensors"], last[..^7]);
        AssertCheckpointError(line, "last.safetensors");
        last[^7] ^= 1;
        File.WriteAllBytes(_folder["run/last.safetensors"], last);
        AssertCheckpointError(line, "checksum");
        File.Delete(_folder["run/last.safetensors"]);
        AssertCheckpointError(line, "checkpoint");
    }

    [Test]
    public void ACheckpointOfAnotherNetworkIsRefused()
    {
        Run($"{Tiny} --epochs 1 --out-dir {_folder["run"]}");
        string config = File.ReadAllText(_folder["run/config.json"]);
        File.WriteAllText(_folder["run/config.json"], config.Replace("\"width\": \"2\"", "\"width\": \"3\""));
        AssertCheckpointError("eval {run} --device cpu", "conv1.weight [2,3,3,3], model needs [3,3,3,3] (--width 2?)");
        AssertCheckpointError("train --resume {run}", "conv1.weight [2,3,3,3]");
        File.WriteAllText(_folder["run/config.json"], "{ \"some\": { \"thing\": 1 } }");
        AssertCheckpointError("eval {run} --device cpu", "config.json");
    }

    private void AssertCheckpointError(string line, string message)
    {
        (int code, _, string errors) = Run(line.Replace("{run}", _folder["run"]));
        AssertOneLine(errors);
        Assert.That(errors, Does.Contain(message));
        Assert.That(code, Is.EqualTo(ExitCodes.Checkpoint));
    }

    private static void AssertOneLine(string errors)
    {
        Assert.That(errors, Does.StartWith("deat: "));
        Assert.That(errors.TrimEnd().Split('\n'), Has.Length.EqualTo(1), errors);
        Assert.That(errors, Does.Not.Contain("   at ").And.Not.Contain("Exception"));
    }

    internal static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }
}
