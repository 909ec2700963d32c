using System.Text.Json;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole guarded runs: the same bits as without a guard, runs that go back, and runs that end.</summary>
public sealed class GuardedRunTests
{
    private const string Tiny = "train --device cpu --width 4 --batch-size 16 --train-images 112 --validation-images 16 --test-images 10 "
        + "--validation-attack fgsm --test-attacks clean --lr-schedule flat";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AGuardThatOnlySaysChangesNoBitOfTheNetwork()
    {
        Run($"{Tiny} --epochs 2 --method u-fgsm --out-dir {_folder["a"]}");
        Run($"{Tiny} --epochs 2 --method u-fgsm --on-collapse say --out-dir {_folder["b"]}");
        Assert.That(Network("b"), Is.EqualTo(Network("a")));
        Assert.That(File.ReadAllText(_folder["a/metrics.jsonl"]).Split("\"trainLoss\"")[1..].Select(line => line.Split(',')[0]),
            Is.EqualTo(File.ReadAllText(_folder["b/metrics.jsonl"]).Split("\"trainLoss\"")[1..].Select(line => line.Split(',')[0])));
        GuardCheck[] looks = Looks("b");
        Assert.That(looks.Select(look => (look.Epoch, look.Batch)),
            Is.EqualTo(new[] { (0, 2), (0, 4), (0, 6), (1, 2), (1, 4), (1, 6) }));
        Assert.That(looks.Select(look => look.Robust.Count), Is.All.EqualTo(16));
        Assert.That(looks.Select(look => look.Magnitude), Is.All.GreaterThan(0));
        Assert.That(File.Exists(_folder["a/guard.jsonl"]), Is.False);
    }

    [Test]
    public void LooksAreTheSameAfterAResume()
    {
        string line = $"{Tiny} --epochs 2 --method u-fgsm --on-collapse say";
        Run($"{line} --out-dir {_folder["whole"]}");
        Run($"{line} --out-dir {_folder["cut"]}");
        File.Move(_folder["cut/last.safetensors.prev"], _folder["cut/last.safetensors"], overwrite: true);
        File.AppendAllText(_folder["cut/guard.jsonl"], File.ReadAllText(_folder["cut/guard.jsonl"]));
        Assert.That(Run($"train --resume {_folder["cut"]}").Code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(File.ReadAllText(_folder["cut/guard.jsonl"]), Is.EqualTo(File.ReadAllText(_folder["whole/guard.jsonl"])));
        Assert.That(File.ReadAllBytes(_folder["cut/last.safetensors"]), Is.EqualTo(File.ReadAllBytes(_folder["whole/last.safetensors"])));
    }

    [Test]
    public void ARunThatBurstsGoesBackWithASmallerRateAndEnds()
    {
        (int code, string output, string errors) = Run(
            $"{Tiny} --epochs 2 --method u-fgsm --lr-max 1000 --weight-decay 1000 --on-collapse rollback --out-dir {_folder["run"]}");
        Assert.That(output, Does.Contain("warning:").And.Contain(
            "back to the beginning of epoch 0, from there with 2 iterations of 5.0/255 and learning rate 500"));
        Assert.That(output, Does.Contain("from there with 3 iterations of 2.5/255 and learning rate 250"));
        Assert.That((code, errors.Length > 0), Is.AnyOf((ExitCodes.Ok, false), (ExitCodes.Numeric, true), (ExitCodes.Collapse, true)));
    }

    // A rate of 3 is so high that the magnitude wanders over orders, and the loss does not burst.
    [Test]
    public void AJumpHasTheConsequenceThatWasAskedFor()
    {
        string line = $"{Tiny} --epochs 5 --method u-fgsm --lr-max 3 --on-collapse say";
        (int code, string output, _) = Run($"{line} --out-dir {_folder["say"]}");
        Assert.That((code, output.Contains("the gradient magnitude is")), Is.EqualTo((ExitCodes.Ok, true)));
        GuardCheck jump = Looks("say").First(look => look.Alarms.Contains(Alarm.Jump));

        (code, _, string errors) = Run($"{line} --on-jump stop --out-dir {_folder["stop"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Collapse));
        Assert.That(errors, Does.Contain($"the guard ended the run at epoch {jump.Epoch}, batch {jump.Batch}").And.Contain("Jump"));
        Assert.That((Looks("stop")[^1].Epoch, Looks("stop")[^1].Batch), Is.EqualTo((jump.Epoch, jump.Batch)));

        (_, output, _) = Run($"{line} --on-jump rollback --out-dir {_folder["back"]}");
        Assert.That(output, Does.Contain(
            $"back to the beginning of epoch {jump.Epoch}, from there with 2 iterations of 5.0/255 and learning rate 1.5"));
    }

    [Test]
    public void WithoutAGuardTheSameRunEndsAtOnce()
    {
        (int code, string output, _) = Run(
            $"{Tiny} --epochs 2 --method u-fgsm --lr-max 1000 --weight-decay 1000 --out-dir {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Numeric));
        Assert.That(output, Does.Not.Contain("back to the beginning"));
    }

    [TestCase("--on-collapse say --validation-images 0", "the guard attacks held-out images")]
    [TestCase("--on-collapse stop --method natural", "which has no robustness to lose")]
    [TestCase("--on-collapse weep", "--on-collapse 'weep' is not one of none, say, stop, rollback")]
    [TestCase("--stop-after 2 --validation-images 0", "nothing tells which epoch is better")]
    [TestCase("--stop-after 0", "--stop-after '0' is not a whole number from 1 on")]
    [TestCase("--awp-gamma -1", "--awp-gamma '-1' is not a number from 0 to 1")]
    [TestCase("--grad-align x", "--grad-align 'x' is not a number")]
    [TestCase("--grad-align 0.2 --epsilon 0", "--grad-align 0.2 conflicts with --epsilon 0: there is no ball to align in")]
    [TestCase("--fosc 0.5 --method pgd", "--fosc 0.5 conflicts with --method pgd")]
    [TestCase("--fosc 0.5 --method pgd --loop friendly", "--fosc 0.5 conflicts")]
    public void WhatCannotBeMeantIsRefusedBeforeAnythingIsComputed(string options, string message)
    {
        (int code, string output, string errors) = Run($"train {options} --out-dir {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(errors, Does.Contain(message));
        Assert.That(output, Is.Empty);
        Assert.That(Directory.Exists(_folder["run"]), Is.False);
    }

    [Test]
    public void ARunWithoutABetterEpochEndsEarlyAndStaysEnded()
    {
        // With a rate of zero no epoch is better than the first.
        string line = $"{Tiny} --epochs 9 --method u-fgsm --lr-max 0 --stop-after 2 --out-dir {_folder["run"]}";
        (int code, string output, _) = Run(line);
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("no better epoch in the last 2: the run ends after epoch 2").And.Contain("best epoch, 0"));
        Assert.That(File.ReadAllLines(_folder["run/metrics.jsonl"]), Has.Length.EqualTo(3));
        byte[] last = File.ReadAllBytes(_folder["run/last.safetensors"]);
        (code, output, _) = Run($"train --resume {_folder["run"]}");
        Assert.That((code, output.Contains("the run ends after epoch 2")), Is.EqualTo((ExitCodes.Ok, true)));
        Assert.That(File.ReadAllBytes(_folder["run/last.safetensors"]), Is.EqualTo(last));
    }

    [Test]
    public void AnAverageIsShownTestedAndLeftAsANetworkOfItsOwn()
    {
        (int code, string output, _) = Run($"{Tiny} --epochs 2 --method u-fgsm --average swa --average-start 1 --out-dir {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("swa robust").And.Contain("best epoch").And.Contain("last epoch").And.Contain("average, swa"));
        Checkpoint average = Checkpoint.Read(_folder["run/average.safetensors"]);
        Checkpoint last = Checkpoint.Read(_folder["run/last.safetensors"]);
        Assert.That(average.Arrays.Select(array => array.Name), Is.EqualTo(Trainer.Split(last).Model.Select(array => array.Name)));
        // The mean of one epoch's end is that end; its statistics are its own.
        Assert.That(average.Arrays[0].Data, Is.EqualTo(last.Arrays[0].Data));
        Assert.That(average.Arrays.First(array => array.Name.EndsWith("running_mean", StringComparison.Ordinal)).Data,
            Is.Not.EqualTo(last.Arrays.First(array => array.Name.EndsWith("running_mean", StringComparison.Ordinal)).Data));

        string eval = $"eval {_folder["run"]} --device cpu --attack clean --checkpoint";
        string[] tested = [.. File.ReadAllLines(_folder["run/output.log"])[^5..].Where((_, i) => i % 2 == 0)];
        foreach ((string network, string row) in EvalCommand.Networks.Zip(tested))
        {
            (code, output, string errors) = Run($"{eval} {network}");
            Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
            Assert.That(output, Does.Contain($"{network}.safetensors, after epoch"));
            string loss = output.Split('\n').First(line => line.StartsWith("loss", StringComparison.Ordinal)).Split(' ')[^1];
            Assert.That(row, Does.Contain(loss), "as in the test at the end of the run");
        }

        (code, output, _) = Run($"probe {_folder["run"]} --device cpu --images 4");
        Assert.That(output, Does.Contain("average, epoch 1").And.Contain("last, epoch 1").And.Contain("best, epoch"));
    }

    private byte[] Network(string run) =>
        [.. Trainer.Split(Checkpoint.Read(_folder[$"{run}/last.safetensors"])).Model.SelectMany(array => array.Data)];

    private GuardCheck[] Looks(string run) => [.. File.ReadAllLines(_folder[$"{run}/guard.jsonl"])
        .Select(line => JsonSerializer.Deserialize<GuardCheck>(line, RunJson.Compact)!)];

    private static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' '), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }
}
