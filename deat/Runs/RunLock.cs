using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Deat.Training;

/// <summary>
/// One process per run folder: an open file that nobody else may open. The operating system frees it with the process, also after
/// a kill. Some network file systems do not lock; there nothing is prevented.
/// </summary>
internal sealed partial class RunLock : IDisposable
{
    /// <summary>The name of the file in the folder. It stays when the run has ended and marks the folder as a run's.</summary>
    public const string FileName = "run.lock";

    private readonly FileStream _stream;

    private RunLock(FileStream stream) => _stream = stream;

    /// <summary>Locks a folder.</summary>
    /// <exception cref="StorageException">Another process has it, or it cannot be written.</exception>
    public static RunLock Acquire(string folder, TimeProvider time)
    {
        var path = Path.Combine(folder, FileName);
        var holder = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"process {Environment.ProcessId} (since {time.GetLocalNow():yyyy-MM-dd HH:mm})"));
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            stream.SetLength(0);
            stream.Write(holder);
            return new RunLock(stream);
        }
        catch (IOException e) when (stream is null && IsShared(e))
        {
            throw new StorageException($"folder {folder} is in use by {Holder(path)}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            throw AtomicFile.Explained(e, path, holder.Length);
        }
    }

    public void Dispose() => _stream.Dispose();

    // EWOULDBLOCK of flock, and ERROR_SHARING_VIOLATION.
    private static bool IsShared(IOException e) => (e.HResult & 0xFFFF) is 11 or 32;

    // Through the C library: .NET's own readers ask for a shared lock and would be refused like everybody else.
    private static string Holder(string path)
    {
        const string Unknown = "another process";
        if (OperatingSystem.IsWindows())
            return Unknown;
        using var handle = new SafeFileHandle(Open(path, flags: 0), ownsHandle: true);
        if (handle.IsInvalid)
            return Unknown;
        Span<byte> text = stackalloc byte[100];
        var length = RandomAccess.Read(handle, text, fileOffset: 0);
        return length > 0 ? Encoding.ASCII.GetString(text[..length]) : Unknown;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
