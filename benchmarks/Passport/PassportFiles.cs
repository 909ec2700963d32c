namespace Deat.Benchmarks;

/// <summary>The committed passport: JSON with everything, and Markdown made of it.</summary>
internal sealed class PassportFiles
{
    private readonly string _folder;

    private PassportFiles(string folder) => _folder = folder;

    private string Kernels => Path.Combine(_folder, "kernels.json");

    private string Launches => Path.Combine(_folder, "launches.json");

    private string Table => Path.Combine(_folder, "README.md");

    /// <summary>Those of the repository that the program was built in, or that it is run in.</summary>
    /// <exception cref="DirectoryNotFoundException">Neither is in the repository.</exception>
    public static PassportFiles Find()
    {
        string? folder = new[] { AppContext.BaseDirectory, Directory.GetCurrentDirectory() }.SelectMany(Upwards)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "DEAT.Native.sln")));
        return folder is null
            ? throw new DirectoryNotFoundException("the passport lies in the repository: run this inside it")
            : new PassportFiles(Path.Combine(folder, "benchmarks", "results", "passport"));
    }

    public KernelPassport ReadKernels() => KernelPassport.Parse(File.ReadAllText(Kernels));

    public ReplayLaunches ReadLaunches() => ReplayLaunches.Parse(File.ReadAllText(Launches));

    /// <summary>The Markdown as committed.</summary>
    public string ReadTable() => File.ReadAllText(Table);

    public void Write(KernelPassport passport)
    {
        File.WriteAllText(Kernels, passport.ToJson());
        WriteTable();
    }

    public void Write(ReplayLaunches launches)
    {
        File.WriteAllText(Launches, launches.ToJson());
        WriteTable();
    }

    private void WriteTable() => File.WriteAllText(Table, PassportTable.Of(ReadKernels(), ReadLaunches()));

    private static IEnumerable<string> Upwards(string start)
    {
        for (string? folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
            yield return folder;
    }
}
