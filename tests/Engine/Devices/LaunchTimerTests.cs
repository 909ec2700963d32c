using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class LaunchTimerTests : WholeRuns
{
    private static IEnumerable<string> Ids => TestDevices.Ids;

    [Test]
    public void EachLaunchIsTimedInOrderWithItsPriceAndPlace([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 4096), ElementType.Float32, new float[4096]);
        using LaunchTimer timer = device.Time(100);
        using Tape tape = new(device, Wanted.None);
        timer.Batch(() =>
        {
            using (device.Ledger.In(Phase.Attack, 3))
            using (device.Ledger.Enter("conv1"))
            {
                for (int i = 0; i < 5; i++)
                    Ops.Add(tape, x, x);
            }
        });
        timer.Batch(() => Ops.Fill(x, 1));
        Assert.That(timer.Launches.Select(launch => launch.Batch), Is.EqualTo(new[] { 0, 0, 0, 0, 0, 1 }));
        LaunchRecord first = timer.Launches[0];
        Assert.That(
            (first.Phase, first.Iteration, first.Layer, first.Direction, first.Flops, first.Bytes),
            Is.EqualTo((Phase.Attack, 3, "conv1", Direction.Forward, 4096L, 3L * 4 * 4096)));
        Assert.That(first.Kernel, Does.StartWith("AddKernels.Sum<Single"));
        Assert.That((first.Groups, first.GroupSize), Is.Not.EqualTo((0, 0)));
        AssertOrdered(timer);
    }

    private static void AssertOrdered(LaunchTimer timer)
    {
        foreach (TimedBatch batch in timer.Batches)
        {
            LaunchRecord[] launches = [.. timer.Launches.Where(launch => launch.Batch == batch.Index)];
            Assert.That(launches.Select(launch => launch.Duration), Is.All.GreaterThanOrEqualTo(0));
            Assert.That(launches.SelectMany(launch => new[] { launch.Start, launch.End }), Is.Ordered);
            foreach (LaunchRecord launch in launches)
                TestContext.Out.WriteLine($"{batch.Index} [{batch.Start} {batch.End}] sub {launch.Submitted} ret {launch.Returned} start {launch.Start} end {launch.End} dur {launch.Duration}");
        }
    }
}
