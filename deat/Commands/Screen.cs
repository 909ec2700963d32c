namespace Deat.Training;

/// <summary>
/// What the user sees: lines, and on a terminal a last line of progress that is written over. Where output is redirected progress
/// becomes a plain line now and then. A terminal that hung up, or a disk that is full, ends no run: <see cref="Lost"/> tells.
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

    /// <summary>Why some of the output could not be written; null where all was.</summary>
    public IOException? Lost { get; private set; }

    /// <summary>Writes a line.</summary>
    public void Line(string text = "")
    {
        Clear();
        Write(text + output.NewLine);
    }

    /// <summary>Shows progress if it is time to: <paramref name="text"/> is only called then.</summary>
    public void Progress(Func<string> text)
    {
        if (time.GetElapsedTime(_last) < (isTerminal ? Often : NowAndThen))
            return;
        string line = text();
        if (isTerminal)
        {
            Write('\r' + line.PadRight(_width));
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
            Write('\r' + new string(' ', _width) + '\r');
        _width = 0;
    }

    private void Write(string text)
    {
        try
        {
            output.Write(text);
            output.Flush();
        }
        catch (IOException e)
        {
            Lost ??= e;
        }
    }
}
