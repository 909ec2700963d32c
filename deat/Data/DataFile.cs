using System.IO.Compression;

namespace Deat.Training;

/// <summary>Reading files of data sets, with errors of one line.</summary>
internal static class DataFile
{
    /// <summary>The first of some places below a folder that holds one of some files; null if none does.</summary>
    public static string? Find(string folder, IEnumerable<string> places, params IEnumerable<string> files) => places
        .Select(place => Path.GetFullPath(Path.Combine(folder, place)))
        .FirstOrDefault(place => files.Any(file => File.Exists(Path.Combine(place, file))));

    /// <summary>All bytes of a file of a size that is known.</summary>
    /// <exception cref="DataException">It is missing, cannot be read, or is of another size.</exception>
    public static byte[] Read(string folder, string file, long expected) => Guarded(folder, file, path =>
    {
        long size = new FileInfo(path).Length;
        return size == expected ? File.ReadAllBytes(path) : throw new DataException($"{file}: size {size:N0}, expected {expected:N0}");
    });

    /// <summary>What <paramref name="read"/> makes of a file, unpacked where its name ends in .gz.</summary>
    /// <exception cref="DataException">It is missing, cannot be read, or ends too early.</exception>
    public static T Parse<T>(string folder, string file, Func<Stream, T> read) => Guarded(folder, file, path =>
    {
        using FileStream stream = File.OpenRead(path);
        using Stream content = file.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(stream, CompressionMode.Decompress)
            : new BufferedStream(stream, 1 << 16);
        return read(content);
    });

    private static T Guarded<T>(string folder, string file, Func<string, T> read)
    {
        try
        {
            return read(Path.Combine(folder, file));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataException($"{file}: missing in {folder}", e);
        }
        catch (EndOfStreamException e)
        {
            throw new DataException($"{file}: cut off", e);
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{file}: damaged ({e.Message.ReplaceLineEndings(" ")})", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{file}: cannot be read: {e.Message}", e);
        }
    }
}
