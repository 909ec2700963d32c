using System.Linq.Expressions;
using System.Reflection;
using Deat.Engine;

namespace Deat.Tests;

/// <summary>
/// Graphs for devices without: while recording, launches are put aside with all their arguments, as a driver that captures a stream does,
/// and a graph's launch makes them one after the other. Everything above the driver is what it is on CUDA.
/// </summary>
internal sealed class EmulatedGraphs : ILaunchRecorder
{
    private static readonly MethodInfo Noting = typeof(EmulatedGraphs).GetMethod(nameof(Note), BindingFlags.Instance | BindingFlags.NonPublic)!;

    private readonly Dictionary<Delegate, Delegate> _noting = [];
    private List<Action>? _calls;
    private Action? _prepare;

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

    /// <summary>Gives graphs to a device until the result is disposed.</summary>
    public static EmulatedGraphs On(ComputeDevice device)
    {
        EmulatedGraphs graphs = new();
        (device.Recorder, device.UsesGraphs) = (graphs, true);
        return graphs;
    }

    /// <summary>Takes graphs from a device again; on CUDA its own stay off.</summary>
    public static void Off(ComputeDevice device) => (device.Recorder, device.UsesGraphs) = (null, true);

    public void Begin()
    {
        Begun++;
        FailIf("begin");
        Assert(_calls is null, "a recording within a recording");
        _calls = [];
    }

    public Delegate Recording(Delegate launcher, Action prepare)
    {
        _prepare = prepare;
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
        FailIf("end");
        Made++;
        return new Graph(this, calls);
    }

    public void Abandon() => _calls = null;

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
        Action prepare = _prepare!;
        _calls!.Add(() =>
        {
            prepare();
            call();
        });
    }

    private sealed class Graph(EmulatedGraphs owner, List<Action> calls) : IRecordedLaunches
    {
        private bool _isDisposed;

        public void Launch()
        {
            Assert(!_isDisposed, "a graph that was given back");
            Assert(owner._calls is null, "a graph within a recording");
            owner.Launches++;
            calls.ForEach(call => call());
        }

        public void Dispose()
        {
            Assert(!_isDisposed, "a graph that was given back twice");
            _isDisposed = true;
            owner.Disposed++;
        }
    }
}
