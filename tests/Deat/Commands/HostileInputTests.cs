using System.Text;
using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What is wrong from the beginning is said before anything is computed, and what goes wrong on the way loses nothing.</summary>
public sealed class HostileInputTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [TestCase("train --test-attacks clean,apgd-t", "attack apgd-t needs 4 classes or more, and there are 3")]
    [TestCase("train --validation-attack apgd-t", "attack apgd-t needs 4 classes or more, and there are 3")]
    [TestCase("reproduce table1 --rows free-4", "attack apgd-t needs 4 classes or more, and there are 3")]
    [TestCase("train --batch-size 4", "--batch-size 4 leaves a minibatch of one of 5 images, and of 4x4 pixels --model pre18 leaves one")]
    [TestCase("train --validation-images 6", "cannot hold out 6 of 6 images for validation; --validation-images says how many")]
    [TestCase("train --test-attacks cw-l2", "it needs --norm l2, which deat eval has")]
    public void WhatFewImagesAndClassesDoNotAllowIsRefused(string line, string message)
    {
        using DataFiles files = new();
        foreach (string name in new[] { "a", "b", "c" })
        {
            files.Write($"train/{name}/0.png", DataFiles.Plain(10, 20, 30));
            files.Write($"train/{name}/1.png", DataFiles.Plain(20, 30, 40));
            files.Write($"test/{name}/0.png", DataFiles.Plain(30, 40, 50));
        }

        string images = line.Contains("images") ? "" : " --validation-images 1";
        (int code, _, string errors) = CommandLineTests.Run(
            $"{line}{images} --device cpu --width 2 --epochs 1 --data-dir {files.Folder} --out-dir {_folder["out"]}");
        Assert.That(errors, Does.StartWith("deat: ").And.Contain(message));
        Assert.That(code, Is.EqualTo(ExitCodes.Usage).Or.EqualTo(ExitCodes.Data));
        Assert.That(Directory.Exists(_folder["out"]), Is.False);
    }

    [Test]
    public void OutputThatCannotBeWrittenEndsNoRun()
    {
        using StringWriter errors = new();
        using HungUp output = new();
        string line = $"{CommandLineTests.Tiny} --epochs 1 --out-dir {_folder["run"]}";
        Assert.That(CommandLine.Run(line.Split(' '), output, errors, isTerminal: true), Is.EqualTo(ExitCodes.Storage));
        Assert.That(errors.ToString(), Is.EqualTo("deat: not all of the output could be written: nobody is there\n"));
        Assert.That(File.Exists(_folder["run/last.safetensors"]));
        Assert.That(CommandLine.Run(["trane"], output, output, isTerminal: true), Is.EqualTo(ExitCodes.Usage), "also without errors");

        File.WriteAllText(_folder["file"], "");
        foreach (string option in new[] { "--state-path", "--save-examples" })
        {
            (int code, string said, string error) =
                CommandLineTests.Run($"eval {_folder["run"]} --attack fgsm {option} {_folder["file"]}/x");
            Assert.That((code, said), Is.EqualTo((ExitCodes.Storage, "")), "before there is a device");
            Assert.That(error, Does.StartWith("deat: cannot write into the folder"));
        }
    }

    [Test]
    public void WeightsThatAreNoNumbersAtTheEndOfTheFirstEpochWereNotSaved()
    {
        string line = CommandLineTests.Tiny.Replace("--batch-size 16", "--batch-size 64")
            .Replace("--validation-images 10", "--validation-images 0") + " --epochs 2 --weight-decay 1e300";
        (int code, _, string errors) = CommandLineTests.Run(line + $" --out-dir {_folder["run"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Numeric));
        Assert.That(errors, Does.Contain("is not finite at epoch 1, batch 0").And.Contain("; nothing was saved yet;"));
    }

    [Test]
    public void AnAverageThatNeverBeganIsSaid() => Assert.That(
        CommandLineTests.Run($"{CommandLineTests.Tiny} --max-passes 4 --average swa --out-dir {_folder["run"]}").Output,
        Does.Contain("note: nothing is averaged: the run ended before --average-start 3 of swa"));

    [Test]
    public void FoldersAreTheSameFromAnywhere() => Assert.That(
        TinyRuns.Options("--data folder --data-dir some/where").Data.Folder, Is.EqualTo(Path.GetFullPath("some/where")));

    [Test]
    public void RunsThatBeginInTheSameSecondHaveFoldersOfTheirOwn()
    {
        Clock clock = new();
        string first = NewFolder.For("test", clock);
        Assert.That(first, Is.EqualTo(Path.Combine("runs", "test-20210320-160944")));
        Directory.CreateDirectory(first);
        try
        {
            Assert.That(NewFolder.For("test", clock), Is.EqualTo($"{first}-2"));
        }
        finally
        {
            Directory.Delete(first);
        }
    }

    [Test]
    public void RunsThatAreCalledAlikeAreToldApartByTheirPaths()
    {
        WriteRun("seed-0/mine");
        WriteRun("seed-1/mine");
        string[] paths = [_folder["seed-0/mine"] + "/", _folder["seed-1/mine"]];
        Assert.That(ReportSources.Read(paths).Runs.Select(run => run.Name), Is.EqualTo(paths.Select(path => path.TrimEnd('/'))));
        Assert.That(ReportSources.Read(paths[..1]).Runs[0].Name, Is.EqualTo("mine"));
    }

    [Test]
    public void AFileThatCannotBeReadIsSaid()
    {
        WriteRun("mine");
        using FileStream held = File.Open(_folder["held.json"], FileMode.Create, FileAccess.Write, FileShare.None);
        Assert.That(ReportSources.Read([_folder["mine"], _folder["held.json"]]).Problems.Single(), Does.Contain("held.json"));
    }

    private void WriteRun(string name)
    {
        using RunFolder run = RunFolder.Create(_folder[name], new JsonObject { ["method"] = "free" });
        run.Append(new EpochMetrics
        {
            Epoch = 0,
            Seconds = 1,
            LearningRate = 0.1,
            TrainLoss = 2,
            TrainAccuracy = 0.3,
            Replays = 1,
            StepSize = 0.03,
            Passes = 1,
        });
    }

    private sealed class HungUp : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("nobody is there");

        public override void Write(string? value) => throw new IOException("nobody is there");
    }

    private sealed class Clock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2021, 3, 20, 16, 9, 44, TimeSpan.Zero);
    }
}
