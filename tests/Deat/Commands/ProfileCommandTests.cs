using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Whole command lines of <c>deat profile</c> and <c>deat devices</c>, and what DEAT_DEBUG shows.</summary>
public sealed class ProfileCommandTests
{
    private const string Tiny = "profile --device cpu --width 2 --batch-size 8 --train-images 50 --validation-images 10 --batches 1";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AProfileIsShownAndKept()
    {
        (int code, string output, string errors) = Run($"{Tiny} --method pgd --iterations 2 --out-dir {_folder["p"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        string[] parts =
        [
            "device cpu", "work   pgd, batches of 8 images, pre18 of width 2", "preset demo; after 2 batches of warming up", "roofs  ",
            "times  the host's monotonic clock", "timing costs", "waiting for the host", "energy ",
            "phase x iteration", "attack input gradient", "marginal price", "kernels of 1 batch together", "bound by",
            "layer x phase", "layer4.1.conv2", "computed and discarded", "the largest batch that fits", "profile ", "trace ",
        ];
        foreach (string part in parts)
            Assert.That(output, Does.Contain(part));
        CostProfile profile = CostProfile.Read(_folder["p"]);
        Assert.That(profile.Batches, Has.Count.EqualTo(1));
        Assert.That(((string?)profile.Options["method"], profile.Preset), Is.EqualTo(("pgd", "demo")));
        Assert.That(profile.Launches.Max(launch => launch.Iteration), Is.EqualTo(2));
        string[] files = ["profile.json", TraceFile.FileName];
        Assert.That(Directory.GetFiles(_folder["p"]).Select(Path.GetFileName), Is.EquivalentTo(files));
    }

    [Test]
    public void WhatIsReadIsWhatWasWritten()
    {
        CostProfile profile = TestProfiles.Of([TestProfiles.Launch(1, 2), TestProfiles.Launch(3, 5, layer: "b\"n")], 9);
        File.WriteAllText(_folder[CostProfile.FileName], profile.ToJson());
        CostProfile read = CostProfile.Read(_folder.Path);
        Assert.That(read.Launches, Is.EqualTo(profile.Launches));
        Assert.That(read.Batches, Is.EqualTo(profile.Batches));
        Assert.That(read.Memory, Is.EqualTo(profile.Memory));
        Assert.That(read.Kernels, Is.EqualTo(profile.Kernels));
        Assert.That((read.Traits, read.Peaks, read.MemoryNeed), Is.EqualTo((profile.Traits, profile.Peaks, profile.MemoryNeed)));
        Assert.That(read.ToJson(), Is.EqualTo(profile.ToJson()));
    }

    [TestCase("{\"version\": 2}", "of version 2, this program reads version 1")]
    [TestCase("{\"launches\": []}", "of version unknown")]
    [TestCase("{\"version\": 1}", "cannot read")]
    [TestCase("{\"version\": 1, \"launches\"", "cannot read")]
    [TestCase("[]", "cannot read")]
    public void AProfileOfAnotherVersionOrADamagedOneIsRefused(string text, string message)
    {
        File.WriteAllText(_folder[CostProfile.FileName], text);
        Assert.That(() => CostProfile.Read(_folder.Path), Throws.TypeOf<CheckpointException>().With.Message.Contains(message));
    }

    [Test]
    public void AFolderWithoutAProfileSaysHowToMakeOne() => Assert.That(
        () => CostProfile.Read(_folder.Path), Throws.TypeOf<CheckpointException>().With.Message.EndsWith("deat profile makes one"));

    [Test]
    public void AFolderThatCannotBeWrittenIsNoticedBeforeAnythingIsMeasured()
    {
        File.WriteAllText(_folder["file"], "");
        (int code, string output, string errors) = Run($"{Tiny} --method natural --out-dir {_folder["file/p"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Storage));
        Assert.That(errors.Trim(), Does.StartWith("deat: cannot write into the folder").And.Not.Contain("\n"));
        Assert.That(output, Does.Not.Contain("roofs"));
    }

    [Test]
    public void BeyondTheCapOneLineSaysSoAndTheRestIsShown()
    {
        (int code, string output, string errors) = Run($"{Tiny} --method natural --max-launches 20 --out-dir {_folder["p"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output.Split("note: --max-launches was reached"), Has.Length.EqualTo(2));
        Assert.That(output, Does.Contain("timing costs n/a, as --max-launches").And.Not.Contain("with all launches timed"));
        Assert.That(CostProfile.Read(_folder["p"]).Launches, Has.Count.EqualTo(20));
        string training = Tiny[Tiny.IndexOf("--width", StringComparison.Ordinal)..].Replace(" --batches 1", "", StringComparison.Ordinal);
        string plan = $"plan --profile {_folder["p"]} {training} --method natural";
        (code, output, errors) = Run(plan);
        Assert.That((code, output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(errors, Does.Match("^deat: [^\n]+\n$").And.Contain("only batch was cut off by --max-launches"));
    }

    [Test]
    public void AReportShowsAProfileThatWasCutOffBeforeTheFirstLayer()
    {
        Run($"{Tiny} --method natural --max-launches 2 --out-dir {_folder["p"]}");
        (int code, _, string errors) = Run($"report {_folder["p"]} --out-file {_folder["report.html"]}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(File.ReadAllText(_folder["report.html"]), Does.Contain("the only batch is cut off").And.Not.Contain("Layer and phase"));
    }

    [TestCase("--batches 0", "--batches")]
    [TestCase("--method free --iterations 0", "--iterations")]
    [TestCase("--attack-weight-gradients maybe --method pgd", "--attack-weight-gradients")]
    [TestCase("--resume x", "--resume")]
    [TestCase("--epsilon x", "--epsilon")]
    public void WrongOptionsAreNamed(string options, string named)
    {
        (int code, _, string errors) = Run($"profile --device cpu {options}");
        Assert.That(code, Is.EqualTo(ExitCodes.Usage));
        Assert.That(errors, Does.StartWith("deat: ").And.Contain(named));
    }

    [TestCase("1", false, false, false)]
    [TestCase("2", true, false, false)]
    [TestCase("3", true, true, false)]
    [TestCase("4", true, true, true)]
    public void DebugShowsMoreWithEachLevel(string level, bool launches, bool geometry, bool sources)
    {
        string errors = WithDebug(level, $"{Tiny} --method natural --out-dir {_folder["p"]}").Errors;
        Assert.That(errors, Does.Match(@"\*\*\* cpu compiled ContractionKernels\.\S+ in [0-9.]+ ms"));
        const string Launch = @"\*\*\* cpu +1 \S+Kernels.* tm +[0-9.]+us/ +[0-9.]+ms \( *[0-9.]+ GFLOP/s";
        Assert.That(errors, launches ? Does.Match(Launch) : Does.Not.Contain(" tm "));
        Assert.That(errors, geometry ? Does.Contain("update forward, iteration 1, ") : Does.Not.Contain("iteration 1"));
        Assert.That(errors, sources ? Does.Contain("(compiled by .NET") : Does.Not.Contain("(compiled by .NET"));
    }

    [Test]
    public void DebugShowsTheSourcesOfOpenClKernels()
    {
        string? id = TestDevices.Ids.FirstOrDefault(id => id.StartsWith("opencl", StringComparison.Ordinal));
        if (id is null)
            Assert.Ignore("no OpenCL device");
        using ComputeDevice device = ComputeDevice.Open(id);
        List<KernelBuild> builds = [];
        device.Builds = builds.Add;
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain(new Shape(1, 16), ElementType.Float32);
        Ops.Fill(x, 1);
        Ops.Fill(x, 2);
        Assert.That(builds.Single().Kernel, Is.EqualTo("FillKernels.Fill<Single>"));
        Assert.That(builds[0].Source, Does.Contain("kernel void"));
    }

    [Test]
    public void ATrainingShowsLaunchesAsTheyRun()
    {
        string line = $"train --device cpu --width 2 --batch-size 16 --train-images 16 --validation-images 0 --test-images 10 "
            + $"--test-attacks clean --max-replays 1 --epochs 1 --out-dir {_folder["run"]}";
        (int code, _, string errors) = WithDebug("2", line);
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(errors.Split('\n').Count(text => text.Contains(" tm ", StringComparison.Ordinal)), Is.GreaterThan(200));
        Assert.That(WithDebug("x", line).Errors, Does.StartWith("deat: DEAT_DEBUG 'x' is not a number from 0 to 4"));
    }

    [Test]
    public void DevicesAreMeasuredAndTellTheirKernels()
    {
        (int code, string output, string errors) = Run("devices --measure --device cpu");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Match(@"measured: [0-9.,]+ GB/s, [0-9,]+ GFLOP/s float32, [0-9.,]+ us a launch"));
        Assert.That(output, Does.Match(@"fp32 convolutions, input gradient: .*Winograd.* in \d+ \(.*layer1\.0\.conv1"));
        Assert.That(output, Does.Not.Contain("opencl:"));
        Assert.That(Run("devices --device nothing").Errors, Does.StartWith("deat: --device 'nothing' is none of"));
    }

    private static (int Code, string Output, string Errors) WithDebug(string level, string line)
    {
        Environment.SetEnvironmentVariable(DebugOutput.Variable, level);
        try
        {
            return Run(line);
        }
        finally
        {
            Environment.SetEnvironmentVariable(DebugOutput.Variable, null);
        }
    }

    private static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }
}
