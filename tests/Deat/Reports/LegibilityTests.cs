using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>A report in a browser, on a phone and on a desk, in light and dark: what a reader could not read.</summary>
public sealed class LegibilityTests
{
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
            const frame = svg.parentElement, scrolls = whole.width > frame.clientWidth + 1;
            const hint = getComputedStyle(frame, '::before').content;
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
            File.WriteAllText(report, Page());
            using BrowserPage page = new();
            foreach (int width in new[] { 400, 1400 })
                foreach (bool dark in new[] { false, true })
                {
                    page.Become(width, 900, dark);
                    page.Show(new Uri(report).AbsoluteUri);
                    string where = $"{width} pixels, {(dark ? "dark" : "light")}";
                    Assert.That(page.Evaluate(Faults)!.AsArray().Select(fault => (string)fault!), Is.Empty, where);
                    Assert.That((double)page.Evaluate(Contrast)!, Is.GreaterThan(4.5), where);
                    Assert.That((int)page.Evaluate("document.querySelectorAll('svg').length")!, Is.EqualTo(5), where);
                }

            Assert.That(page.Complaints, Is.Empty);
            Assert.That(page.Requests.Select(address => new Uri(address).Scheme).Distinct(), Is.SubsetOf(new[] { "file", "data" }));
        }
        finally
        {
            folder.Delete();
        }
    }

    private static string Page()
    {
        CostProfile profile = TestProfiles.Measure("cpu", "--method pgd", new() { Batches = 2, Iterations = 2, MaxLaunches = 10_000 });
        return ReportPage.Write("A batch of PGD", "2026-01-02", [], [new Section("Profile", [], [.. ProfileFigures.Of(profile)])]);
    }
}
