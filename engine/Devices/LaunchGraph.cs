using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>Records launches in place of running them. One for each way that drivers have to do it.</summary>
internal interface ILaunchRecorder
{
    /// <summary>From now on, what is launched on the device's stream is recorded and does not run.</summary>
    void Begin();

    /// <summary>
    /// What is called in place of <paramref name="launcher"/> while recording: itself where the driver sees what it does.
    /// </summary>
    /// <param name="launcher">The launcher of a kernel.</param>
    Delegate Recording(Delegate launcher);

    /// <summary>Ends recording.</summary>
    /// <exception cref="DeviceException">The driver cannot make a graph of it.</exception>
    IRecordedLaunches End();

    /// <summary>Ends recording and forgets it, in whatever state the driver is. Throws nothing.</summary>
    void Abandon();
}

/// <summary>Launches as a driver recorded them.</summary>
internal interface IRecordedLaunches : IDisposable
{
    /// <summary>Launches all of them, in order, with the arguments that they had.</summary>
    void Launch();
}

/// <summary>
/// Recorded launches with all that belongs to them: the memory that they write, what they count as, and what the host did between them.
/// </summary>
internal sealed class LaunchGraph(ComputeDevice device, IRecordedLaunches launches, Recording recording) : IDisposable
{
    // Outside the graph these are free, as after any pass: others use them between two launches, and each launch writes before it reads.
    private readonly MemoryBuffer[] _memory = [.. recording.Memory.Where(device.Pool.IsFree)];

    /// <summary>
    /// Whether its memory is free. Where somebody has come to hold a part of it, the graph would write into what is theirs.
    /// </summary>
    public bool IsFree => Array.TrueForAll(_memory, device.Pool.IsFree);

    /// <summary>Runs everything once more.</summary>
    public void Launch()
    {
        launches.Launch();
        device.Ledger.Record(recording.Counts);
        foreach (Action action in recording.HostWork)
            action();
    }

    /// <inheritdoc/>
    public void Dispose() => launches.Dispose();
}

/// <summary>What is noted of launches while they are recorded.</summary>
internal sealed class Recording
{
    /// <summary>All memory that was rented, given back or not.</summary>
    public HashSet<MemoryBuffer> Memory { get; } = [];

    /// <summary>What the host does along with the launches.</summary>
    public List<Action> HostWork { get; } = [];

    /// <summary>What the launches count as.</summary>
    public KeyValuePair<LedgerKey, LedgerEntry>[] Counts { get; set; } = [];
}

/// <summary>Something cannot be done while launches are recorded: memory is missing, or a kernel is not compiled.</summary>
/// <param name="remedy">Does it outside, so that the same recording comes further the next time; null where nothing can.</param>
internal sealed class NotWhileRecordingException(Action? remedy = null)
    : InvalidOperationException("This cannot be recorded: the device was to do more than launch.")
{
    /// <summary>Does it outside; null where nothing can.</summary>
    public Action? Remedy => remedy;
}
