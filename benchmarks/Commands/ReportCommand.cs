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
        Command command = new("report", "Write tables as Markdown.") { files, output };
        command.SetAction(arguments =>
        {
            string text = ReportText.Of(arguments.GetValue(files)!.Select(TimingReport.Read));
            if (arguments.GetValue(output) is string path)
                File.WriteAllText(path, text);
            else
                Console.Write(text);
        });
        return command;
    }
}
