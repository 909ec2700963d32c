namespace Deat.Benchmarks;

/// <summary>Work that is timed in turns with others that do the same. <see cref="Rounds"/> calls its methods in their order here.</summary>
/// <param name="what">The work, the same for all that take turns.</param>
/// <param name="who">Who does it: a device of DEAT.Native or another library.</param>
public abstract class Measured(string what, string who) : IDisposable
{
    /// <summary>The work, the same for all that take turns.</summary>
    public string What { get; } = what;

    /// <summary>Who does it.</summary>
    public string Who { get; } = who;

    /// <summary>Whether the others are compared with it.</summary>
    public virtual bool IsBaseline => false;

    /// <summary>Floating-point operations of one run, by the definition of the work; 0 where nobody counts them.</summary>
    public virtual long Flops => 0;

    /// <summary>Bytes of device memory that one run must read and write at least; 0 where nobody counts them.</summary>
    public virtual long Bytes => 0;

    /// <summary>Allocates. Not timed.</summary>
    public abstract void Prepare();

    /// <summary>Whatever must have happened before the next <paramref name="runs"/> runs. Not timed.</summary>
    public virtual void Before(int runs)
    {
    }

    /// <summary>Does the work once; it need not be complete when the call returns.</summary>
    public abstract void Run();

    /// <summary>Waits until all runs are complete. Timed.</summary>
    public virtual void Finish()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives everything back.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
