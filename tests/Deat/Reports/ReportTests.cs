using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;
using StbImageSharp;

namespace Deat.Tests;

/// <summary>A report of recorded runs, profiles and timings: what is in it, and what it does with what cannot be read.</summary>
public sealed class ReportTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AReportShowsRunsProfilesAndTimingsAndAsksForNothingOutside()
    {
        WriteRun("mine", epochs: 3);
        WriteRun("other", epochs: 2);
        File.WriteAllText(_folder["profile.json"], Profile().ToJson());
        Timings().Write(_folder["kernels.json"]);
        string[] sources = [.. new[] { "mine", "other", "profile.json", "kernels.json" }.Select(name => _folder[name])];
        (int code, string output, string errors) = Run($"report {string.Join(' ', sources)}");
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Ok, "")));
        Assert.That(output, Does.Contain("report.html").And.Contain("deat eval"));
        string page = File.ReadAllText(Path.Combine(_folder["mine"], "report.html"));
        Assert.That(Regex.Matches(page, "(src|href)=\"(?!#|data:)"), Is.Empty);
        Assert.That(
            page.Replace("http://www.w3.org/2000/svg", ""),
            Does.Not.Contain("http://").And.Not.Contain("https://").And.Not.Contain("@import"));
        string[] titles = [.. Pictures(page).Select(picture => (string)picture.Element(Svg + "title")!)];
        Assert.That(titles, Is.SupersetOf(new[]
        {
            "Accuracy under cw10 against passes", "Accuracy under cw10 against seconds",
            "Seconds, gradient magnitude and replays per epoch",
            "Price of an adversarial iteration", "Layer and phase", "Roofline", "Memory during a batch",
            "Kernels: time over that of TorchSharp",
        }));
        Assert.That(Regex.Matches(page, "<details>"), Has.Count.EqualTo(titles.Length), "numbers behind every picture");
        Assert.That(page, Does.Contain("<td>12.5 (10.0 to 15.0)</td>"), "what an attack left, with its interval");
    }

    [Test]
    public void RunsThatDifferInMoreThanTheirTrainingAreSaidTo()
    {
        WriteRun("mine", epochs: 1);
        WriteRun("wide", epochs: 1);
        string config = Path.Combine(_folder["wide"], "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"width\":\"4\"", "\"width\":\"8\",\"device\":\"cpu\""));
        (int code, _, string errors) = Run($"report {_folder["mine"]} {_folder["wide"]}");
        const string Unlike =
            "these runs differ in more than how they trained, so that their seconds do not compare: width 4 (mine), 8 (wide)";
        Assert.That((code, errors.TrimEnd()), Is.EqualTo((ExitCodes.Ok, $"note: {Unlike}")));
        Assert.That(File.ReadAllText(Path.Combine(_folder["mine"], "report.html")), Does.Contain($"<li>Note: {Unlike}</li>"));
    }

    [Test]
    public void TablesHaveTheNumbersOfTheirPictures()
    {
        WriteRun("mine", epochs: 3);
        ReportSources sources = ReportSources.Read([_folder["mine"]]);
        Figure passes = RunFigures.Progress(sources.Runs).First();
        Assert.That(passes.Tables[0].Rows.Select(row => string.Join("|", row)), Is.EqualTo(new[] { "10|20", "30|30", "60|40" }));
        Figure ratios = RatioFigure.Of(Timings())!;
        Assert.That(ratios.Tables[0].Rows.Select(row => string.Join("|", row)), Is.EqualTo(new[] { "conv|cpu|2.00|2.00|2.00|6" }));
    }

    // Seconds of an epoch of one replay and of three, at 10 ns and then 20 ns a replay, and 10 ns once.
    [Test]
    public void AnEpochsSecondsAreSplitAsTheProfilesBatchesAre()
    {
        WriteRun("mine", epochs: 3);
        RunSource run = ReportSources.Read([_folder["mine"]]).Runs[0];
        DataTable table = RunFigures.Epochs(run, Profile()).First().Tables[0];
        int Column(string name) => table.Columns.ToList().FindIndex(column => column.StartsWith(name, StringComparison.Ordinal));
        double Cell(int row, string name) => double.Parse(table.Rows[row][Column(name)], CultureInfo.InvariantCulture);
        Assert.That(Cell(0, "iteration 1"), Is.EqualTo(2 * 10 / 20.0).Within(1e-6));
        Assert.That(Cell(0, "once a batch"), Is.EqualTo(2 * 10 / 20.0).Within(1e-6));
        Assert.That(Cell(2, "iteration 3"), Is.EqualTo(6 * 20 / 60.0).Within(1e-6));
        double whole = Cell(2, "iteration 1") + Cell(2, "iteration 2") + Cell(2, "iteration 3") + Cell(2, "once a batch");
        Assert.That(whole, Is.EqualTo(6).Within(1e-5));
    }

    // The run is of fp32 on opencl:0, as a run without these options is.
    [TestCase("fp32", "opencl:0", null)]
    [TestCase("tf32", "opencl:0", "cost is of another training: precision tf32 (profile), fp32 (training)")]
    [TestCase("fp32", "cpu", "cost is of another device: cpu instead of opencl:0")]
    public void SecondsAreSplitByAProfileOfTheSameWorkAndDeviceOnly(string precision, string device, string? why)
    {
        WriteRun("mine", epochs: 3, ",\"device\":\"opencl:0\"");
        CostProfile profile = Profile();
        profile.Options["precision"] = precision;
        profile.Environment["driver"] = "PoCL 3";
        File.WriteAllText(Path.Combine(_folder["mine"], "env.json"), """{"device":"a device","driver":"PoCL 6"}""");
        ReportSources sources = ReportSources.Read([_folder["mine"]]) with { Profiles = [("cost", profile with { Device = device })] };
        Section run = Report.Sections(sources)[1];
        string[] missing = [.. run.Missing.Where(each => each.StartsWith("Seconds by iteration", StringComparison.Ordinal))];
        Assert.That(missing, Has.Length.EqualTo(why is null ? 0 : 1));
        Assert.That(string.Concat(missing), Does.Contain(why ?? ""));
        const string Said =
            ", which were not measured with the same images, device and machine: driver PoCL 3 (profile), PoCL 6 (run).";
        Assert.That(run.Figures[0].Note, why is null ? Does.EndWith(Said) : Does.StartWith("With a profile"));
    }

    [Test]
    public void AProfileSaysWhatItIsOfAndWhatEachKernelTakes()
    {
        CostProfile profile = Profile();
        profile.Options["precision"] = "tf32";
        profile.Options["seed"] = "17";
        profile.Environment["driver"] = "550.54";
        profile.Environment["commit"] = "abc123";
        string facts = string.Join("\n", ProfileFigures.Facts(profile with { Preset = "table1/pgd-7" }));
        string[] said =
        [
            "precision tf32", "seed 17, preset table1/pgd-7", "driver 550.54", "commit abc123", "cpu n/a", "timing costs ",
        ];
        foreach (string fact in said)
            Assert.That(facts, Does.Contain(fact));
        facts = string.Join("\n", ProfileFigures.Facts(profile with { Missed = 5, IsCut = true }));
        Assert.That(facts, Does.Contain("timing costs n/a").And.Contain("5 launches were not timed, the only batch is cut off"));
        DataTable table = KernelFigure.Of(profile).Tables[0];
        Assert.That(table.Columns.Zip(table.Rows[0]), Is.SupersetOf(new[]
        {
            ("calls", "3"), ("mean, us", "0.013"), ("GFLOP", "0"), ("FLOP/byte", "2.00"), ("registers", "40"), ("spilled, bytes", "0"),
            ("shared, bytes", "1,024"), ("occupancy, %", "50.0"), ("bound by", "launch"),
        }));
        table = KernelFigure.Of(profile with { Kernels = new Dictionary<string, KernelResources>() }).Tables[0];
        Assert.That(table.Rows[0].Count(cell => cell == "n/a"), Is.EqualTo(4));
    }

    [Test]
    public void AFileOfLayersByPyTorchIsASource()
    {
        string file = Path.Combine(SourceFiles.Root, "benchmarks", "results", "amd-epyc-2-cores", "layers-pytorch.json");
        ReportSources sources = ReportSources.Read([file]);
        Assert.That(sources.Problems, Is.Empty);
        Figure ratios = Report.Sections(sources).Single().Figures.Single();
        Assert.That(ratios.Title, Is.EqualTo("Layers: time over that of PyTorch fp32"));
        Assert.That(ratios.Tables[0].Columns, Is.EqualTo(new[] { "work", "who", "ratio", "from", "to", "n" }));
        Assert.That(ratios.Tables[0].Rows.Select(row => row[0]).Distinct().Count(), Is.GreaterThan(70), "layers, forward and backward");
    }

    [Test]
    public void WhatCannotBeReadIsSaidAndTheRestIsShown()
    {
        WriteRun("mine", epochs: 2);
        File.AppendAllText(Path.Combine(_folder["mine"], "metrics.jsonl"), "{\"epoch\":2,\"sec");
        File.WriteAllText(Path.Combine(_folder["mine"], "result.json"), "{}");
        WriteRun("old", epochs: 0);
        (int code, string output, _) = Run($"report {_folder["mine"]} {_folder["old"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("metrics.jsonl: line 3 cannot be read; the 2 epochs before it are shown"));
        Assert.That(output, Does.Contain("result.json cannot be read").And.Contain("no finished epoch"));
    }

    [Test]
    public void WhatIsNoRunIsRefusedInOneLine()
    {
        (int code, string output, string errors) = Run($"report {_folder["nowhere"]}");
        Assert.That((code, output), Is.EqualTo((ExitCodes.Checkpoint, "")));
        Assert.That(errors, Does.Contain("no run folder").And.Match("^[^\n]+\n$"));
        File.WriteAllText(_folder["profile.json"], Profile().ToJson().Replace("\"version\": 1", "\"version\": 7"));
        (code, _, errors) = Run($"report {_folder["profile.json"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Checkpoint));
        Assert.That(errors, Does.Contain("version 7"));
        WriteRun("mine", epochs: 1);
        (code, _, errors) = Run($"report {_folder["mine"]} --out-file {_folder["missing/folder/report.html"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Storage));
        Assert.That(errors, Does.Match("^[^\n]+\n$"));
    }

    [TestCase("--png --browser nowhere", ExitCodes.Usage, "--browser 'nowhere' is no file", true)]
    [TestCase("--browser nowhere", ExitCodes.Usage, "--png", false)]
    public void WithoutABrowserTheHtmlIsWrittenAllTheSame(string options, int wanted, string said, bool isWritten)
    {
        WriteRun("mine", epochs: 2);
        (int code, _, string errors) = Run($"report {_folder["mine"]} {options}");
        Assert.That(code, Is.EqualTo(wanted));
        Assert.That(errors, Does.Contain(said).And.Match("^[^\n]+\n$"));
        Assert.That(File.Exists(Path.Combine(_folder["mine"], "report.html")), Is.EqualTo(isWritten));
    }

    [Test]
    public void PicturesLieBesideTheReport()
    {
        if (!PictureFilesTests.HasBrowser)
            Assert.Ignore("no browser (Debian: apt install chromium)");
        WriteRun("mine", epochs: 2);
        string[] foreign = ["report-a.png", "other-01-a.png"];
        foreach (string name in foreign.Append("report-07-of-an-earlier-one.png"))
            File.WriteAllText(Path.Combine(_folder["mine"], name), "");
        (int code, string output, _) = Run($"report {_folder["mine"]} --png");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        string[] names = [.. Directory.GetFiles(_folder["mine"], "*.png").Order(StringComparer.Ordinal)];
        Assert.That(names.Select(Path.GetFileName), Is.SupersetOf(foreign));
        names = [.. names.Where(name => !foreign.Contains(Path.GetFileName(name)))];
        Assert.That(names.Select(Path.GetFileName), Is.EqualTo(new[]
        {
            "report-01-accuracy-under-cw10-against-passes.png", "report-02-accuracy-under-cw10-against-seconds.png",
            "report-03-seconds-gradient-magnitude-and-replays-per-epoch.png",
        }));
        Assert.That(names.Where(name => !output.Contains(name, StringComparison.Ordinal)), Is.Empty, output);
        ImageResult image = ImageResult.FromMemory(File.ReadAllBytes(names[0]), ColorComponents.RedGreenBlue);
        Assert.That(image.Width, Is.EqualTo(1520));
        Assert.That(image.Data.Distinct().Count(), Is.GreaterThan(50), "colours");
    }

    [Test]
    public void CompareSaysWhereTimeIsLost()
    {
        Timings().Write(_folder["kernels.json"]);
        (int code, string output, _) = Run($"compare {_folder["kernels.json"]}");
        Assert.That(code, Is.EqualTo(ExitCodes.Ok));
        Assert.That(output, Does.Contain("cpu is faster than TorchSharp in 0 of 1, slower in 1: conv (2.00); 0 are open."));
        (code, output, _) = Run($"compare {_folder["kernels.json"]} --baseline cpu");
        Assert.That(output, Does.Contain("TorchSharp is faster than cpu in 1 of 1"));
        TimingReport elsewhere = Timings() with { Devices = ["cpu: 8 cores"] };
        elsewhere.Write(_folder["elsewhere.json"]);
        (Timings() with { Devices = ["cpu: 2 cores"] }).Write(_folder["kernels.json"]);
        output = Run($"compare {_folder["kernels.json"]} {_folder["elsewhere.json"]}").Output;
        Assert.That(output, Does.StartWith("note: not measured on the same device and machine: device cpu 2 cores (A), 8 cores (B)\n"));
        (code, _, string errors) = Run($"compare {_folder["kernels.json"]} --baseline nobody");
        Assert.That((code, errors.Contains("TorchSharp, cpu")), Is.EqualTo((ExitCodes.Usage, true)));
    }

    private static (int Code, string Output, string Errors) Run(string line)
    {
        using StringWriter output = new(), errors = new();
        int code = CommandLine.Run(line.Split(' '), output, errors, isTerminal: false);
        return (code, output.ToString(), errors.ToString());
    }

    private static IEnumerable<XElement> Pictures(string page) =>
        Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline).Select(match => XElement.Parse(match.Value));

    private void WriteRun(string name, int epochs, string more = "")
    {
        Directory.CreateDirectory(_folder[name]);
        File.WriteAllText(
            Path.Combine(_folder[name], "config.json"),
            $$"""{"method":"free","model":"pre18","width":"4","batch-size":"8","validation-attack":"cw10"{{more}}}""");
        IEnumerable<EpochMetrics> all = Enumerable.Range(0, epochs).Select(i => new EpochMetrics
        {
            Epoch = i,
            Seconds = 2 * (i + 1),
            LearningRate = 0.1,
            TrainLoss = 2,
            TrainAccuracy = 0.3,
            Replays = i + 1,
            StepSize = 0.03,
            Passes = 10 * (i + 1),
            Magnitude = 5 + i,
            ValidationAccuracy = 0.5,
            RobustAccuracy = 0.1 * (i + 2),
        });
        File.WriteAllLines(
            Path.Combine(_folder[name], "metrics.jsonl"), all.Select(epoch => JsonSerializer.Serialize(epoch, RunJson.Compact)));
        JsonObject result = new()
        {
            ["deat"] = new JsonObject
            {
                ["attacks"] = new JsonArray(new JsonObject { ["name"] = "pgd20", ["accuracy"] = 0.125, ["low"] = 0.1, ["high"] = 0.15 }),
            },
        };
        if (name == "mine")
            File.WriteAllText(Path.Combine(_folder[name], "result.json"), result.ToJsonString());
    }

    private static CostProfile Profile() => TestProfiles.Of(
        [
            TestProfiles.Launch(0, 10, Phase.Data, layer: ""),
            TestProfiles.Launch(10, 20, Phase.Update, 0, "conv1", flops: 100, bytes: 50),
            TestProfiles.Launch(20, 40, Phase.Update, 1, "conv1", flops: 100, bytes: 50),
        ],
        40) with
    { Options = new JsonObject { ["method"] = "free", ["model"] = "pre18", ["width"] = "4", ["batch-size"] = "8" } };

    private static TimingReport Timings() => TimingReport.Of("Kernels", [], [],
    [
        new Timing("conv", "TorchSharp") { IsBaseline = true, Milliseconds = [1, 2, 1, 2, 1, 2] },
        new Timing("conv", "cpu") { Milliseconds = [2, 4, 2, 4, 2, 4] },
    ]);
}
