using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Run folders of other versions of the program: what all commands say to them.</summary>
public sealed class RunVersionTests
{
    private static readonly string[] Commands =
        ["train --resume {run}", "eval {run}", "probe {run}", "plan {run}", "plan --replays-of {run}", "report {run}"];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test, Combinatorial]
    public void EveryCommandRefusesWhatItDoesNotUnderstand(
        [ValueSource(nameof(Commands))] string command,
        [Values("format|deat-run-2|has the format 'deat-run-2' of another version of deat, this one reads deat-run-1",
            "of-tomorrow|7|has the unknown option --of-tomorrow", "method|of-tomorrow|--method 'of-tomorrow' is not known")]
        string change)
    {
        string[] parts = change.Split('|');
        JsonObject config = TinyRuns.Options().ToJson();
        config[parts[0]] = parts[1];
        Directory.CreateDirectory(_folder["run"]);
        File.WriteAllText(_folder["run/config.json"], config.ToJsonString());
        (int code, string output, string errors) = CommandLineTests.Run(command.Replace("{run}", _folder["run"]));
        Assert.That((code, output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(errors, Does.Match("^deat: [^\n]+\n$").And.Contain(parts[2]).And.Contain(_folder["run"]));
    }

    [Test]
    public void ARunOfAVersionWithoutAnOptionGoesOnAndOneWithAnUnknownOptionDoesNot()
    {
        CommandLineTests.Run($"{CommandLineTests.Tiny} --epochs 2 --out-dir {_folder["run"]}");
        JsonObject config = JsonNode.Parse(File.ReadAllText(_folder["run/config.json"]))!.AsObject();
        Assert.That(config.Remove("label-smoothing"));
        File.WriteAllText(_folder["run/config.json"], config.ToJsonString());
        Assert.That(CommandLineTests.Run($"train --resume {_folder["run"]}").Code, Is.EqualTo(ExitCodes.Ok));
        config["of-tomorrow"] = "7";
        File.WriteAllText(_folder["run/config.json"], config.ToJsonString());
        (int code, _, string errors) = CommandLineTests.Run($"train --resume {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(errors, Does.Contain("is of another version of deat: it has the unknown option --of-tomorrow"));
    }

    // Earlier versions wrote --compat table1 for all rows of Table 1, also where all versions of the scripts are the same.
    [Test]
    public void AStudyGoesOnWithRunsThatNameWhatChangesNothingInThem()
    {
        string line = "reproduce table1 --data procedural --device cpu --width 2 --train-images 16 --validation-images 8 --test-images 10 "
            + $"--batch-size 8 --validation-attack fgsm --epochs 2 --rows free-4 --attack clean --out-dir {_folder["study"]}";
        CommandLineTests.Run(line);
        string network = File.ReadAllText(_folder["study/free-4/last.safetensors"]);
        File.Move(_folder["study/free-4/last.safetensors.prev"], _folder["study/free-4/last.safetensors"], overwrite: true);
        File.Delete(_folder["study/free-4/result.json"]);
        JsonObject config = JsonNode.Parse(File.ReadAllText(_folder["study/free-4/config.json"]))!.AsObject();
        Assert.That(config.ContainsKey("compat"), Is.False);
        config["compat"] = "table1";
        File.WriteAllText(_folder["study/free-4/config.json"], config.ToJsonString());
        (int code, string output, string errors) = CommandLineTests.Run(line);
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("resumed at epoch 1, batch 0"));
        Assert.That(File.ReadAllText(_folder["study/free-4/last.safetensors"]), Is.EqualTo(network));
        config["lr-max"] = "0.1";
        File.WriteAllText(_folder["study/free-4/config.json"], config.ToJsonString());
        Assert.That(CommandLineTests.Run(line).Errors, Does.Contain("has other options: lr-max"));
    }

    [Test]
    public void AReportShowsTheRunsThatItUnderstands()
    {
        string good = Path.Combine(SourceFiles.Root, "benchmarks", "results", "amd-epyc-avx512-2-cores", "methods", "pgd-7");
        Directory.CreateDirectory(_folder["run"]);
        File.WriteAllText(_folder["run/config.json"], """{"format":"deat-run-2","method":"pgd"}""");
        ReportSources sources = ReportSources.Read([good, _folder["run"]]);
        Assert.That(sources.Runs.Select(run => run.Name), Is.EqualTo(new[] { "pgd-7" }));
        Assert.That(sources.Problems.Single(), Does.Contain("deat-run-2"));
    }

    [Test]
    public void AFolderNamesItsFormatBesideTheOptionsAndNeedNot()
    {
        JsonObject options = TinyRuns.Options().ToJson();
        RunFolder.Create(_folder["run"], options).Dispose();
        Assert.That((string?)JsonNode.Parse(File.ReadAllText(_folder["run/config.json"]))!["format"], Is.EqualTo("deat-run-1"));
        Assert.That(JsonNode.DeepEquals(RunFolder.ReadConfig(_folder["run"]), options));
        File.WriteAllText(_folder["run/config.json"], options.ToJsonString());
        Assert.That(JsonNode.DeepEquals(RunFolder.ReadConfig(_folder["run"]), options), "as the first version wrote it");
    }

    [Test]
    [Category("Repository")]
    public void CommittedRunsAreUnderstood()
    {
        string[] configs = Directory.GetFiles(
            Path.Combine(SourceFiles.Root, "benchmarks", "results"), "config.json", SearchOption.AllDirectories);
        Assert.That(configs, Has.Length.GreaterThan(10));
        foreach (string config in configs)
            Assert.That(() => RunConfig.Read(Path.GetDirectoryName(config)!), Throws.Nothing, config);
    }
}
