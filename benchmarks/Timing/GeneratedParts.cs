using System.Text;
using System.Text.RegularExpressions;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// The parts of Markdown files that are written from results. A part begins with a line such as
/// <c>&lt;!-- timings kernels.json steps.json only conv, replay --&gt;</c> and ends with <c>&lt;!-- end --&gt;</c>. Files are relative to
/// the Markdown file; <c>only</c>, if it is there, names texts that the work must contain.
/// <c>timings</c> is the table with what it takes to read it, <c>losses</c> where TorchSharp or another baseline is faster.
/// </summary>
public static partial class GeneratedParts
{
    /// <summary>How the parts are written anew.</summary>
    public const string Regenerate = "dotnet run --project benchmarks -c Release -- tables";

    /// <summary>The Markdown files below <paramref name="root"/> that may have parts.</summary>
    public static IEnumerable<string> Files(string root) =>
        Directory.EnumerateFiles(Path.Combine(root, "benchmarks", "results"), "README.md", SearchOption.AllDirectories)
            .Prepend(Path.Combine(root, "README.md"));

    /// <summary>The file's text with every part written anew.</summary>
    /// <exception cref="InvalidDataException">A part has no end, or is of no known kind.</exception>
    public static string Rewrite(string path)
    {
        string text = File.ReadAllText(path);
        if (Part().Count(text) != Begin().Count(text))
            throw new InvalidDataException($"{path}: a part has no <!-- end -->");
        return Part().Replace(text, match =>
            $"{match.Groups["begin"].Value}\n\n{Content(match, Path.GetDirectoryName(path)!).Trim('\n')}\n\n<!-- end -->");
    }

    private static string Content(Match match, string folder)
    {
        string[] only = [.. match.Groups["only"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        TimingReport[] reports = [.. match.Groups["files"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(file => TimingReport.Read(Path.Combine(folder, file)))];
        Timing[] timings = [.. reports.SelectMany(report => report.Timings)
            .Where(timing => only.Length == 0 || only.Any(part => timing.What.Contains(part, StringComparison.Ordinal)))];
        return match.Groups["kind"].Value switch
        {
            "timings" => $"{ReportText.Tables(timings).TrimEnd('\n')}\n\n{ReportText.Captions(reports)}",
            "losses" => Losses(timings),
            string kind => throw new InvalidDataException($"no such part: {kind}"),
        };
    }

    private static string Losses(Timing[] timings)
    {
        StringBuilder text = new();
        foreach (string baseline in timings.Where(timing => timing.IsBaseline).Select(timing => timing.Who).Distinct())
        {
            Dictionary<string, double?> medians = timings.Where(timing => timing.Who == baseline)
                .ToDictionary(timing => timing.What, timing => timing.Median);
            foreach (IGrouping<string, Timing> mine in timings.Where(timing => !timing.IsBaseline).GroupBy(timing => timing.Who))
            {
                (string What, double Ratio)[] ratios = [.. mine
                    .Select(timing => (timing.What, Ratio: timing.Median / medians.GetValueOrDefault(timing.What)))
                    .Where(pair => pair.Ratio is not null).Select(pair => (pair.What, pair.Ratio!.Value))];
                (string What, double Ratio)[] lost = [.. ratios.Where(pair => pair.Ratio > 1).OrderByDescending(pair => pair.Ratio)];
                text.Append($"- `{mine.Key}` is slower than {baseline} in {lost.Length} of {ratios.Length}");
                text.Append(lost.Length == 0 ? ".\n" : $": {string.Join(", ", lost.Select(pair => $"{pair.What} ({pair.Ratio:F2})"))}.\n");
            }
        }

        return text.ToString();
    }

    [GeneratedRegex("<!-- (timings|losses) ")]
    private static partial Regex Begin();

    [GeneratedRegex(
        """(?<begin><!-- (?<kind>timings|losses) (?<files>(?:\S+\.json ?)+)(?:only (?<only>[^>]*?))? ?-->)\n.*?<!-- end -->""",
        RegexOptions.Singleline)]
    private static partial Regex Part();
}
