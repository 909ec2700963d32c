using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The arithmetic of a study's table, on run folders made by hand.</summary>
public sealed class StudyReportTests
{
    private const string Attacks = "clean,autoattack";

    private static readonly StudyRow Known = new("known", "KNOWN", new Dictionary<string, string> { ["method"] = "free" })
    {
        Published = new PublishedRow(80, 50, 48, 45.5, 10) { LoggedNatural = 79, LoggedApgdCe = 47, Passes = 12 },
        Group = "all",
    };

    private static readonly StudyRow Other = new("other", "OTHER", new Dictionary<string, string>()) { Group = "all" };

    private static readonly Study Both = new("both", "Two runs", [Known, Other])
    {
        Attacks = Attacks,
        Checkpoint = "best",
        Options = new Dictionary<string, string>(),
        PublishedOn = "cifar10",
    };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void CostsAreSumsOverTheEpochsOfWhichTheLastMayBeAPart()
    {
        RowResult row = Made();
        Assert.That(row.Passes, Is.EqualTo((4 + 8 + 2) / 4.0), "of four minibatches; the last epoch has one");
        Assert.That((row.Seconds, row.Flops), Is.EqualTo((7.0, 7e12)));
        Assert.That(row.BestEpoch, Is.EqualTo(1), "the first of two equal ones");
        Assert.That(row.Course((r, epoch) => r.PassesOf(epoch)), Is.EqualTo(new (double, double?)[] { (1, 10), (3, 30), (3.5, 30) }));
        Assert.That(row.Course((_, epoch) => epoch.Seconds).Select(point => point.Spent), Is.EqualTo(new[] { 1.0, 3, 7 }));
    }

    [Test]
    public void EachAttackStandsBesideThePrintedAndTheLoggedNumber()
    {
        RowResult row = Made();
        Assert.That(row.Attacks, Is.EqualTo(new[]
        {
            ("clean", new Proportion(81, 100)), ("apgd-ce", new Proportion(48, 100)), ("autoattack", new Proportion(44, 100)),
        }));
        StudyReport report = new(Both, [row, RowResult.Read(Other, _folder["other"], Attacks)], null);
        string[] lines = [.. report.Lines()];
        Assert.That(lines[0], Is.EqualTo(
            "| run | clean | APGD-CE | AutoAttack | epochs | iterations | passes | seconds | TFLOP | state |"));
        Assert.That(lines[2], Is.EqualTo(
            "| KNOWN | 81.00 (80.00, log 79.00, +2.00) | 48.00 (log 47.00, +1.00) | 44.00 (45.50, -1.50) | 3 | 3 | 3.5 (12) | 7 (600) "
            + "| 7.00 | done |"));
        Assert.That(lines[3], Is.EqualTo("| OTHER | - | - | - | 0 | - | - | - | - | not begun |"));
        Assert.That(report.Markdown(), Does.Contain("KNOWN: beware.").And.Contain("at most ±9.6 points"));
        JsonNode json = report.ToJson()["rows"]![0]!["attacks"]!["clean"]!;
        Assert.That(((double)json["printed"]!, (double)json["logged"]!, (double)json["difference"]!), Is.EqualTo((80, 79, 2)));
    }

    [Test]
    public void ARehearsalSaysSoAndTakesNoDifferences()
    {
        StudyReport report = new(Both, [Made()], "--epochs 1");
        Assert.That(report.Markdown(), Does.Contain("Rehearsal: not comparable with the published numbers (--epochs 1).")
            .And.Contain("81.00 (80.00, log 79.00) |"));
        Assert.That(report.ToJson()["rows"]![0]!["attacks"]!["clean"]!["difference"], Is.Null);
    }

    [Test]
    public void FiguresShowTheCourseOfTheRuns()
    {
        (string Name, string Svg)[] figures = [.. new StudyReport(Both, [Made()], null).Figures()];
        Assert.That(figures.Select(figure => figure.Name), Is.EqualTo(new[] { "passes", "seconds", "flops" }));
        foreach ((_, string svg) in figures)
            Assert.That(XDocument.Parse(svg).Descendants().Count(node => node.Name.LocalName == "circle"), Is.EqualTo(3));
    }

    [Test]
    public void TheResultOfOtherAttacksDoesNotCount()
    {
        Made();
        Assert.That(RowResult.Read(Known, _folder["known"], "clean").Attacks, Is.Empty);
        File.WriteAllText(_folder["known/result.json"], "{");
        Assert.That(() => RowResult.Read(Known, _folder["known"], Attacks), Throws.TypeOf<CheckpointException>());
    }

    [Test]
    public void TheCommittedTableIsThatOfItsRunFolders()
    {
        string folder = Path.Combine(SourceFiles.Root, "benchmarks", "results", "amd-epyc-avx512-2-cores", "methods");
        Study study = MethodsAtEqualPasses.Study;
        IEnumerable<RowResult> rows = study.Rows.Select(row => RowResult.Read(row, Path.Combine(folder, row.Name), study.Attacks));
        StudyReport report = new(study, [.. rows], null);
        Assert.That(report.Markdown(), Is.EqualTo(File.ReadAllText(Path.Combine(folder, "methods.md"))));
        Assert.That(File.ReadAllLines(Path.Combine(folder, "README.md")), Is.SupersetOf(report.Lines()));
        foreach ((string name, string svg) in report.Figures())
            Assert.That(svg, Is.EqualTo(File.ReadAllText(Path.Combine(folder, $"methods-{name}.svg"))));
    }

    [Test]
    public void AnAttackThatRanByItselfAndFirstInAChainStandsThereOnce()
    {
        RowResult row = Made(
            "clean,apgd-ce,autoattack", """{"name": "apgd-ce", "stages": [{"name": "apgd-ce", "correct": 49, "images": 100}]},""");
        Assert.That(row.Attacks.Select(attack => attack.Attack), Is.EqualTo(new[] { "clean", "apgd-ce", "autoattack" }));
        Assert.That(row.Of("apgd-ce")!.Value.Hits, Is.EqualTo(49));
        Assert.That(new StudyReport(Both with { Attacks = "clean,apgd-ce,autoattack" }, [row], "cifar10").ToJson(), Is.Not.Null);
    }

    private RowResult Made(string attacks = Attacks, string alone = "")
    {
        Directory.CreateDirectory(_folder["known"]);
        EpochMetrics[] epochs = [Epoch(0, 4, 1), Epoch(1, 8, 2), Epoch(2, 2, 4) with { Batches = 1 }];
        File.WriteAllLines(_folder["known/metrics.jsonl"], epochs.Select(epoch => JsonSerializer.Serialize(epoch, RunJson.Compact)));
        File.WriteAllText(_folder["known/result.json"], $$$"""
            {"deat": {"subject": {"attacks": "{{{attacks}}}"}, "warnings": ["beware"], "attacks": [
              {"name": "clean", "stages": [{"name": "clean", "correct": 81, "images": 100}]}, {{{alone}}}
              {"name": "autoattack", "stages": [
                {"name": "apgd-ce", "correct": 48, "images": 100}, {"name": "square", "correct": 44, "images": 100}]}]}}
            """);
        return RowResult.Read(Known, _folder["known"], attacks);
    }

    private static EpochMetrics Epoch(int number, long passes, double seconds) => new()
    {
        Epoch = number,
        Seconds = seconds,
        LearningRate = 0,
        TrainLoss = 1,
        TrainAccuracy = 0.5,
        Replays = number + 1,
        StepSize = 0.01,
        Passes = passes,
        Batches = 4,
        Flops = (long)(seconds * 1e12),
        RobustAccuracy = number == 0 ? 0.1 : 0.3,
    };
}
