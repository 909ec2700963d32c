using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole studies of tiny runs.</summary>
public sealed class ReproduceTests
{
    private const string Tiny = "--data procedural --device cpu --width 2 --train-images 40 --validation-images 8 --test-images 10 "
        + "--batch-size 8 --validation-attack fgsm --attack clean,pgd2";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [TestCase("tabel1", "study 'tabel1' is not known; choose table1, methods")]
    [TestCase("table1 --rows free-4,free-5", "--rows 'free-5' is not known; choose free-4, free-6")]
    [TestCase("table1 --attack pdg", "attack 'pdg' is not known")]
    [TestCase("table1 --method pgd", "'--method' is not known")]
    [TestCase("table1 --alpha 2 --lr-min 1", "--lr-min 1 conflicts")]
    public void WhatCannotBeMeantIsRefusedBeforeAnythingIsComputed(string line, string message)
    {
        (int code, _, string errors) = Run($"reproduce {line} --out-dir {_folder["study"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Usage, errors)));
        Assert.That(errors, Does.Contain(message));
        Assert.That(Directory.Exists(_folder["study"]), Is.False);
    }

    [Test]
    public void AnInterruptedStudyGoesOnToTheSameTable()
    {
        string line = $"reproduce table1 {Tiny} --epochs 2 --rows free-4,m+pgd --out-dir";
        (int code, string output, string errors) = Run($"{line} {_folder["whole"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("rehearsal: not comparable").And.Contain("0 of 2 runs are done").And.Contain("run 2 of 2: M+PGD"));

        // The first run is done, of the second the first epoch, and of the evaluation nothing.
        Assert.That(Run($"{line} {_folder["cut"]}").Code, Is.EqualTo(ExitCodes.Ok));
        File.Move(_folder["cut/m+pgd/last.safetensors.prev"], _folder["cut/m+pgd/last.safetensors"], overwrite: true);
        File.Delete(_folder["cut/m+pgd/result.json"]);
        DateTime done = File.GetLastWriteTimeUtc(_folder["cut/free-4/last.safetensors"]);
        (code, output, _) = Run($"{line} {_folder["cut"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("1 of 2 runs are done").And.Contain("resumed at epoch 1, batch 0").And.Not.Contain("FREE-m:"));
        Assert.That(File.GetLastWriteTimeUtc(_folder["cut/free-4/last.safetensors"]), Is.EqualTo(done));
        Assert.That(Numbers("cut"), Is.EqualTo(Numbers("whole")));
        Assert.That(Network("cut"), Is.EqualTo(Network("whole")));
        JsonNode state = JsonNode.Parse(File.ReadAllText(_folder["cut/table1.json"]))!["rows"]![4]!["state"]!;
        Assert.That((string)state!, Is.EqualTo("not begun"), "PGD-7 was not chosen");

        (code, output, _) = Run($"{line} {_folder["cut"]}");
        Assert.That((code, output.Contains("2 of 2 runs are done"), output.Contains("device")), Is.EqualTo((ExitCodes.Ok, true, false)));
        (code, _, errors) = Run($"{line} {_folder["cut"]} --lr-max 0.1");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Usage, errors)));
        Assert.That(errors, Does.Contain("the run to resume has other options: lr-max \"0.1\" (was \"0.05\")"));
    }

    [Test]
    public void ARunThatFailsIsSaidAndTheOthersAreMade()
    {
        (int code, string output, _) = Run(
            $"reproduce methods {Tiny} --max-passes 2 --weight-decay 1e30 --lr-schedule flat --rows natural,fast "
            + $"--out-dir {_folder["study"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Numeric));
        Assert.That(output, Does.Contain("run natural failed:").And.Contain("run fast failed:"));
        Assert.That(File.ReadAllText(_folder["study/methods.md"]), Does.Contain("| FAST | 0 | - ").And.Contain("failed: loss is "));
    }

    private byte[] Network(string study) => File.ReadAllBytes(_folder[$"{study}/m+pgd/last.safetensors"]);

    // All numbers of the table that do not depend on the time.
    private string Numbers(string study)
    {
        JsonNode table = JsonNode.Parse(File.ReadAllText(_folder[$"{study}/table1.json"]))!;
        foreach (JsonNode? row in table["rows"]!.AsArray())
            row!.AsObject().Remove("seconds");
        return JsonSerializer.Serialize(table);
    }

    private static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' '), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }
}
