using System.Diagnostics;
using System.Runtime.InteropServices;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Kills, signals, full disks and second processes, with real processes and a real file system.</summary>
[Platform("Linux")]
public sealed partial class FaultTests
{
    // When a kill hits a save depends on the machine's load: at least so many must, or they show nothing.
    private const int Hits = 5;
    private const int MaximalKills = 150;

    private TemporaryFolder _parent = null!;

    private string Location => _parent["run"];

    [SetUp]
    public void SetUp() => _parent = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _parent.Delete();

    [Test]
    public void NoKillLosesTheCheckpoint()
    {
        RunFolder.Create(Location, []).Dispose();
        var (kills, leftovers, cutShort) = (0, 0, 0);
        for (; kills < 30 || cutShort < Hits && kills < MaximalKills; kills++)
        {
            KillWhileSaving("save-atomically", Location, seed: kills);
            cutShort += Directory.GetFiles(Location, "*.tmp-*").Length > 0 ? 1 : 0;
            using var run = RunFolder.Resume(Location, config: null);
            RequireWhole(run.LoadLast());
            leftovers += run.Notes.Count(n => n.Contains("leftover"));
        }
        TestContext.Out.WriteLine($"{kills} kills, {cutShort} in the middle of a save, none lost");
        Assert.That(leftovers, Is.EqualTo(cutShort));
        Assert.That(cutShort, Is.GreaterThanOrEqualTo(Hits), "the kills must hit the saves");
    }

    // The same kills on a writer that overwrites its file: they must lose some, or the test above shows nothing.
    [Test]
    public void TheSameKillsDoLoseAFileWrittenInPlace()
    {
        var file = _parent["in-place.safetensors"];
        var (kills, lost) = (0, 0);
        for (; lost < Hits && kills < MaximalKills; kills++)
        {
            KillWhileSaving("save-in-place", file, seed: kills);
            try
            {
                RequireWhole(Checkpoint.Read(file));
            }
            catch (CheckpointException)
            {
                lost++;
            }
        }
        TestContext.Out.WriteLine($"in place: {lost} of {kills} lost");
        Assert.That(lost, Is.EqualTo(Hits));
    }

    [Test]
    public void ASecondProcessIsRefusedUntilTheFirstIsGone()
    {
        using var first = ChildProcess.Start("hold", Location);
        var e = Assert.Throws<StorageException>(() => RunFolder.Create(Location, []))!;
        Assert.That(e.ExitCode, Is.EqualTo(7));
        Assert.That(e.Message, Does.Match($@"in use by process {first.Id} \(since \d{{4}}-\d\d-\d\d \d\d:\d\d\)"));
        Assert.That(() => RunFolder.Resume(Location, null), Throws.TypeOf<StorageException>());
        first.Kill();
        first.WaitForExit();
        RunFolder.Create(Location, []).Dispose();
    }

    [TestCase(1, 129)]
    [TestCase(2, 130)]
    [TestCase(15, 143)]
    public void TheFirstSignalAsksToStop(int signal, int exitCode)
    {
        using var process = ChildProcess.Start("wait-for-signal");
        Send(process, signal);
        Assert.That(process.WaitForExit(10_000));
        Assert.That(process.ExitCode, Is.EqualTo(exitCode));
        Assert.That(process.StandardOutput.ReadToEnd(), Does.Contain("stopping after this batch").And.Contain("saved"));
    }

    [Test]
    public void TheSecondSignalEndsAtOnce()
    {
        using var process = ChildProcess.Start("ignore-signal");
        Send(process, 2);
        Assert.That(process.StandardOutput.ReadLine(), Does.Contain("press again"));
        Assert.That(process.WaitForExit(200), Is.False);
        Send(process, 2);
        Assert.That(process.WaitForExit(10_000));
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(process.StandardOutput.ReadToEnd(), Does.Not.Contain("saved"));
    }

    [Test]
    public void AFullDiskKeepsTheOldCheckpoint()
    {
        Directory.CreateDirectory(Location);
        if (Run("mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", Location) != 0)
            Assert.Ignore("a small disk cannot be mounted here (needs root); disk-full was not tested");
        try
        {
            using var run = RunFolder.Create(Location, []);
            run.SaveLast(ChildProcess.Numbered(1, megabytes: 3));
            var e = Assert.Throws<StorageException>(() => run.SaveLast(ChildProcess.Numbered(2, megabytes: 3)))!;
            Assert.That(e.Message, Does.Match(
                $@"^cannot save last.safetensors: disk full on {Location} \(needs 3 MB, 2(\.\d)? MB free\)$"));
            RequireWhole(run.LoadLast());
            Assert.That(Directory.GetFiles(Location, "*.tmp-*"), Is.Empty);
            File.WriteAllBytes(run.In("filler"), new byte[new DriveInfo(Location).AvailableFreeSpace]);
            Assert.That(() => run.Log(new string('x', 100_000)), Throws.TypeOf<StorageException>().With.Message.Contains("disk full"));
            Assert.That(
                () => RunFolder.Create(run.In("another"), []), Throws.TypeOf<StorageException>().With.Message.Contains("disk full"));
        }
        finally
        {
            Assert.That(Run("umount", Location), Is.Zero);
        }
    }

    private static void KillWhileSaving(string mode, string target, int seed)
    {
        using var process = ChildProcess.Start(mode, target);
        Thread.Sleep(new Random(seed).Next(60));
        process.Kill();
        process.WaitForExit();
    }

    private static void RequireWhole(Checkpoint checkpoint)
    {
        var number = checkpoint.StateAs<int>();
        Assert.That(checkpoint.Arrays.Single().ToFloats().All(f => f == number));
    }

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }

    private static void Send(Process process, int signal) => Assert.That(Kill(process.Id, signal), Is.Zero);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
