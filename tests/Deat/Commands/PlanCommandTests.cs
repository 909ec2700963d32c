using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary><c>deat plan --profile</c>: which profiles it takes, and what it says of those it was not quite made for.</summary>
public sealed class PlanCommandTests
{
    private const string Training = "--width 2 --batch-size 8 --train-images 50 --validation-images 10 --epochs 2";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AProfileOfThisTrainingIsTakenAndItsDeviceNamed()
    {
        (int code, string output, string errors) = Plan(Profile("pgd"), "--method pgd");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.StartWith($"device cpu {TestDevices.Get("cpu").Name}, that of the profile\nall     2 epochs of 7 (x2)"));
        Assert.That(Plan(Profile("pgd"), "--method pgd --device cpu").Output, Is.EqualTo(output));
    }

    [TestCase("--method free", "another training: method pgd (profile), free (training)")]
    [TestCase("--method pgd --width 4", "another training: width 2 (profile), 4 (training)")]
    [TestCase("--method pgd --batch-size 16", "another training: batch-size 8 (profile), 16 (training)")]
    [TestCase("--method pgd --precision tf32", "precision fp32 (profile), tf32 (training)")]
    [TestCase("--method pgd --awp-gamma 0.01", "awp-gamma none (profile), 0.01 (training)")]
    [TestCase("--method pgd --attack-weight-gradients on", "attack-weight-gradients off (profile), on (training)")]
    [TestCase("--method pgd --device opencl:0", "the profile is of another device: cpu instead of opencl:0")]
    public void AnotherTrainingOrDeviceIsRefusedInOneLine(string options, string why)
    {
        (int code, string output, string errors) = Plan(Profile("pgd"), options);
        Assert.That((code, output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(errors, Does.Match("^deat: the profile is of another [^\n]+\n$").And.Contain(why));
    }

    [Test]
    public void ImagesAndTheMachineAreSaidWhereTheyDiffer()
    {
        CostProfile profile = Profile("pgd");
        profile.Environment["cores"] = 1000;
        profile.Options["data"] = "cifar10";
        (int code, string output, string errors) = Plan(profile, "--method pgd");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("\nnote: not measured with the same images, device and machine: data cifar10 (profile), "
            + $"procedural (here); cores 1000 (profile), {Environment.ProcessorCount} (here)\n"));
    }

    [TestCase("--profile p --batches 3", "--batches conflicts with --profile: they are those of a new profile")]
    [TestCase("a-run --replays-of another", "--replays-of conflicts with a-run: a run's plan goes by its own iterations")]
    [TestCase("--replays-of a-run --epochs 9", "--epochs conflicts with --replays-of: the plan has that run's epochs")]
    [TestCase("--graphs on --device cpu", "--graphs on conflicts with --device cpu, which has no graphs")]
    [TestCase("a-run --epochs 9", "--epochs conflicts with a-run: a run's plan goes by its own options")]
    public void WhatWouldBeIgnoredIsRefused(string options, string why) => Assert.That(
        CommandLineTests.Run($"plan {options}"), Is.EqualTo((ExitCodes.Usage, "", $"deat: {why}\n")));

    [Test]
    public void ARunsPlanGoesByItsIterationsAndSaysHowFarItIsOff()
    {
        string options = $"{Training} --method deat-d --delay 1 --device cpu";
        (int code, _, string errors) = CommandLineTests.Run(
            $"train {options} --test-images 10 --test-attacks clean --out-dir {_folder["r"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok), errors);
        (code, string plan, errors) = CommandLineTests.Run($"plan {_folder["r"]} --batches 1");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(plan, Does.Contain("\nlogged  2 epochs of 1, 2 iterations: "));
        foreach (string part in new[] { "run", "later" })
            Assert.That(plan, Does.Match($@"\n{part} .*: the prediction is [+-][\d.]+ % off\n"));
        (code, string other, errors) = CommandLineTests.Run(
            $"plan --replays-of {_folder["r"]} --batches 1 {options.Replace(" --epochs 2", "", StringComparison.Ordinal)}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(other, Does.Contain("\nlogged  2 epochs of 1, 2 iterations: ").And.Not.Contain("prediction"));
    }

    private static CostProfile Profile(string method)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        return TestProfiles.Of(
            [
                TestProfiles.Launch(0, 10, Phase.Attack, 0, "linear"), TestProfiles.Launch(10, 20, Phase.Update, 1, "linear"),
            ],
            20) with
        {
            Device = "cpu",
            Environment = RunEnvironment.Describe(device.Name, "", device.Listing.Driver),
            Options = TinyRuns.Options($"--method {method} {Training}").ToJson(),
        };
    }

    private (int Code, string Output, string Errors) Plan(CostProfile profile, string options)
    {
        File.WriteAllText(_folder[CostProfile.FileName], profile.ToJson());
        IEnumerable<string> others =
            Training.Split(' ').Chunk(2).Where(option => !options.Contains(option[0])).SelectMany(option => option);
        return CommandLineTests.Run($"plan --profile {_folder.Path} {string.Join(' ', others)} {options}");
    }
}
