using System.CommandLine;
using System.CommandLine.Parsing;

namespace Deat.Training;

/// <summary>An option of the command line.</summary>
/// <param name="Name">The name without dashes.</param>
/// <param name="Value">What its value is called in the help; empty for a switch.</param>
/// <param name="Help">One line of help.</param>
/// <param name="Aliases">Other names without dashes, under which scripts elsewhere have it.</param>
internal sealed record OptionSpec(string Name, string Value, string Help, params string[] Aliases)
{
    /// <summary>Whether the value may be left out.</summary>
    public bool HasOptionalValue { get; init; }

    /// <summary>A command that takes an argument and options.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">One line of help.</param>
    /// <param name="argument">What it is about.</param>
    /// <param name="specs">Its options.</param>
    /// <param name="run">Carries it out: the argument and the options that the user wrote; answers one of <see cref="ExitCodes"/>.</param>
    public static Command CommandOf<T>(
        string name, string help, Argument<T> argument, IReadOnlyList<OptionSpec> specs, Func<T, Dictionary<string, string>, int> run)
    {
        Command command = new(name, help);
        command.Arguments.Add(argument);
        AddTo(command, specs);
        command.SetAction(result => run(result.GetRequiredValue(argument), Given(result, specs)));
        return command;
    }

    /// <summary>Adds the options to a command.</summary>
    public static void AddTo(Command command, IEnumerable<OptionSpec> specs)
    {
        foreach (OptionSpec spec in specs)
            command.Options.Add(spec.Create());
    }

    /// <summary>The options that the user wrote, by name.</summary>
    public static Dictionary<string, string> Given(ParseResult result, IEnumerable<OptionSpec> specs)
    {
        Dictionary<string, string> given = [];
        foreach (OptionSpec spec in specs)
            if (result.GetResult($"--{spec.Name}") is OptionResult { Implicit: false } option)
                given[spec.Name] = option.Tokens.Count == 0 ? "" : option.Tokens[^1].Value;
        return given;
    }

    // All values are texts: they are read in one place, together with those of presets and of runs to resume.
    private Option Create()
    {
        string[] aliases = [.. Aliases.Select(alias => $"--{alias}")];
        if (Value.Length == 0)
            return new Option<bool>($"--{Name}", aliases) { Description = Help };
        ArgumentArity arity = HasOptionalValue ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne;
        return new Option<string>($"--{Name}", aliases) { Description = Help, HelpName = Value, Arity = arity };
    }
}
