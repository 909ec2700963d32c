using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What the sources look like, and what must not stand in them.</summary>
[Category("Repository")]
public sealed class SourceTests
{
    private const int LongestFile = 300;
    private const int LongestLine = 140;

    // About 40 is meant; what is longer than this is a second method.
    private const int LongestMethod = 50;

    // Register tiles: one statement for each accumulator.
    private static readonly string[] Unrolled = ["Narrow", "Wide", "TileBody"];

    /// <summary>A pattern that code must not contain, the folders it is looked for in, and the files that may.</summary>
    private static readonly TestCaseData[] Forbidden =
    [
        // ILGPU's own barrier does not fence shared memory on OpenCL.
        Rule("a barrier of ILGPU's", @"\bGroup\.Barrier\b", ["engine"], "engine/Kernels/Sync.cs"),
        // They do not compile on every device, and give other bits on each run.
        Rule("atomics, warps and reductions of ILGPU's", @"\b(Atomic|Warp|WarpExtensions|GroupExtensions)\.", ["engine"]),
        // They swallow NaN on devices.
        Rule("functions that swallow NaN", @"\bXMath\.(Max|Min|Clamp|Sign)\b|\b(T|IntrinsicMath)\.(Max|Min|Clamp|Sign)\b", ["engine"]),
        Rule("printing from a library", @"(?<!\.)\bConsole\b", ["engine", "nn", "deat"], "deat/Program.cs"),
        Rule("ILGPU outside the engine", @"\busing ILGPU\b", ["nn", "deat", "benchmarks"]),
        Rule("culture of the machine", @"\bCultureInfo\.(CurrentCulture|CurrentUICulture|InstalledUICulture)\b", ["engine", "nn", "deat"]),
    ];

    [Test]
    public void TheSourcesAreFound()
    {
        Assert.That(SourceFiles.Code, Has.Count.GreaterThan(100));
        Assert.That(SourceFiles.Code.Select(file => file.Path), Has.Member("engine/Kernels/Sync.cs").And.Member("deat/Program.cs"));
        Assert.That(SourceFiles.Text.Select(file => file.Path), Has.Member("README.md").And.Member(".ci/run"));
    }

    [Test]
    public void FilesAndLinesAreShort()
    {
        Assert.That(SourceFiles.Code.Where(file => file.Lines.Length > LongestFile), Is.Empty);
        Assert.That(
            from file in SourceFiles.Code
            from line in Enumerable.Range(0, file.Lines.Length)
            where file.Lines[line].Length > LongestLine
            select $"{file.Path}:{line + 1}",
            Is.Empty);
    }

    [Test]
    public void MethodsAreShort()
    {
        (string Name, int Length)[] methods = [.. SourceFiles.Code.SelectMany(file => Methods(file.Lines))];
        Assert.That(methods, Has.Length.GreaterThan(500));
        Assert.That(methods.Where(method => method.Length > LongestMethod && !Unrolled.Contains(method.Name)), Is.Empty);
        Assert.That(Unrolled, Is.SubsetOf(methods.Where(method => method.Length > LongestMethod).Select(method => method.Name)));
    }

    [Test]
    public void AMethodIsMeasuredFromItsNameToItsEnd() => Assert.That(
        Methods(
            """
            public sealed class A
            {
                private readonly int[] _table = [.. Numbers(
                    3)];

                public int B(int b) => b;

                [Test]
                public static int C(
                    int c)
                    where T : struct
                {
                    int d = c;

                    return d;
                }

                public int D { get; }
            }
            """.Split('\n')),
        Is.EqualTo(new[] { ("B", 1), ("C", 8) }));

    [TestCaseSource(nameof(Forbidden))]
    public void CodeDoesNotContain(string pattern, string[] folders, string[] except)
    {
        IEnumerable<SourceFile> files = SourceFiles.Of(folders).Where(file => !except.Contains(file.Path));
        Assert.That(
            from file in files
            from line in Enumerable.Range(0, file.Lines.Length)
            where Regex.IsMatch(WithoutComment(file.Lines[line]), pattern)
            select $"{file.Path}:{line + 1}: {file.Lines[line].Trim()}",
            Is.Empty);
        Assert.That(except, Is.SubsetOf(SourceFiles.Code.Select(file => file.Path)));
    }

    // Paths of somebody's machine and unfinished work, spelled so that this file has none.
    [TestCase(@"(?<![\w.])/(wo[r]k|tm[p]|hom[e]|roo[t])/")]
    [TestCase(@"\b(TOD[O]|FIXM[E]|NotImplemente[d]Exception)\b")]
    public void TextDoesNotContain(string pattern) => Assert.That(
        from file in SourceFiles.Text
        from line in Enumerable.Range(0, file.Lines.Length)
        where Regex.IsMatch(file.Lines[line], pattern)
        select $"{file.Path}:{line + 1}: {file.Lines[line].Trim()}",
        Is.Empty);

    private static TestCaseData Rule(string name, string pattern, string[] folders, params string[] except) =>
        new(pattern, folders, except) { TestName = $"CodeDoesNotContain({name})" };

    private static string WithoutComment(string line) => line.Split("//")[0];

    /// <summary>Members with parameters and their lines, by indentation, which the formatter guarantees.</summary>
    private static IEnumerable<(string Name, int Length)> Methods(string[] lines)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            Match start = Regex.Match(lines[i], @"^( *)(public|private|internal|protected)\b[^=]*?\b(\w+)(<[^(]*>)?\(");
            if (!start.Success || Regex.IsMatch(start.Value, @"\b(class|struct|record|delegate|interface)\b"))
                continue;
            int indent = start.Groups[1].Length;
            int end = i;
            for (int j = i + 1; j < lines.Length && (Deeper(j) || lines[j].Trim() is "" or "{"); j++)
                end = lines[j].Trim() == "" ? end : j;
            if (end + 1 < lines.Length && lines[end + 1].Trim() is ['}' or ']', ..] && end > i)
                end++;
            yield return (start.Groups[3].Value, end - i + 1);

            bool Deeper(int line) => lines[line].Length > indent && string.IsNullOrWhiteSpace(lines[line][..(indent + 1)]);
        }
    }
}
