namespace Deat.Training;

/// <summary>
/// What the user sees: lines, and on a terminal a last line of progress that is written over. Where output is redirected progress
/// becomes a plain line now and then.
/// </summary>
internal sealed class Screen(TextWriter output, TextWriter errors, bool isTerminal, TimeProvider time)
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NowAndThen = TimeSpan.FromSeconds(30);

    private long _last = time.GetTimestamp();
    private int _width;

    /// <summary>Where the user is told about signals.</summary>
    public TextWriter Errors => errors;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Writes a line.</summary>
    public void Line(string text = "")
    {
        Clear();
        output.WriteLine(text);
        output.Flush();
    }

    /// <summary>Shows progress if it is time to: <paramref name="text"/> is only called then.</summary>
    public void Progress(Func<string> text)
    {
        if (time.GetElapsedTime(_last) < (isTerminal ? Often : NowAndThen))
            return;
        string line = text();
        if (isTerminal)
        {
            output.Write('\r' + line.PadRight(_width));
            output.Flush();
            _width = line.Length;
        }
        else
        {
            Line(line);
        }

        _last = time.GetTimestamp();
    }

    private void Clear()
    {
        if (_width > 0)
            output.Write('\r' + new string(' ', _width) + '\r');
        _width = 0;
    }
}
