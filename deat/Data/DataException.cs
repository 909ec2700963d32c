namespace Deat.Training;

/// <summary>
/// The data cannot be used: a file is missing, damaged or not what it should be. The message is one line that names the file and
/// what was expected, fit to be printed as it is.
/// </summary>
public sealed class DataException : Exception
{
    /// <summary>An error without a message of its own.</summary>
    public DataException()
        : base("The data cannot be used.")
    {
    }

    /// <summary>An error described by <paramref name="message"/>, one line.</summary>
    public DataException(string message)
        : base(message)
    {
    }

    /// <summary>An error described by <paramref name="message"/>, one line, that <paramref name="innerException"/> led to.</summary>
    public DataException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
