using System.CommandLine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary><c>report</c>: writes Markdown from the files of <c>--json</c>. Files with the same title share a table.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        Argument<string[]> files = new("files") { Description = "Files that --json wrote.", Arity = ArgumentArity.OneOrMore };
        Option<string?> output = new("--out") { Description = "A Markdown file; standard output if left out." };
        Option<bool> statistics = new("--statistics") { Description = "BenchmarkDotNet's statistics of all rounds, instead of medians." };
        Command command = new("report", "Write tables as Markdown.") { files, output, statistics };
        command.SetAction(arguments =>
        {
            IEnumerable<TimingReport> reports = arguments.GetValue(files)!.Select(TimingReport.Read);
            string text = ReportText.Of(reports, arguments.GetValue(statistics) ? StatisticsTable.Of : ReportText.Tables);
            if (arguments.GetValue(output) is string path)
                File.WriteAllText(path, text);
            else
                Console.Write(text);
        });
        return command;
    }
}
