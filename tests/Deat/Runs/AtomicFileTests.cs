using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AtomicFileTests
{
    private TemporaryFolder _folder = null!;

    private string File0 => _folder["file"];

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Delete();

    [Test]
    public void TheContentIsReplacedAndThePreviousKept()
    {
        var files = new AtomicFile(new FileOperations());
        foreach (var text in new[] { "one", "two", "three" })
            Write(files, text);
        Assert.That(File.ReadAllText(File0), Is.EqualTo("three"));
        Assert.That(File.ReadAllText(File0 + ".prev"), Is.EqualTo("two"));
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(2));
    }

    // One writer recovers and cleans up after the failing call; the other is dead from that call on, as after a kill.
    [Test]
    public void AFailureOfAnyCallLeavesTheOldOrTheNewContent([Values] bool deadAfterwards)
    {
        var calls = CallsOfOneWrite();
        Assert.That(calls, Is.GreaterThanOrEqualTo(8));
        for (var k = 0; k < calls; k++)
        {
            Write(new AtomicFile(new FileOperations()), "older");
            Write(new AtomicFile(new FileOperations()), "old");
            var failing = new FailingOperations(k, deadAfterwards);
            var e = Assert.Throws<StorageException>(() => Write(new AtomicFile(failing), "new"))!;
            Assert.That(e.ExitCode, Is.EqualTo(7));
            Assert.That(e.Message, Does.Contain("cannot save").And.Contain("planted").And.Not.Contain("\n"));
            Assert.That(File.ReadAllText(File0), Is.EqualTo("old").Or.EqualTo("new"), failing.Failed);
            if (File.Exists(File0 + ".prev"))
                Assert.That(File.ReadAllText(File0 + ".prev"), Is.EqualTo("older").Or.EqualTo("old"), failing.Failed);
            if (!deadAfterwards)
                Assert.That(Directory.GetFiles(_folder.Path, "*.tmp-*"), Is.Empty, failing.Failed);
            AtomicFile.RemoveLeftovers(_folder.Path);
            Assert.That(Directory.GetFiles(_folder.Path, "*.tmp-*"), Is.Empty);
        }
    }

    [Test]
    public void TheNewContentIsThereOnceItIsRenamed()
    {
        Write(new AtomicFile(new FileOperations()), "old");
        var last = new FailingOperations(CallsOfOneWrite() - 1, dead: true);
        Assert.That(() => Write(new AtomicFile(last), "new"), Throws.TypeOf<StorageException>());
        Assert.That(last.Failed, Is.EqualTo("SyncFolder"));
        Assert.That(File.ReadAllText(File0), Is.EqualTo("new"));
    }

    [Test]
    public void AnErrorOfTheWriterLeavesNoTemporaryFile()
    {
        var files = new AtomicFile(new FileOperations());
        Write(files, "old");
        Assert.That(() => files.Write(File0, 1, _ => throw new InvalidOperationException(), keepPrevious: true),
            Throws.InvalidOperationException);
        Assert.That(File.ReadAllText(File0), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void AFolderInTheWayIsAStorageException()
    {
        Directory.CreateDirectory(File0);
        Assert.That(() => Write(new AtomicFile(new FileOperations()), "new"), Throws.TypeOf<StorageException>());
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Has.Length.EqualTo(1));
    }

    private void Write(AtomicFile files, string text) => files.Write(File0, text.Length, stream =>
    {
        foreach (var c in text)
            stream.WriteByte((byte)c);
    }, keepPrevious: true);

    private int CallsOfOneWrite()
    {
        var counting = new FailingOperations(int.MaxValue, dead: false);
        Write(new AtomicFile(new FileOperations()), "old");
        Write(new AtomicFile(counting), "new");
        return counting.Calls;
    }

    /// <summary>Lets the k-th call fail, before it does anything.</summary>
    private sealed class FailingOperations(int k, bool dead) : FileOperations
    {
        public int Calls { get; private set; }

        public string Failed { get; private set; } = "";

        public override Stream Create(string path, long bytes)
        {
            Call(nameof(Create));
            return new CountingStream(base.Create(path, bytes), this);
        }

        public override void Sync(Stream stream)
        {
            Call(nameof(Sync));
            base.Sync(((CountingStream)stream).Inner);
        }

        public override void Link(string path, string second)
        {
            Call(nameof(Link));
            base.Link(path, second);
        }

        public override void Rename(string path, string target)
        {
            Call(nameof(Rename));
            base.Rename(path, target);
        }

        public override void SyncFolder(string folder)
        {
            Call(nameof(SyncFolder));
            base.SyncFolder(folder);
        }

        public override void Delete(string path)
        {
            Call(nameof(Delete));
            base.Delete(path);
        }

        public void Call(string name)
        {
            if (Calls++ == k || dead && Calls > k)
            {
                Failed = Failed.Length == 0 ? name : Failed;
                throw new IOException($"planted in call {Calls}, {name}");
            }
        }
    }

    private sealed class CountingStream(Stream inner, FailingOperations calls) : Stream
    {
        public Stream Inner => inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count)
        {
            calls.Call(nameof(Write));
            inner.Write(buffer, offset, count);
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
