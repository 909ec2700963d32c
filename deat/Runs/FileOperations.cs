using System.Runtime.InteropServices;

namespace Deat.Training;

/// <summary>The steps of an atomic write, each one call, so that tests can let any of them fail.</summary>
internal partial class FileOperations
{
    private const int ReadOnly = 0;

    /// <summary>Creates a file with its blocks reserved: a full disk shows here, before anything is written.</summary>
    public virtual Stream Create(string path, long bytes) => new FileStream(path, new FileStreamOptions
    {
        Mode = FileMode.Create,
        Access = FileAccess.Write,
        PreallocationSize = bytes,
    });

    /// <summary>Waits until the content is on the disk (fsync).</summary>
    public virtual void Sync(Stream stream) => ((FileStream)stream).Flush(flushToDisk: true);

    /// <summary>Gives a file a second name; copies it where the file system has no hard links.</summary>
    public virtual void Link(string path, string second)
    {
        if (OperatingSystem.IsWindows() || HardLink(path, second) != 0)
            File.Copy(path, second, overwrite: true);
    }

    /// <summary>Renames a file over another; a reader sees the old or the new content, never a mixture.</summary>
    public virtual void Rename(string path, string target) => File.Move(path, target, overwrite: true);

    /// <summary>
    /// Waits until the names of a folder are on the disk: without it a power loss may undo the rename. .NET opens no folders, so
    /// this is the C library's fsync; elsewhere than on Linux the step is left out.
    /// </summary>
    public virtual void SyncFolder(string folder)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0)
            throw new IOException($"cannot open the folder: {Marshal.GetLastPInvokeErrorMessage()}");
        var result = SyncDescriptor(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        // Some network file systems cannot sync a folder (EINVAL); they order names themselves.
        if (result != 0 && error != 22)
            throw new IOException($"cannot sync the folder: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    /// <summary>Deletes a file if it exists.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int HardLink(string path, string second);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int SyncDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
