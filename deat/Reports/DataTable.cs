using System.Security;

namespace Deat.Training;

/// <summary>The numbers behind a figure.</summary>
/// <param name="Caption">What they are.</param>
/// <param name="Columns">Names of the columns, with units.</param>
/// <param name="Rows">Cells, row by row.</param>
internal sealed record DataTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>The table in HTML.</summary>
    public string Html()
    {
        IEnumerable<string> rows = Rows.Select(row => $"<tr>{string.Concat(row.Select(cell => Cell("td", cell)))}</tr>\n");
        string head = string.Concat(Columns.Select(column => Cell("th", column)));
        return $"<table>\n{Cell("caption", Caption)}\n<tr>{head}</tr>\n{string.Concat(rows)}</table>\n";
    }

    private static string Cell(string element, string text) => $"<{element}>{SecurityElement.Escape(text)}</{element}>";
}
