using NUnit.Framework;

namespace Deat.Tests;

/// <summary>A file of the repository.</summary>
/// <param name="Path">From the repository's root, with slashes.</param>
/// <param name="Lines">Its lines, from 0.</param>
internal sealed record SourceFile(string Path, string[] Lines)
{
    public override string ToString() => Path;
}

/// <summary>The files that the repository tracks, as far as they can be told without git: no builds, no runs.</summary>
internal static class SourceFiles
{
    private static readonly string[] Projects = ["engine", "nn", "deat", "benchmarks", "tests"];
    private static readonly string[] Generated = ["bin", "obj", "runs", "TestResults", "BenchmarkDotNet.Artifacts"];

    private static readonly string[] TextEndings =
        [".cs", ".csproj", ".props", ".sln", ".md", ".json", ".jsonl", ".txt", ".csv", ".log", ".svg"];

    public static string Root { get; } = FindRoot();

    /// <summary>Everything in C#, by path.</summary>
    public static IReadOnlyList<SourceFile> Code { get; } = [.. Texts().Where(path => path.EndsWith(".cs")).Select(Read)];

    /// <summary>All text: code, projects, documentation, results, the gate.</summary>
    public static IEnumerable<SourceFile> Text => Texts().Append(".ci/run").Select(Read);

    public static IEnumerable<SourceFile> Of(params string[] folders) =>
        Code.Where(file => folders.Any(folder => file.Path.StartsWith(folder + "/")));

    private static SourceFile Read(string path) => new(path, File.ReadAllLines(Path.Combine(Root, path)));

    private static IEnumerable<string> Texts() => Directory.EnumerateFiles(Root)
        .Concat(Projects.SelectMany(project => Below(Path.Combine(Root, project))))
        .Where(path => TextEndings.Contains(Path.GetExtension(path)))
        .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
        .Order(StringComparer.Ordinal);

    private static IEnumerable<string> Below(string folder) => Directory.EnumerateFiles(folder).Concat(
        Directory.EnumerateDirectories(folder).Where(path => !Generated.Contains(Path.GetFileName(path))).SelectMany(Below));

    private static string FindRoot()
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "DEAT.Native.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests must run inside the repository.");
    }
}
