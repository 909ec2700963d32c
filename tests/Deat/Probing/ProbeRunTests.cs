using System.Text.Json.Nodes;
using System.Xml.Linq;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Probes of whole runs: <c>deat train --probe</c> and <c>deat probe</c>.</summary>
public sealed class ProbeRunTests
{
    private const string Tiny =
        "train --device cpu --width 2 --batch-size 16 --train-images 50 --validation-images 10 --test-images 10 "
        + "--validation-attack cw1 --test-attacks clean --max-replays 2 --epochs 3";

    private static readonly string[] Figures = ["probe.svg", "slices.svg", "strip.svg"];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void ARunWithAProbeHasTheSameNetworksAndItsRecordsBesides()
    {
        (int code, string output, string errors) = Run($"{Tiny} --probe 9 --out-dir {_folder["with"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("probe  3 epochs in").And.Contain("% of all"));
        output = Run($"{Tiny} --out-dir {_folder["without"]}").Output;
        Assert.That(output, Does.Not.Contain("probe "));
        foreach (string file in new[] { "last.safetensors", "best.safetensors" })
            Assert.That(File.ReadAllBytes(_folder[$"with/{file}"]), Is.EqualTo(File.ReadAllBytes(_folder[$"without/{file}"])), file);
        foreach (string file in (string[])[.. Figures, "probe.jsonl"])
            Assert.That(File.Exists(_folder[$"without/{file}"]), Is.False, file);
        Assert.That(File.ReadAllText(_folder["without/config.json"]), Does.Not.Contain("probe"));
        Assert.That(File.ReadAllText(_folder["without/metrics.jsonl"]), Does.Not.Contain("probe"));

        (ProbeHeader header, IReadOnlyList<ProbeEpoch> epochs) = ProbeFile.Read(_folder["with/probe.jsonl"]);
        Assert.That((header.Count, header.Images, header.Strip.Count), Is.EqualTo((9, "procedural/validation", 8)));
        JsonNode[] metrics = [.. File.ReadAllLines(_folder["with/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!)];
        Assert.That(epochs, Has.Count.EqualTo(3));
        for (int epoch = 0; epoch < 3; epoch++)
        {
            ProbeMetrics means = epochs[epoch].Metrics(header.Epsilon, 0);
            Assert.That((double)metrics[epoch]["probe"]!["lipschitzBound"]!, Is.EqualTo(means.LipschitzBound));
            Assert.That((double)metrics[epoch]["probe"]!["strongGain"]!, Is.EqualTo(means.StrongGain).And.Positive);
            Assert.That(epochs[epoch].Replays, Is.EqualTo((int)metrics[epoch]["replays"]!));
        }

        foreach (string figure in Figures)
            Assert.That(() => XDocument.Load(_folder[$"with/{figure}"]), Throws.Nothing, figure);
    }

    [Test]
    public void AResumedRunLeavesTheSameRecordsOfItsProbe()
    {
        Run($"{Tiny} --probe 6 --out-dir {_folder["run"]}");
        string[] files = ["probe.jsonl", "slices.svg", "strip.svg"];
        string[] whole = [.. files.Select(file => File.ReadAllText(_folder[$"run/{file}"]))];
        string last = _folder["run/last.safetensors"];
        byte[] network = File.ReadAllBytes(last);
        // As after a kill in the third epoch, when its probe was written in part.
        File.Copy(last + ".prev", last, overwrite: true);
        File.WriteAllText(_folder["run/probe.jsonl"], whole[0][..^1000]);
        (int code, string output, string errors) = Run($"train --resume {_folder["run"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("resumed at epoch 2").And.Contain("probe  3 epochs in"));
        Assert.That(files.Select(file => File.ReadAllText(_folder[$"run/{file}"])), Is.EqualTo(whole));
        Assert.That(File.ReadAllBytes(last), Is.EqualTo(network));
        Assert.That(File.ReadAllLines(_folder["run/metrics.jsonl"]), Has.Length.EqualTo(3));
    }

    [Test]
    public void AFinishedRunIsProbedAsInItsLastEpoch()
    {
        Run($"{Tiny} --probe 6 --out-dir {_folder["run"]}");
        byte[] last = File.ReadAllBytes(_folder["run/last.safetensors"]);
        (int code, string output, string errors) = Run($"probe {_folder["run"]} --device cpu");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("last, epoch 2").And.Contain("Lipschitz bound").And.Contain("best, epoch").And.Contain("nats"));
        Assert.That(File.ReadAllLines(_folder["run/probe-last.jsonl"])[1], Is.EqualTo(File.ReadAllLines(_folder["run/probe.jsonl"])[3]));
        Assert.That(File.ReadAllText(_folder["run/slices-last.svg"]), Is.EqualTo(File.ReadAllText(_folder["run/slices.svg"])));
        Assert.That(ProbeFile.Read(_folder["run/probe-best.jsonl"]).Epochs, Has.Count.EqualTo(1));
        Assert.That(File.ReadAllBytes(_folder["run/last.safetensors"]), Is.EqualTo(last));

        Run($"probe {_folder["run"]} --device cpu --checkpoint last --images 3 --batch-size 2 --seed 4");
        Assert.That(ProbeFile.Read(_folder["run/probe-last.jsonl"]).Epochs[0].CleanLosses, Has.Count.EqualTo(3));
    }

    [Test]
    public void WithoutValidationTrainingImagesAreProbed()
    {
        string line = Tiny.Replace("--validation-images 10", "--validation-images 0").Replace("--epochs 3", "--epochs 1");
        Run($"{line} --probe 3 --out-dir {_folder["run"]}");
        ProbeHeader header = ProbeFile.Read(_folder["run/probe.jsonl"]).Header;
        Assert.That(header.Images, Is.EqualTo("procedural/train"));
    }

    [TestCase("train --device cpu --probe -1", ExitCodes.Usage, "--probe '-1' is not a whole number from 0 to 10000")]
    [TestCase("train --device cpu --probe many", ExitCodes.Usage, "--probe 'many' is not a whole number")]
    [TestCase("train --device cpu --probe 65 --out-dir {folder}/run", ExitCodes.Usage, "--probe 65 is more than the 64 images of")]
    [TestCase("probe", ExitCodes.Usage, "'run'")]
    [TestCase("probe {folder}", ExitCodes.Checkpoint, "config.json")]
    public void WhatIsWrongIsSaidInOneLineWithItsExitCode(string line, int code, string message)
    {
        (int answer, _, string errors) = Run(line.Replace("{folder}", _folder.Path));
        AssertOneLine(errors, message);
        Assert.That(answer, Is.EqualTo(code));
        Assert.That(Directory.Exists(_folder["run"]), Is.False);
    }

    [Test]
    public void WhatIsWrongWithARunIsSaidInOneLine()
    {
        Run($"{Tiny.Replace("--epochs 3", "--epochs 1")} --out-dir {_folder["run"]}");
        string run = $"probe {_folder["run"]} --device cpu";
        AssertOneLine(Run($"{run} --images 11").Errors, "--images 11 is more than the 10 images of procedural/validation");
        AssertOneLine(Run($"{run} --images 0").Errors, "--images '0' is not a whole number from 1");
        AssertOneLine(Run($"{run} --checkpoint average").Errors, "no averaged weights in");
        AssertOneLine(Run($"{run} --checkpoint first").Errors, "--checkpoint 'first' is not one of best, last, average, all");
        File.WriteAllText(_folder["run/metrics.jsonl"], "");
        AssertOneLine(Run(run).Errors, "no line for epoch 0");
        File.Delete(_folder["run/last.safetensors"]);
        AssertOneLine(Run($"{run} --checkpoint last").Errors, "no checkpoint at");
        File.Delete(_folder["run/best.safetensors"]);
        AssertOneLine(Run(run).Errors, "no checkpoint at");
    }

    [Test]
    public void AFileOfAnotherVersionIsRefusedAndACutLineLeftOut()
    {
        Run($"{Tiny} --probe 2 --out-dir {_folder["run"]}");
        string text = File.ReadAllText(_folder["run/probe.jsonl"]);
        File.WriteAllText(_folder["cut"], text[..^100]);
        Assert.That(ProbeFile.Read(_folder["cut"]).Epochs.Select(epoch => epoch.Epoch), Is.EqualTo(new[] { 0, 1 }));
        File.WriteAllText(_folder["other"], text.Replace("deat-probe-1", "deat-probe-9"));
        Assert.That(() => ProbeFile.Read(_folder["other"]), Throws.TypeOf<StorageException>().With.Message.Contains("deat-probe-9"));
        File.WriteAllText(_folder["other"], "no JSON");
        Assert.That(() => ProbeFile.Read(_folder["other"]), Throws.TypeOf<StorageException>());
        Assert.That(() => ProbeFile.Read(_folder["none"]), Throws.TypeOf<StorageException>());
    }

    private static void AssertOneLine(string errors, string message)
    {
        Assert.That(errors, Does.StartWith("deat: ").And.Contain(message));
        Assert.That(errors.TrimEnd().Split('\n'), Has.Length.EqualTo(1), errors);
    }

    private static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }
}
