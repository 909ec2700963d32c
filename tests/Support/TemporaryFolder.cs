namespace Deat.Tests;

/// <summary>A folder for one test, which deletes it at its end.</summary>
internal sealed class TemporaryFolder
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("deat-test-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Delete() => Directory.Delete(Path, recursive: true);
}
