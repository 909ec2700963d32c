namespace Deat.Engine;

/// <summary>
/// Deals the items of a launch on the CPU accelerator to its threads: each has a share of neighbouring items, and who is done takes from
/// the others'. ILGPU 1.5.3 gives each thread a fixed part of the grid, so that a launch lasts as long as its slowest core: two cores of a
/// shared machine were busy for 1.5 of 2 (measured). With more groups than items, a fast core runs items of a slow one; what an item
/// computes does not depend on who runs it.
/// </summary>
internal sealed class ItemQueue
{
    // Counters of different threads lie on different cache lines.
    private const int Spacing = 16;

    // An accelerator's threads live as long as it does and inherit this when it makes them.
    private static readonly AsyncLocal<ItemQueue?> s_inherited = new();

    [ThreadStatic]
    private static ItemQueue? t_own;

    [ThreadStatic]
    private static int t_share;

    private readonly long[] _next = new long[Environment.ProcessorCount * Spacing];
    private int _items;
    private int _threads;

    private int Shares => _next.Length / Spacing;

    /// <summary>The next item of the launch that this thread works for; beyond all items when none is left.</summary>
    public static int Next() => (t_own ?? Join()).Take(t_share);

    /// <summary>Groups of one item for <paramref name="items"/>: enough for half the threads to run three quarters of them.</summary>
    public static int Groups(int items) => items + (items / 2);

    /// <summary>Makes an accelerator whose threads take their items here.</summary>
    public TAccelerator Serve<TAccelerator>(Func<TAccelerator> create)
    {
        s_inherited.Value = this;
        try
        {
            return create();
        }
        finally
        {
            s_inherited.Value = null;
        }
    }

    /// <summary>Begins a launch of so many items.</summary>
    public void Restart(int items)
    {
        _items = items;
        for (int share = 0; share < Shares; share++)
            _next[share * Spacing] = FirstOf(share);
    }

    private static ItemQueue Join()
    {
        ItemQueue queue = s_inherited.Value!;
        t_share = (Interlocked.Increment(ref queue._threads) - 1) % queue.Shares;
        return t_own = queue;
    }

    private int Take(int own)
    {
        for (int i = 0; i < Shares; i++)
        {
            int share = own + i < Shares ? own + i : own + i - Shares;
            long item = Interlocked.Increment(ref _next[share * Spacing]) - 1;
            if (item < FirstOf(share + 1))
                return (int)item;
        }

        return _items;
    }

    private long FirstOf(int share) => (long)_items * share / Shares;
}
