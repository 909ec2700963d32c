namespace Deat.Engine;

/// <summary>
/// Deals the items of a launch on the CPU accelerator to its threads in the order in which they ask. ILGPU 1.5.3 gives each thread a
/// fixed part of the grid, so that a launch lasts as long as its slowest core: two cores of a shared machine were busy for 1.5 of 2
/// (measured). With more groups than items, a fast core takes items of a slow one; what an item computes does not depend on who runs it.
/// </summary>
internal sealed class ItemQueue
{
    // An accelerator's threads live as long as it does and inherit this when it makes them.
    private static readonly AsyncLocal<ItemQueue?> s_inherited = new();

    [ThreadStatic]
    private static ItemQueue? t_own;

    private int _next;

    /// <summary>The next item of the launch that this thread works for.</summary>
    public static int Next() => Interlocked.Increment(ref (t_own ??= s_inherited.Value!)._next) - 1;

    /// <summary>Groups, of one item each, for <paramref name="items"/>: enough for half the threads to run three quarters of them.</summary>
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

    /// <summary>Begins a launch.</summary>
    public void Restart() => _next = 0;
}
