using System.Text.Json;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CheckpointTests
{
    private sealed record State(int Epoch, int Batch, double Magnitude, ReplayState Replays);

    private TemporaryFolder _folder = null!;

    private string File0 => _folder["last.safetensors"];

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Delete();

    [Test]
    public void AStateOfAnOlderVersionIsUnderstood()
    {
        const string Older = """
            {"epoch":2,"batch":1,"replay":{"epoch":2,"count":3,"stepSize":0.03,"threshold":7.5},
             "sums":{"images":8,"correct":1,"loss":2.5,"magnitude":3.5},"passes":4,"best":{"epoch":1,"accuracy":0.25},"data":"00"}
            """;
        TrainerState state = new Checkpoint([], JsonDocument.Parse(Older).RootElement).StateAs<TrainerState>();
        Assert.That(state.Sums, Is.EqualTo(new EpochSums(8, 1, 2.5, 3.5)));
        Assert.That((state.Rollbacks, state.Guard, state.Replay.Count), Is.EqualTo((0, (GuardState?)null, 3)));
        string now = JsonSerializer.Serialize(state, RunJson.Compact);
        Assert.That(now, Does.Not.Contain("guard").And.Not.Contain("rollbacks"), "what a run does not have is not in its state");
    }

    [Test]
    public void ArraysAndStateComeBackExactly()
    {
        Save(Sample(2829.7151000000001));
        var read = Checkpoint.Read(File0);
        Assert.That(read.StateAs<State>(), Is.EqualTo(new State(3, 17, 2829.7151000000001, Replays)));
        Assert.That(read.Arrays.Single(a => a.Name == "fc.weight").ToFloats(), Is.EqualTo(new[] { 1f, float.Epsilon, -0f }));
        Assert.That(read.Arrays.Single(a => a.Name == "bn1.num_batches_tracked").ToInt64s(), Is.EqualTo(new[] { long.MaxValue }));
    }

    [Test]
    public void EqualContentGivesEqualBytesAlsoAfterReading()
    {
        var first = Bytes(Sample(1.5));
        Assert.That(Bytes(Sample(1.5)), Is.EqualTo(first));
        Assert.That(first, Has.Length.EqualTo(Sample(1.5).FileBytes));
        Save(Sample(1.5));
        Assert.That(Bytes(Checkpoint.Read(File0)), Is.EqualTo(first));
        Assert.That(Bytes(Sample(Math.BitIncrement(1.5))), Is.Not.EqualTo(first));
    }

    // A flipped bit either breaks the header or one of the summed values; only two things may pass: nothing that is read
    // differs, or the file is refused.
    [Test]
    public void NoFlippedBitPassesUnseen()
    {
        var whole = Bytes(Sample(1.5));
        var (tried, refused) = (0, 0);
        // Every third bit: each byte is hit, each place in a byte is hit.
        for (var bit = 0; bit < whole.Length * 8; bit += 3, tried++)
        {
            var damaged = whole.ToArray();
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(File0, damaged);
            try
            {
                Assert.That(Bytes(Checkpoint.Read(File0)), Is.EqualTo(whole), $"bit {bit}");
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(tried * 0.95));
    }

    [Test]
    public void DamageIsNamed()
    {
        var whole = Bytes(Sample(1.5));
        File.WriteAllBytes(File0, whole[..^1]);
        Assert.That(() => Checkpoint.Read(File0), Throws.TypeOf<CheckpointException>().With.Message.StartsWith("checkpoint damaged"));
        whole[^1] ^= 1;
        File.WriteAllBytes(File0, whole);
        Assert.That(() => Checkpoint.Read(File0), Throws.TypeOf<CheckpointException>().With.Message.Contains("checksum mismatch"));
        Assert.That(() => Checkpoint.Read(_folder["none"]), Throws.TypeOf<CheckpointException>().With.Message.Contains("no checkpoint"));
    }

    [Test]
    public void AStateFileThatIsNoCheckpointIsNamed()
    {
        Safetensors.Write(File0, [NamedArray.FromFloats("a", [1f], 1)], new Dictionary<string, string> { ["format"] = "pt" });
        Assert.That(() => Checkpoint.Read(File0), Throws.TypeOf<CheckpointException>().With.Message.Contains("not a checkpoint"));
    }

    [Test]
    public void AStateOfAnotherVersionIsNamed() =>
        Assert.That(() => Sample(1).StateAs<int[]>(), Throws.TypeOf<CheckpointException>().With.Message.Contains("version"));

    private static ReplayState Replays => new(3, 2, 10 / 255.0, double.PositiveInfinity);

    private static Checkpoint Sample(double magnitude) => Checkpoint.Of(
        [
            NamedArray.FromFloats("fc.weight", [1f, float.Epsilon, -0f], 3),
            NamedArray.FromInt64s("bn1.num_batches_tracked", [long.MaxValue]),
        ],
        new State(3, 17, magnitude, Replays));

    private void Save(Checkpoint checkpoint) => File.WriteAllBytes(File0, Bytes(checkpoint));

    private static byte[] Bytes(Checkpoint checkpoint)
    {
        var stream = new MemoryStream();
        checkpoint.Write(stream);
        return stream.ToArray();
    }
}
