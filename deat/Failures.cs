using System.Diagnostics.CodeAnalysis;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>What the process answers to its caller. Signals answer 128 + their number: 129 HUP, 130 INT, 143 TERM.</summary>
public static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>An error of the program itself: a bug.</summary>
    public const int Internal = 1;

    /// <summary>Unknown, contradictory or unreadable options.</summary>
    public const int Usage = 2;

    /// <summary>No such device, not enough memory on it, or it was lost.</summary>
    public const int Device = 3;

    /// <summary>A data set is missing, truncated or wrong.</summary>
    public const int Data = 4;

    /// <summary>A checkpoint is missing, damaged or of another model.</summary>
    public const int Checkpoint = 5;

    /// <summary>A loss, gradient or weight is not finite.</summary>
    public const int Numeric = 6;

    /// <summary>The run folder cannot be written: disk full, no permission, in use, or holding another run.</summary>
    public const int Storage = 7;

    /// <summary>The guard ended the run: the network was losing its robustness.</summary>
    public const int Collapse = 8;
}

/// <summary>An expected failure: the message is one line that tells the user what is wrong and what to do.</summary>
[SuppressMessage("Naming", "CA1710", Justification = "The name of the family; each member ends in Exception.")]
public abstract class Failure(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The answer of the process, one of <see cref="ExitCodes"/>.</summary>
    public abstract int ExitCode { get; }

    /// <summary>
    /// The answer of the process to any exception. What is neither a <see cref="Failure"/> nor a failure of a lower layer is a
    /// bug, and answers <see cref="ExitCodes.Internal"/>.
    /// </summary>
    public static int ExitCodeOf(Exception exception) => exception switch
    {
        Failure failure => failure.ExitCode,
        DeviceException => ExitCodes.Device,
        StateFileException => ExitCodes.Checkpoint,
        _ => ExitCodes.Internal,
    };
}

/// <summary>Options that cannot be understood or contradict each other.</summary>
public sealed class UsageException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Usage;
}

/// <summary>A checkpoint that is missing, damaged or of another run or model.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Checkpoint;
}

/// <summary>A loss, gradient or weight that is not finite.</summary>
public sealed class NumericException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Numeric;
}

/// <summary>A run folder that cannot be used or written.</summary>
public sealed class StorageException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Storage;
}

/// <summary>A run that its guard ended.</summary>
public sealed class CollapseException(string message, Exception? inner = null) : Failure(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => ExitCodes.Collapse;
}
