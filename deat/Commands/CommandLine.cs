using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;
using Deat.Engine;

namespace Deat.Training;

/// <summary>The program's commands. Whatever fails becomes one line on standard error and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line.</summary>
    /// <param name="arguments">What follows the program's name.</param>
    /// <param name="output">Results.</param>
    /// <param name="errors">Errors, and what happens after a signal.</param>
    /// <param name="isTerminal">Whether a person watches the output, who sees a line of progress that moves.</param>
    /// <returns>One of <see cref="ExitCodes"/>, or 128 + the number of a signal.</returns>
    public static int Run(string[] arguments, TextWriter output, TextWriter errors, bool isTerminal)
    {
        try
        {
            Screen screen = new(output, errors, isTerminal, TimeProvider.System);
            ParseResult result = Parse(Root(screen), arguments);
            if (result.Action is ParseErrorAction action)
                throw new UsageException(Explain(result, action));
            int answer = result.Invoke(new InvocationConfiguration
            {
                Output = output,
                Error = errors,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
            return answer == ExitCodes.Ok && screen.Lost is { } lost
                ? throw new StorageException($"not all of the output could be written: {lost.Message}", lost)
                : answer;
        }
        catch (Exception e)
        {
            Exception failure = DeviceException.Of(e);
            int code = Failure.ExitCodeOf(failure);
            Tell(errors, $"deat: {(code == ExitCodes.Internal ? Unexpected(failure) : OneLine(failure.Message))}");
            return code;
        }
    }

    private static void Tell(TextWriter errors, string line)
    {
        try
        {
            errors.WriteLine(line);
        }
        catch (IOException)
        {
            // A terminal that hung up: the exit code is all that is left.
        }
    }

    // What looks like an option and is no file would be taken for a path where a command takes paths: without these it is what it is.
    private static ParseResult Parse(RootCommand root, string[] arguments)
    {
        ParseResult result = root.Parse(arguments);
        Token? unknown = result.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal) && !Path.Exists(token.Value));
        if (unknown is null)
            return result;
        result.CommandResult.Command.Arguments.Clear();
        return root.Parse([result.CommandResult.Command.Name, unknown.Value]);
    }

    private static RootCommand Root(Screen screen)
    {
        RootCommand root = new("Dynamic efficient adversarial training.");
        root.Subcommands.Add(TrainCommand.Create(screen));
        root.Subcommands.Add(EvalCommand.Create(screen));
        root.Subcommands.Add(ReproduceCommand.Create(screen));
        root.Subcommands.Add(ProfileCommand.Create(screen));
        root.Subcommands.Add(PlanCommand.Create(screen));
        root.Subcommands.Add(ProbeCommand.Create(screen));
        root.Subcommands.Add(ReportCommand.Create(screen));
        root.Subcommands.Add(CompareCommand.Create(screen));
        root.Subcommands.Add(DevicesCommand.Create(screen));
        root.SetAction(_ => screen.Line(Welcome));
        return root;
    }

    private static string Welcome => $"""
        deat {Assembly.GetExecutingAssembly().GetName().Version?.ToString(3)}: dynamic efficient adversarial training

          deat train                     M+DEAT on built-in images: under two minutes on two cores
          deat train --data-dir FOLDER   M+DEAT in the paper's setting, on CIFAR-10 files or a folder of images
          deat eval RUN                  attacks the network of a run
          deat reproduce table1          the paper's Table 1: all runs, attacked, beside the published numbers
          deat profile                   what each iteration, layer and kernel costs
          deat plan                      predicts what a training will cost
          deat probe RUN                 measures the loss surface of a run's networks
          deat compare A B               compares two profiles: ratios with intervals, where time is lost
          deat report RUN...             writes runs and profiles into one HTML file with pictures
          deat devices                   what this machine can compute on

        Add --help to a command for its options.
        """;

    private static string Explain(ParseResult result, ParseErrorAction action)
    {
        if (result.UnmatchedTokens is not [var token, ..])
            return $"{result.Errors[0].Message.TrimEnd('.')}; see deat {result.CommandResult.Command.Name} --help";
        string? begun = result.CommandResult.Command.Options.Select(option => option.Name)
            .FirstOrDefault(name => token.Length > 3 && name.StartsWith(token, StringComparison.Ordinal));
        if (begun is not null)
            return $"'{token}' is not known; did you mean {begun}?";
        using StringWriter corrections = new();
        (action.ShowHelp, action.ShowTypoCorrections) = (false, true);
        result.Invoke(new InvocationConfiguration { Output = corrections, Error = TextWriter.Null });
        // "'--epoch' was not matched. Did you mean one of the following?", then the nearest names.
        string nearest = corrections.ToString().Split('\n').ElementAtOrDefault(1)?.Trim() ?? "";
        bool isLikely = nearest.Length > 2 && nearest.StartsWith('-') == token.StartsWith('-');
        return $"'{token}' is not known{(isLikely ? $"; did you mean {nearest}?" : "; see --help")}";
    }

    // Where the trace goes is said, so that a report can hold it.
    private static string Unexpected(Exception e)
    {
        string path = Path.Combine(Path.GetTempPath(), $"deat-error-{Environment.ProcessId}.txt");
        try
        {
            File.WriteAllText(path, e.ToString());
        }
        catch (Exception inner) when (inner is IOException or UnauthorizedAccessException)
        {
            path = "(it could not be written)";
        }

        return $"internal error, {e.GetType().Name}: {OneLine(e.Message)}; details in {path}";
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd();
}
