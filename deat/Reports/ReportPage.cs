using System.Globalization;
using System.Security;
using System.Text;

namespace Deat.Training;

/// <summary>A report as one HTML file that asks for nothing outside itself: pictures as inline SVG, a table behind each.</summary>
internal static class ReportPage
{
    private const string Style = """
        :root { color-scheme: light dark; --back: #ffffff; --front: #222222; --soft: #5c5c5c; --rule: #d5d5d5; --link: #005a8e }
        @media (prefers-color-scheme: dark) {
          :root { --back: #16181c; --front: #e6e6e6; --soft: #a5abb3; --rule: #3a3f46; --link: #7cc4f0 }
        }
        body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--back); color: var(--front);
          font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word }
        h1 { font-size: 1.6rem; margin: 0.5rem 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); font-size: 1.3rem }
        h3 { margin: 0 0 0.5rem; font-size: 1.05rem } a { color: var(--link) } figure { margin: 2rem 0 }
        .facts, .missing, .note { color: var(--soft); font-size: 0.9rem } .note { margin: 0.4rem 0 }
        .wide { overflow-x: auto } .wide svg { display: block; width: 100%; min-width: 40rem; height: auto }
        .wide.scrolls::before { content: "wider than this window: scroll sideways \2194"; display: block; position: sticky; left: 0;
          color: var(--soft); font-size: 0.8rem }
        table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; margin: 0.5rem 0 }
        caption { text-align: left; padding: 0.3rem 0; color: var(--soft) }
        th, td { border-bottom: 1px solid var(--rule); padding: 0.15rem 0.6rem 0.15rem 0; text-align: left; vertical-align: top }
        td + td, th + th { text-align: right } summary { cursor: pointer; color: var(--link); font-size: 0.9rem }
        .flame g[data-x] { cursor: pointer }
        @page { size: landscape; margin: 1cm }
        @media print { body { max-width: none } .wide { overflow: visible } .wide svg { min-width: 0 } figure { break-inside: avoid }
          .wide table { font-size: 0.45rem } .wide :is(th, td) { padding-right: 0.25rem }
          summary, .wide.scrolls::before { display: none } }
        """;

    // Says what is wider than the window, opens all tables for a printer, and stretches a part of a flame view.
    private const string Script = """
        const wide = [...document.querySelectorAll('.wide')];
        const look = () => wide.forEach(box => {
          const scrolls = box.scrollWidth > box.clientWidth;
          box.classList.toggle('scrolls', scrolls);
          if (scrolls) box.tabIndex = 0; else box.removeAttribute('tabindex');
        });
        look();
        addEventListener('resize', look);
        document.querySelectorAll('details').forEach(d => d.addEventListener('toggle', look));
        addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => d.open = true));
        document.querySelectorAll('.flame').forEach(flame => {
          const left = +flame.dataset.left, width = +flame.dataset.width, parts = [...flame.querySelectorAll('g[data-x]')];
          const show = (from, part) => parts.forEach(g => {
            const x = (+g.dataset.x - from) / part, w = +g.dataset.w / part;
            const start = Math.max(0, x), end = Math.min(1, x + w), rect = g.firstElementChild, text = g.lastElementChild;
            g.style.display = end > start ? '' : 'none';
            if (end <= start) return;
            rect.setAttribute('x', left + start * width);
            rect.setAttribute('width', (end - start) * width);
            text.setAttribute('x', left + start * width + 4);
            text.textContent = g.dataset.name.length * 6.6 < (end - start) * width - 6 ? g.dataset.name : '';
          });
          parts.forEach(g => g.addEventListener('click', () => show(+g.dataset.x, +g.dataset.w)));
        });
        """;

    /// <summary>The text of the file.</summary>
    /// <param name="title">What it reports.</param>
    /// <param name="subtitle">When and by what.</param>
    /// <param name="problems">What could not be read.</param>
    /// <param name="sections">The content.</param>
    public static string Write(string title, string subtitle, IReadOnlyList<string> problems, IReadOnlyList<Section> sections)
    {
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">
            <title>{Text(title)}</title>
            <style>{Style}</style>
            </head>
            <body>
            <h1>{Text(title)}</h1>
            <p class="facts">{Text(subtitle)}</p>

            """);
        AddList(page, "missing", problems.Select(problem => $"Left out: {problem}"));
        page.Append("<nav><ul>\n");
        for (int s = 0; s < sections.Count; s++)
            page.Append(CultureInfo.InvariantCulture, $"<li><a href=\"#s{s}\">{Text(sections[s].Title)}</a></li>\n");
        page.Append("</ul></nav>\n");
        for (int s = 0; s < sections.Count; s++)
            Add(page, sections[s], s);
        page.Append(CultureInfo.InvariantCulture, $"<script>{Script}</script>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void Add(StringBuilder page, Section section, int number)
    {
        page.Append(CultureInfo.InvariantCulture, $"<section>\n<h2 id=\"s{number}\">{Text(section.Title)}</h2>\n");
        AddList(page, "facts", section.Facts);
        foreach (Figure figure in section.Figures)
            Add(page, figure);
        AddList(page, "missing", section.Missing);
        page.Append("</section>\n");
    }

    private static void Add(StringBuilder page, Figure figure)
    {
        string tables = $"<div class=\"wide\">{string.Concat(figure.Tables.Select(table => table.Html()))}</div>";
        page.Append("<figure>\n");
        if (figure.Svg is null)
            page.Append(CultureInfo.InvariantCulture, $"<h3>{Text(figure.Title)}</h3>\n");
        else
            page.Append(CultureInfo.InvariantCulture, $"<div class=\"wide\">\n{figure.Svg}</div>\n");
        if (figure.Note.Length > 0)
            page.Append(CultureInfo.InvariantCulture, $"<figcaption class=\"note\">{Text(figure.Note)}</figcaption>\n");
        page.Append(figure.Svg is null ? tables : $"<details><summary>the numbers</summary>\n{tables}</details>\n");
        page.Append("</figure>\n");
    }

    private static void AddList(StringBuilder page, string style, IEnumerable<string> lines)
    {
        string items = string.Concat(lines.Select(line => $"<li>{Text(line)}</li>\n"));
        if (items.Length > 0)
            page.Append(CultureInfo.InvariantCulture, $"<ul class=\"{style}\">\n{items}</ul>\n");
    }

    private static string? Text(string text) => SecurityElement.Escape(text);
}
