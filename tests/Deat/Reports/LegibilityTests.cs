using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>A report in a browser, on a phone and on a desk, in light and dark: what a reader could not read.</summary>
public sealed class LegibilityTests
{
    private const int Images = 8, Cells = 17;

    // Text smaller than 9 pixels, text that its picture cuts off, text over text or over a dot, pictures cut off without a word, and a
    // page that is wider than its window.
    private const string Faults = """
        (() => {
          const faults = [];
          if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
          const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
          for (const svg of document.querySelectorAll('svg')) {
            const title = svg.querySelector('title').textContent, whole = svg.getBoundingClientRect(), scale = svg.getScreenCTM().a;
            const texts = [...svg.querySelectorAll('text')].filter(text => text.getBoundingClientRect().width > 0)
              .map(text => ({ name: `${title}: ${text.textContent}`, box: text.getBoundingClientRect(), style: getComputedStyle(text) }));
            const dots = [...svg.querySelectorAll('.dot')].map(dot => ({ name: 'a dot', box: dot.getBoundingClientRect() }));
            texts.forEach(({ name, box, style }, i) => {
              if (parseFloat(style.fontSize) * scale < 9) faults.push(`small: ${name}`);
              if (!inside(box, whole)) faults.push(`cut off: ${name}`);
              for (const other of texts.slice(i + 1).concat(dots)) {
                const width = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
                const height = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
                if (width > 2 && height > 0.35 * Math.min(box.height, other.box.height)) faults.push(`${name} over ${other.name}`);
              }
            });
          }
          for (const frame of [...document.querySelectorAll('.wide')].filter(frame => frame.clientWidth > 0)) {
            const title = (frame.querySelector('title') ?? frame.querySelector('caption')).textContent;
            const scrolls = frame.scrollWidth > frame.clientWidth, hint = getComputedStyle(frame, '::before').content;
            if (scrolls && getComputedStyle(frame).overflowX !== 'auto') faults.push(`does not scroll: ${title}`);
            if (scrolls !== hint.includes('scroll')) faults.push(`scrolls: ${scrolls}, says ${hint}: ${title}`);
          }
          return faults;
        })()
        """;

    // Contrast of text with the page (in coloured cells it is black or white), W3C's WCAG 2.2, 1.4.3: 4.5 at least.
    private const string Contrast = """
        (() => {
          const light = colour => {
            const [r, g, b] = colour.match(/[0-9.]+/g).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const page = getComputedStyle(document.body).backgroundColor;
          const ratio = colour => {
            const [low, high] = [light(colour), light(page)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
          };
          const words = [...document.querySelectorAll('svg .text:not(.on-dark, .on-light), svg .title')]
            .map(text => getComputedStyle(text).fill);
          const others = [...document.querySelectorAll('p, li, a, td, th, summary, caption, figcaption')]
            .map(each => getComputedStyle(each).color);
          return Math.min(...words.concat(others).map(ratio));
        })()
        """;

    [Test]
    public void NothingIsTooSmallOrCutOff()
    {
        if (!BrowserPage.IsPossible)
            Assert.Ignore("no browser (Debian: apt install chromium)");
        TemporaryFolder folder = new();
        try
        {
            string report = folder["report.html"];
            (string html, int pictures) = Page(folder);
            File.WriteAllText(report, html);
            using BrowserPage page = new();
            foreach (int width in new[] { 400, 1400 })
                foreach (bool dark in new[] { false, true })
                {
                    page.Become(width, 900, dark);
                    page.Show(new Uri(report).AbsoluteUri);
                    string where = $"{width} pixels, {(dark ? "dark" : "light")}";
                    Assert.That(page.Evaluate(Faults)!.AsArray().Select(fault => (string)fault!), Is.Empty, where);
                    Assert.That((double)page.Evaluate(Contrast)!, Is.GreaterThan(4.5), where);
                    Assert.That((int)page.Evaluate("document.querySelectorAll('svg').length")!, Is.EqualTo(pictures), where);
                }

            Assert.That(page.Complaints, Is.Empty);
            Assert.That(page.Requests.Select(address => new Uri(address).Scheme).Distinct(), Is.SubsetOf(new[] { "file", "data" }));
        }
        finally
        {
            folder.Delete();
        }
    }

    // A profile, a probed run and one without a probe, and timings of four who took turns: every kind of picture that a report has.
    private static (string Html, int Pictures) Page(TemporaryFolder folder)
    {
        CostProfile profile = TestProfiles.Measure("cpu", "--method pgd", new() { Batches = 2, Iterations = 2, MaxLaunches = 10_000 });
        File.WriteAllText(folder["cost.json"], profile.ToJson());
        WriteRun(folder["probed"], isProbed: true);
        WriteRun(folder["plain"], isProbed: false);
        Timings().Write(folder["layers.json"]);
        string[] names = ["probed", "plain", "cost.json", "layers.json"];
        ReportSources sources = ReportSources.Read([.. names.Select(name => folder[name])]);
        Assert.That(sources.Problems, Is.Empty);
        IReadOnlyList<Section> sections = Report.Sections(sources);
        string html = ReportPage.Write("Costs of two runs", "2026-01-02", ["a file that cannot be read"], sections);
        return (html, sections.SelectMany(section => section.Figures).Count(figure => figure.Svg is not null));
    }

    // Numbers that are wide where they are written, and names of classes as long as those of CIFAR-10.
    private static void WriteRun(string folder, bool isProbed)
    {
        ProbeHeader header = Header();
        ProbeEpoch[] probes = [.. Enumerable.Range(0, 6).Select(Probe)];
        Directory.CreateDirectory(folder);
        string Of(string name) => Path.Combine(folder, name);
        File.WriteAllText(Of("config.json"), TinyRuns.Options("--method mdeat").ToJson().ToJsonString());
        File.WriteAllText(Of("metrics.jsonl"), string.Concat(probes.Select((probe, epoch) => ProbeFile.Line(new EpochMetrics
        {
            Epoch = epoch,
            Seconds = 1234.5 + epoch,
            LearningRate = 0.1,
            TrainLoss = 2,
            TrainAccuracy = 0.3,
            Replays = 1 + epoch,
            StepSize = 0.03,
            Passes = 1_000_000 * (1 + epoch),
            Magnitude = 5 + epoch,
            Threshold = 40 - epoch,
            ValidationAccuracy = 0.5,
            RobustAccuracy = 0.1 * (1 + epoch),
            Probe = isProbed ? probe.Metrics(header.Epsilon, 0) : null,
        }))));
        if (isProbed)
            File.WriteAllText(Of("probe.jsonl"), ProbeFile.Line(header) + string.Concat(probes.Select(ProbeFile.Line)));
    }

    private static ProbeEpoch Probe(int epoch)
    {
        Random random = new(epoch);
        double[] Values(double scale) => [.. Enumerable.Range(0, Images).Select(_ => scale * random.NextDouble())];
        return new ProbeEpoch
        {
            Epoch = epoch,
            Replays = 1 + epoch,
            StepSize = 0.01,
            CleanLosses = Values(1),
            TrainingLosses = Values(2),
            StrongLosses = Values(3),
            LipschitzBounds = Values(100),
            StepPredictions = Values(0.5),
            StepGains = Values(0.1),
            Curvatures = Values(-12_345),
            Strip = [.. Enumerable.Range(0, Images).Select(i => new StripExample
            {
                Prediction = i,
                Confidence = 1,
                AdversarialPrediction = 1,
                AdversarialConfidence = 0.5,
                DeltaUnit = 1e-3,
                Delta = Bytes(random),
            })],
            Slices = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, Cells * Cells).Select(i => (float)i).ToArray())],
        };
    }

    private static ProbeHeader Header() => new()
    {
        Format = ProbeHeader.CurrentFormat,
        Images = "random/validation",
        Count = Images,
        Epsilon = 8 / 255.0,
        StrongStep = 2 / 255.0,
        CurvatureStep = 1 / 255.0,
        ImageShape = [3, 4, 4],
        ClassNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        Strip = [.. Enumerable.Range(0, Images).Select(i => new StripImage(i, Bytes(new Random(7 + i))))],
        SliceOffsets = [.. Enumerable.Range(-8, Cells).Select(i => 2 * 8 / 255.0 * i / 8)],
    };

    private static byte[] Bytes(Random random) => [.. Enumerable.Range(0, 48).Select(_ => (byte)random.Next(256))];

    private static TimingReport Timings()
    {
        string[] who = ["PyTorch fp32", "PyTorch fp32 channels_last", "opencl:0", "cpu"];
        IEnumerable<string> work = Enumerable.Range(1, 4).SelectMany(stage => (string[])
            [$"layer{stage}.0.shortcut forward", $"layer{stage}.0.shortcut backward", $"layer{stage}.1.bn2 forward"]);
        return TimingReport.Of(
            "Layers", [], new() { ["batch"] = "32", ["width"] = "64" },
            work.Prepend("DEAT replay").SelectMany((what, i) => who.Select((name, k) => new Timing(what, name)
            {
                IsBaseline = k < 2,
                Milliseconds = [.. Enumerable.Range(0, 12).Select(round => (1 + i) * (1 + (0.9 * k * i % 5)) * (1 + (0.1 * (round % 4))))],
            })));
    }
}
