using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

[Parallelizable(ParallelScope.All)]
public sealed class ItemWorkersTests
{
    /// <summary>Every item runs once in every launch, and all are done when it returns: at once after another, and after a sleep.</summary>
    [Test]
    public void EveryItemRunsOnceBeforeTheLaunchReturns([Values(1, 2, 3, 7)] int threads, [Values(1, 2, 5, 64, 1000)] int items)
    {
        using ItemWorkers workers = new(threads);
        int[] ran = new int[items];
        for (int launch = 1; launch <= 300; launch++)
        {
            if (launch % 100 == 0)
                Thread.Sleep(1);
            workers.Run(items, () => ran[ItemWorkers.Item]++);
            Assert.That(ran, Is.All.EqualTo(launch));
        }
    }

    /// <summary>Another thread takes what the first does not come to.</summary>
    [Test]
    public void NoItemWaitsForAThreadThatIsBusy([Values(2, 3)] int threads)
    {
        using ItemWorkers workers = new(threads);
        using CountdownEvent others = new(99);
        bool waited = false;
        workers.Run(100, () =>
        {
            if (ItemWorkers.Item == 0)
                waited = others.Wait(TimeSpan.FromMinutes(1));
            else
                others.Signal();
        });
        Assert.That(waited, Is.True);
    }

    /// <summary>An exception of an item comes out of the launch, after all other items, and the next launch is like any.</summary>
    [Test]
    public void AnExceptionEndsUpWithWhoLaunched([Values(1, 2, 3)] int threads)
    {
        using ItemWorkers workers = new(threads);
        int[] ran = new int[50];
        void Launch(int failing) => workers.Run(ran.Length, () =>
        {
            ran[ItemWorkers.Item]++;
            if (ItemWorkers.Item == failing)
                throw new InvalidOperationException($"item {failing}");
        });
        Assert.That(() => Launch(49), Throws.InvalidOperationException.With.Message.EqualTo("item 49"));
        Assert.That(() => Launch(-1), Throws.Nothing);
        Assert.That(ran, Is.All.EqualTo(2));
    }

    /// <summary>Disposing ends its threads, whether they ever ran or not, and twice as well.</summary>
    [Test]
    public void ItsThreadsEndWithIt()
    {
        ItemWorkers idle = new(2), used = new(3);
        HashSet<Thread> seen = [];
        used.Run(1000, () =>
        {
            lock (seen)
                seen.Add(Thread.CurrentThread);
            Thread.Yield();
        });
        idle.Dispose();
        used.Dispose();
        used.Dispose();
        Assert.That(seen.Where(thread => thread != Thread.CurrentThread).Select(thread => thread.IsAlive), Is.All.False);
    }
}
