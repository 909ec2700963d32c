using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The program as a process of its own that is interrupted or killed.</summary>
[Parallelizable(ParallelScope.All)]
public sealed partial class SignalTests
{
    private const int Interrupt = 2;
    private const int Kill = 9;

    private const string Tiny =
        "train --device cpu --method mdeat --width 2 --epochs 4 --batch-size 4 --train-images 90 --validation-images 10 --test-images 10 "
        + "--validation-attack cw1 --test-attacks clean --max-replays 2";

    private TemporaryFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeUninterruptedRun()
    {
        _folder = new TemporaryFolder();
        Finish(Start($"{Tiny} --out-dir {_folder["whole"]}"), ExitCodes.Ok);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AnInterruptedRunSavesSaysHowToGoOnAndEndsAsIfNothingHadHappened()
    {
        using Process process = Start($"{Tiny} --out-dir {_folder["interrupted"]}");
        WaitForLine(process, "epoch ");
        Thread.Sleep(300);
        string output = Signal(process, Interrupt);
        Assert.That(process.ExitCode, Is.EqualTo(128 + Interrupt));
        Assert.That(output, Does.Contain("go on with: deat train --resume"));
        Assert.That(process.StandardError.ReadToEnd(), Does.Contain("stopping after this batch"));
        Assert.That(File.Exists(_folder["interrupted/last.safetensors"]));
        JsonNode stopped = JsonNode.Parse(File.ReadAllText(_folder["interrupted/stopped.json"]))!;
        Finish(Start($"train --resume {_folder["interrupted"]}"), ExitCodes.Ok);
        AssertSame("interrupted");
        string epoch = File.ReadAllLines(_folder["interrupted/metrics.jsonl"])[(int)stopped["epoch"]!];
        Assert.That((double)JsonNode.Parse(epoch)!["seconds"]!, Is.GreaterThan((double)stopped["seconds"]!), "both parts of it count");
        if ((int)stopped["batch"]! > 0)
            Assert.That((double)stopped["seconds"]!, Is.GreaterThan(0));
    }

    [Test]
    public void AKilledRunIsResumedFromItsLastCheckpoint()
    {
        using Process process = Start($"{Tiny} --out-dir {_folder["killed"]}");
        while (!File.Exists(_folder["killed/last.safetensors"]))
            Thread.Sleep(5);
        Signal(process, Kill);
        Finish(Start($"train --resume {_folder["killed"]}"), ExitCodes.Ok);
        AssertSame("killed");
        Assert.That(File.ReadAllLines(_folder["killed/metrics.jsonl"]), Has.Length.EqualTo(4));
    }

    private void AssertSame(string run)
    {
        foreach (string file in new[] { "last.safetensors", "best.safetensors" })
            Assert.That(File.ReadAllBytes(_folder[$"{run}/{file}"]), Is.EqualTo(File.ReadAllBytes(_folder[$"whole/{file}"])), file);
    }

    private static void WaitForLine(Process process, string start)
    {
        while (process.StandardOutput.ReadLine() is { } line)
            if (line.StartsWith(start, StringComparison.Ordinal))
                return;
        Assert.Fail($"no line '{start}': {process.StandardError.ReadToEnd()}");
    }

    private static string Signal(Process process, int signal)
    {
        Assert.That(process.HasExited, Is.False, "the run was over before the signal");
        _ = SendSignal(process.Id, signal);
        string output = process.StandardOutput.ReadToEnd();
        Assert.That(process.WaitForExit(30_000), "the process went on");
        return output;
    }

    private static void Finish(Process process, int code)
    {
        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.EqualTo(code), errors.Result);
        }
    }

    private static Process Start(string line)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(typeof(CommandLine).Assembly.Location);
        foreach (string word in line.Split(' '))
            start.ArgumentList.Add(word);
        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
