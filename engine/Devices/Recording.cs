using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// Graphs: launches that are recorded once and launched again as one, which costs the host one call in place of some hundred.
/// </summary>
public sealed partial class ComputeDevice
{
    private Recording? _recording;
    private bool _mayUseGraphs = true;

    /// <summary>Whether launches can be recorded here.</summary>
    public bool HasGraphs => Recorder is not null;

    /// <summary>
    /// Whether <see cref="RepeatedPass"/> uses graphs: on where the device has them, off when set so or after the driver refused one, and
    /// while launches are timed one by one.
    /// </summary>
    public bool UsesGraphs
    {
        get => _mayUseGraphs && HasGraphs && _timer is null;
        set => _mayUseGraphs = value;
    }

    internal ILaunchRecorder? Recorder { get; set; }

    /// <summary>Whether launches are being recorded.</summary>
    internal bool IsRecording => _recording is not null;

    /// <summary>
    /// Does what the host has to do once for each time that the launches around it run: now, and with every launch of the graph if they are
    /// recorded.
    /// </summary>
    public void Along(Action action)
    {
        if (_recording is null)
            action();
        else
            _recording.HostWork.Add(action);
    }

    /// <summary>
    /// Records what <paramref name="work"/> launches; nothing of it runs. Null where it cannot be recorded: not now, because something is
    /// missing, or not at all, and then the user is told and graphs are off from here on.
    /// </summary>
    /// <param name="work">Launches only what needs no answer.</param>
    /// <param name="release">Gives back what <paramref name="work"/> rented and nobody will read.</param>
    /// <param name="isCloser">Whether memory was missing, which is there now.</param>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever fails while recording is done without a graph, and fails there again.")]
    internal LaunchGraph? Record(Action work, Action release, out bool isCloser)
    {
        RequireNotRecording();
        Recording recording = new();
        isCloser = false;
        try
        {
            IRecordedLaunches launches = Recorded(work, recording);
            release();
            return new LaunchGraph(this, launches, recording);
        }
        catch (NotWhileRecordingException e)
        {
            e.Remedy?.Invoke();
            isCloser = e.Remedy is not null;
        }
        catch (Exception e)
        {
            UsesGraphs = false;
            Notices?.Invoke($"no graphs on {Listing.Id}, kernels are launched one by one: {e.Message}");
        }

        return null;
    }

    /// <summary>Forbids what would make a driver give up a recording.</summary>
    /// <exception cref="NotWhileRecordingException">Launches are being recorded.</exception>
    internal void RequireNotRecording()
    {
        if (_recording is not null)
            throw new NotWhileRecordingException();
    }

    /// <summary>Tells a recording about memory that is rented.</summary>
    internal void NoteRental(MemoryBuffer memory) => _recording?.Memory.Add(memory);

    private IRecordedLaunches Recorded(Action work, Recording recording)
    {
        Recorder!.Begin();
        _recording = recording;
        Ledger.BeginRecording();
        bool isDone = false;
        try
        {
            work();
            isDone = true;
        }
        finally
        {
            _recording = null;
            recording.Counts = Ledger.EndRecording();
            if (!isDone)
                Recorder.Abandon();
        }

        return Recorder.End();
    }

    // A kernel that was never launched would be loaded in the middle of the recording.
    private Delegate Recorded(Delegate? launcher) => Recorder!.Recording(launcher ?? throw new NotWhileRecordingException());
}
