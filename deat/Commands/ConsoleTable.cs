using Spectre.Console;

namespace Deat.Training;

/// <summary>A table of text: the first column to the left, all others to the right.</summary>
internal sealed class ConsoleTable
{
    // Lines are not broken: whoever redirects them wants columns.
    private const int Width = 500;

    private readonly Table _table = new Table().Border(TableBorder.Simple);

    public ConsoleTable(params IEnumerable<string> columns)
    {
        foreach (string column in columns)
        {
            TableColumn added = new(new Text(column)) { NoWrap = true };
            _table.AddColumn(_table.Columns.Count == 0 ? added.LeftAligned() : added.RightAligned());
        }
    }

    /// <summary>Adds a row; cells that are left out are empty.</summary>
    public void Add(params IEnumerable<string> cells) => _table.AddRow([.. cells.Select(cell => new Text(cell))]);

    /// <summary>Shows a title and the table.</summary>
    public void Show(string title, Screen screen)
    {
        using StringWriter text = new();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = Width;
        console.Write(_table);
        screen.Line();
        screen.Line(title);
        foreach (string line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
            screen.Line(line);
    }
}
