using System.Text;

namespace Deat.Training;

/// <summary>
/// Replaces files as a whole: at every moment, also after a kill, a full disk or a power loss, the name holds the old content or
/// the new one. The content goes to a temporary file in the same folder, is synced, and is renamed.
/// </summary>
internal sealed class AtomicFile(FileOperations files)
{
    private const string TemporaryMark = ".tmp-";

    /// <summary>The suffix of the content before the last write, where it is kept.</summary>
    public const string PreviousSuffix = ".prev";

    /// <summary>Replaces a file by text.</summary>
    /// <exception cref="StorageException">The file cannot be written; its old content is intact.</exception>
    public void WriteText(string path, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(path, bytes.Length, stream => stream.Write(bytes), keepPrevious: false);
    }

    /// <summary>Replaces a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">The length of the new content.</param>
    /// <param name="content">Writes the new content.</param>
    /// <param name="keepPrevious">Whether the old content stays under the name with <see cref="PreviousSuffix"/>.</param>
    /// <exception cref="StorageException">The file cannot be written; its old content is intact.</exception>
    public void Write(string path, long bytes, Action<Stream> content, bool keepPrevious)
    {
        var temporary = $"{path}{TemporaryMark}{Environment.ProcessId}";
        try
        {
            using (var stream = files.Create(temporary, bytes))
            {
                content(stream);
                files.Sync(stream);
            }
            if (keepPrevious && File.Exists(path))
            {
                // A second name and not a move: a move would leave a moment without any file under the name itself.
                files.Delete(path + PreviousSuffix);
                files.Link(path, path + PreviousSuffix);
            }
            files.Rename(temporary, path);
            files.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e)
        {
            Remove(temporary);
            if (e is IOException or UnauthorizedAccessException)
                throw Explained(e, path, bytes);
            throw;
        }
    }

    /// <summary>Makes a folder where it is missing, and tries whether files can be written into it: before anything is computed.</summary>
    /// <exception cref="StorageException">It cannot be made, or nothing written.</exception>
    public static void MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            File.Create(Path.Combine(folder, $"{TemporaryMark}{Environment.ProcessId}"), 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot write into the folder {folder}: {e.Message}", e);
        }
    }

    /// <summary>Removes what killed processes left behind in a folder, and tells how many files there were.</summary>
    public static int RemoveLeftovers(string folder)
    {
        var leftovers = Directory.GetFiles(folder, $"*{TemporaryMark}*");
        foreach (var leftover in leftovers)
            File.Delete(leftover);
        return leftovers.Length;
    }

    /// <summary>An exception of the file system as one line for the user.</summary>
    /// <param name="e">The exception.</param>
    /// <param name="path">The file that was to be written.</param>
    /// <param name="bytes">How many bytes were to be written.</param>
    public static StorageException Explained(Exception e, string path, long bytes)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var free = Free(folder);
        // ENOSPC or EDQUOT; a reservation that fails has no code of its own, but then the room is less than was asked for.
        var isDiskFull = e is IOException && ((e.HResult & 0xFFFF) is 28 or 122 || free < bytes);
        return new StorageException(
            isDiskFull
                ? $"cannot save {Path.GetFileName(path)}: disk full on {folder} (needs {Size(bytes)}, {Size(free)} free)"
                : $"cannot save {path}: {e.Message}",
            e);
    }

    private static long Free(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return long.MaxValue;
        }
    }

    private static string Size(long bytes) => bytes switch
    {
        >= 1_000_000_000 => $"{bytes / 1e9:0.#} GB",
        >= 1_000_000 => $"{bytes / 1e6:0.#} MB",
        _ => $"{bytes / 1e3:0.#} KB",
    };

    private void Remove(string temporary)
    {
        try
        {
            files.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run removes it; the failure that led here is the one to report.
        }
    }
}
