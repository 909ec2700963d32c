using System.Runtime.InteropServices;

namespace Deat.Training;

/// <summary>
/// Listens to INT, TERM and HUP. The first asks the run to stop at the next safe point, the end of the minibatch; a second one ends
/// the process at once, which costs the work since the last checkpoint and nothing else.
/// </summary>
public sealed partial class StopRequest : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly TextWriter _messages;
    private int _exitCode;

    /// <summary>Starts to listen.</summary>
    /// <param name="messages">Where the user is told, usually standard error.</param>
    public StopRequest(TextWriter messages)
    {
        _messages = messages;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
        ];
    }

    /// <summary>Whether the run should save and end.</summary>
    public bool IsRequested => ExitCode != ExitCodes.Ok;

    /// <summary>128 + the signal's number, or 0 if there was none.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Gives the signals back.</summary>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        var code = context.Signal switch { PosixSignal.SIGHUP => 129, PosixSignal.SIGINT => 130, _ => 143 };
        if (Interlocked.CompareExchange(ref _exitCode, code, ExitCodes.Ok) != ExitCodes.Ok)
            EndAtOnce(code);
        context.Cancel = true;
        // A terminal that hung up cannot be written to, and that must not keep the run from saving.
        try
        {
            _messages.WriteLine("stopping after this batch; press again to stop at once");
        }
        catch (IOException)
        {
        }
    }

    // Without exit handlers: a driver's handler waits for kernels that are still running.
    private static void EndAtOnce(int code)
    {
        if (OperatingSystem.IsWindows())
            Environment.Exit(code);
        else
            ExitWithoutHandlers(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitWithoutHandlers(int code);
}
