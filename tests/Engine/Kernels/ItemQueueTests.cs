using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

[Parallelizable(ParallelScope.All)]
public sealed class ItemQueueTests
{
    /// <summary>Threads of any speed get every item once, in launch after launch, and then numbers beyond all items.</summary>
    [Test]
    public void EveryItemIsDealtOnce([Values(1, 2, 3, 7)] int threads, [Values(1, 2, 5, 64, 1000)] int items)
    {
        const int Launches = 3;
        ItemQueue queue = new();
        using Barrier launch = new(threads, _ => queue.Restart(items));
        List<int>[] dealt = [.. Enumerable.Range(0, threads).Select(_ => new List<int>())];
        Thread[] all = queue.Serve(() => dealt.Select(mine => Start(launch, mine, items, Launches)).ToArray());
        foreach (Thread thread in all)
            thread.Join();
        int[] expected = [.. Enumerable.Range(0, items).SelectMany(item => Enumerable.Repeat(item, Launches))];
        Assert.That(dealt.SelectMany(mine => mine).Order(), Is.EqualTo(expected));
    }

    private static Thread Start(Barrier launch, List<int> dealt, int items, int launches)
    {
        Thread thread = new(() =>
        {
            for (int i = 0; i < launches; i++)
            {
                launch.SignalAndWait();
                for (int item = ItemQueue.Next(); item < items; item = ItemQueue.Next())
                    dealt.Add(item);
            }
        });
        thread.Start();
        return thread;
    }
}
