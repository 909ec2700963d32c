using System.Linq.Expressions;
using System.Reflection;
using Deat.Engine;

namespace Deat.Tests;

/// <summary>
/// Counts what a device's graphs do. Where it has none they are emulated: while recording, launches are put aside with all their arguments,
/// as a driver that captures a stream does, and a graph's launch makes them one after the other. Everything above the driver is what it is
/// on CUDA.
/// </summary>
internal sealed class WatchedGraphs : ILaunchRecorder
{
    private static readonly Dictionary<ComputeDevice, ILaunchRecorder?> Own = [];

    private static readonly MethodInfo Noting =
        typeof(WatchedGraphs).GetMethod(nameof(Note), BindingFlags.Instance | BindingFlags.NonPublic)!;

    private readonly Dictionary<Delegate, Delegate> _noting = [];
    private List<Action>? _calls;
    private ILaunchRecorder? _driver;

    /// <summary>What fails, as a driver may: begin, end.</summary>
    public string? Failure { get; set; }

    /// <summary>Recordings begun.</summary>
    public int Begun { get; private set; }

    /// <summary>Graphs made.</summary>
    public int Made { get; private set; }

    /// <summary>Graphs that were given back.</summary>
    public int Disposed { get; private set; }

    /// <summary>Launches of graphs.</summary>
    public int Launches { get; private set; }

    /// <summary>Lets a device use graphs, until <see cref="Restore"/>.</summary>
    public static WatchedGraphs On(ComputeDevice device)
    {
        Own.TryAdd(device, device.Recorder);
        WatchedGraphs graphs = new() { _driver = Own[device] };
        (device.Recorder, device.UsesGraphs) = (graphs, true);
        return graphs;
    }

    /// <summary>Lets a device use none, until <see cref="Restore"/>.</summary>
    public static void Off(ComputeDevice device) => device.UsesGraphs = false;

    /// <summary>Leaves a device with its own graphs, or none.</summary>
    public static void Restore(ComputeDevice device) =>
        (device.Recorder, device.UsesGraphs) = (Own.GetValueOrDefault(device, device.Recorder), true);

    public void Begin()
    {
        Begun++;
        FailIf("begin");
        Assert(_calls is null, "a recording within a recording");
        _driver?.Begin();
        _calls = [];
    }

    public Delegate Recording(Delegate launcher)
    {
        if (_driver is not null)
            return _driver.Recording(launcher);
        if (_noting.TryGetValue(launcher, out Delegate? noting))
            return noting;
        Type type = launcher.GetType();
        ParameterExpression[] arguments = [.. type.GetMethod("Invoke")!.GetParameters().Select(p => Expression.Parameter(p.ParameterType))];
        Expression call = Expression.Lambda<Action>(Expression.Invoke(Expression.Constant(launcher), arguments));
        return _noting[launcher] = Expression.Lambda(type, Expression.Call(Expression.Constant(this), Noting, call), arguments).Compile();
    }

    public IRecordedLaunches End()
    {
        List<Action> calls = _calls!;
        _calls = null;
        IRecordedLaunches? launches = _driver?.End();
        if (Failure == "end")
            launches?.Dispose();
        FailIf("end");
        Made++;
        return new Graph(this, calls, launches);
    }

    public void Abandon()
    {
        _calls = null;
        _driver?.Abandon();
    }

    private static void Assert(bool holds, string what)
    {
        if (!holds)
            throw new InvalidOperationException(what);
    }

    private void FailIf(string what)
    {
        if (Failure == what)
            throw new DeviceException($"the driver does not {what}");
    }

    private void Note(Action call)
    {
        Assert(_calls is not null, "a launch for a recording that is over");
        _calls!.Add(call);
    }

    private sealed class Graph(WatchedGraphs owner, List<Action> calls, IRecordedLaunches? launches) : IRecordedLaunches
    {
        private bool _isDisposed;

        public void Launch()
        {
            Assert(!_isDisposed, "a graph that was given back");
            Assert(owner._calls is null, "a graph within a recording");
            owner.Launches++;
            launches?.Launch();
            calls.ForEach(call => call());
        }

        public void Dispose()
        {
            Assert(!_isDisposed, "a graph that was given back twice");
            _isDisposed = true;
            launches?.Dispose();
            owner.Disposed++;
        }
    }
}
