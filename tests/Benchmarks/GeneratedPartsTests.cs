using System.Text.Json.Nodes;
using Deat.Benchmarks;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class GeneratedPartsTests
{
    [Test]
    [Category("Repository")]
    public void TheTablesOfTheReadmesAreThoseOfTheResults()
    {
        string[] files = [.. GeneratedParts.Files(SourceFiles.Root)];
        Assert.That(files.Select(File.ReadAllText), Has.Some.Contains("<!-- timings "));
        foreach (string file in files)
            Assert.That(File.ReadAllText(file), Is.EqualTo(GeneratedParts.Rewrite(file)), GeneratedParts.Regenerate);
    }

    [Test]
    public void OnlyTheLinesBetweenTheMarkersChange()
    {
        TemporaryFolder folder = new();
        Report().Write(folder["a.json"]);
        File.WriteAllText(folder["README.md"], """
            Before
            <!-- timings a.json only dx -->
            old
            <!-- end -->
            Between
            <!-- losses a.json -->
            <!-- end -->
            After
            """);
        string[] lines = GeneratedParts.Rewrite(folder["README.md"]).Split('\n');
        Assert.That(lines, Has.Length.EqualTo(17));
        Assert.That(string.Join('\n', lines[..7]), Is.EqualTo("""
            Before
            <!-- timings a.json only dx -->

            | ms | n | Torch | cpu | over Torch |
            | --- | --- | --- | --- | --- |
            | dx | 1 | 2.00 ±0% | 4.00 ±0% | 2.00 |

            """));
        Assert.That(lines[7], Is.EqualTo("2026-01-02. cpu: 2 cores; cores 2; batch 32."));
        Assert.That(string.Join('\n', lines[8..]), Is.EqualTo("""

            <!-- end -->
            Between
            <!-- losses a.json -->

            - `cpu` is slower than Torch in 1 of 2: dx (2.00).

            <!-- end -->
            After
            """.TrimEnd()));
        folder.Delete();
    }

    [Test]
    public void APartWithoutAnEndIsRefused()
    {
        TemporaryFolder folder = new();
        Report().Write(folder["a.json"]);
        File.WriteAllText(folder["README.md"], "<!-- timings a.json -->\nold\n");
        Assert.That(() => GeneratedParts.Rewrite(folder["README.md"]), Throws.TypeOf<InvalidDataException>());
        folder.Delete();
    }

    private static TimingReport Report() => new()
    {
        Title = "title",
        Date = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        Environment = new JsonObject { ["cores"] = 2 },
        Devices = ["cpu: 2 cores"],
        Settings = new() { ["batch"] = "32" },
        Timings =
        [
            new("dx", "Torch") { Milliseconds = [2], IsBaseline = true },
            new("dx", "cpu") { Milliseconds = [4] },
            new("dw", "Torch") { Milliseconds = [2], IsBaseline = true },
            new("dw", "cpu") { Milliseconds = [1] },
        ],
    };
}
