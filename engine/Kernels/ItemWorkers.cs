using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Deat.Engine;

/// <summary>
/// Runs the items of a launch on the CPU accelerator: on the thread that launches and on one more for each further core. Each has a share
/// of neighbouring items, and who is done takes from the others'; what an item computes does not depend on who runs it.
/// </summary>
/// <remarks>
/// ILGPU 1.5.3 would wake two threads for each core, let them meet twice and the host once, and give each core a fixed part of the grid:
/// 55 to 300 microseconds a launch on two cores, idle or busy, and each launch as long as its slowest core (measured). Here the launching
/// thread begins at once, and the others look for the next launch for a moment before they sleep.
/// </remarks>
internal sealed class ItemWorkers(int threads) : IDisposable
{
    // Counters of different threads lie on different cache lines.
    private const int Spacing = 16;

    private const long Over = -1;

    [ThreadStatic]
    private static int t_item;

    // Longer than the host takes from one launch of a batch to the next.
    private static readonly long s_awake = Stopwatch.Frequency / 20_000;

    private readonly long[] _next = new long[threads * Spacing];
    private readonly Lock _failing = new();
    private readonly object _sleeping = new();
    private Thread[] _others = [];
    private Action _body = () => { };
    private ExceptionDispatchInfo? _failure;
    private int _items;
    private int _sleepers;
    private int _inside;

    // Odd while a launch is open to the other threads; or when all is over.
    private long _launch;

    /// <summary>The item that this thread runs.</summary>
    public static int Item => t_item;

    /// <summary>Calls <paramref name="body"/> once for each <see cref="Item"/> from 0 on. Returns when all are done.</summary>
    /// <param name="items">How many.</param>
    /// <param name="body">Called by all threads. The first exception ends up here, after all items.</param>
    public void Run(int items, Action body)
    {
        (_items, _body) = (items, body);
        for (int share = 0; share < threads; share++)
            _next[share * Spacing] = FirstOf(share);
        bool isShared = items > 1 && threads > 1;
        if (isShared)
            Open();
        Work(0);
        if (isShared)
            Close();
        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        failure?.Throw();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Interlocked.Exchange(ref _launch, Over);
        lock (_sleeping)
            Monitor.PulseAll(_sleeping);
        foreach (Thread thread in _others)
            thread.Join();
    }

    private void Open()
    {
        if (_others.Length == 0)
            _others = [.. Enumerable.Range(1, threads - 1).Select(Start)];
        Interlocked.Increment(ref _launch);
        if (Volatile.Read(ref _sleepers) == 0)
            return;
        lock (_sleeping)
            Monitor.PulseAll(_sleeping);
    }

    // Whoever came in before the launch was closed is waited for; whoever comes later sees that it is.
    private void Close()
    {
        Interlocked.Increment(ref _launch);
        SpinWait wait = default;
        while (Volatile.Read(ref _inside) > 0)
            wait.SpinOnce(sleep1Threshold: -1);
    }

    private Thread Start(int share)
    {
        Thread thread = new(() => Serve(share)) { IsBackground = true, Name = $"items {share}" };
        thread.Start();
        return thread;
    }

    private void Serve(int share)
    {
        for (long launch = Await(0); launch != Over; launch = Await(launch))
        {
            Interlocked.Increment(ref _inside);
            if (Volatile.Read(ref _launch) == launch)
                Work(share);
            Interlocked.Decrement(ref _inside);
        }
    }

    // The next open launch after one, or that there will be none.
    private long Await(long last)
    {
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetTimestamp() - start < s_awake; Thread.SpinWait(8))
        {
            if (IsNext(last, out long launch))
                return launch;
        }

        lock (_sleeping)
        {
            Interlocked.Increment(ref _sleepers);
            long launch;
            while (!IsNext(last, out launch))
                Monitor.Wait(_sleeping);
            Interlocked.Decrement(ref _sleepers);
            return launch;
        }
    }

    private bool IsNext(long last, out long launch)
    {
        launch = Volatile.Read(ref _launch);
        return launch != last && (launch & 1) == 1;
    }

    [SuppressMessage("Design", "CA1031", Justification = "It is thrown again by the thread that launched.")]
    private void Work(int share)
    {
        Action body = _body;
        while (TryTake(share))
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                lock (_failing)
                    _failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }
    }

    private bool TryTake(int own)
    {
        for (int i = 0; i < threads; i++)
        {
            int share = own + i < threads ? own + i : own + i - threads;
            long item = Interlocked.Increment(ref _next[share * Spacing]) - 1;
            if (item >= FirstOf(share + 1))
                continue;
            t_item = (int)item;
            return true;
        }

        return false;
    }

    private long FirstOf(int share) => (long)_items * share / threads;
}
