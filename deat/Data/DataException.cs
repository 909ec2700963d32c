namespace Deat.Training;

/// <summary>
/// The data cannot be used: a file is missing, damaged or not what it should be. The message names the file and what was expected.
/// </summary>
public sealed class DataException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Data;
}
