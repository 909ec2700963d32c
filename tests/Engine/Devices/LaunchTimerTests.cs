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
        timer.Batch(() => AddOften(device, x, 5));
        timer.Batch(() => Ops.Fill(x, 1));
        Assert.That(timer.Launches.Select(launch => launch.Batch), Is.EqualTo(new[] { 0, 0, 0, 0, 0, 1 }));
        LaunchRecord first = timer.Launches[0];
        Assert.That(
            (first.Phase, first.Iteration, first.Layer, first.Direction, first.Flops, first.Bytes),
            Is.EqualTo((Phase.Attack, 3, "conv1", Direction.Forward, 4096L, 3L * 4 * 4096)));
        Assert.That(first.Kernel, Does.StartWith("AddKernels.Sum<Single"));
        Assert.That(Math.Min(first.Groups, first.GroupSize), Is.Positive);
        foreach (TimedBatch batch in timer.Batches)
            AssertOrdered(batch, [.. timer.Launches.Where(launch => launch.Batch == batch.Index)]);
    }

    [Test]
    public void WhatTakesLongerIsTimedAsLonger([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor sums = workspace.Plain(new Shape(1, 1024), ElementType.Float32);
        using LaunchTimer timer = device.Time(100);
        int[] iterations = [10, 10_000];
        foreach (int count in iterations)
            Ops.MultiplyAdds(sums, 0.5, count);
        for (int round = 0; round < 3; round++)
        {
            timer.Batch(() =>
            {
                foreach (int count in iterations)
                    Ops.MultiplyAdds(sums, 0.5, count);
            });
        }

        Assert.That(Shortest(1), Is.GreaterThan(20 * Shortest(0)));

        long Shortest(int which) => timer.Launches.Where((_, i) => i % 2 == which).Min(launch => launch.Duration);
    }

    [Test]
    public void NothingIsMarkedOutsideOfBatches()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 16), ElementType.Float32, new float[16]);
        FakeClock clock = new();
        using (LaunchTimer timer = new(device, clock, 10, observer: null))
        {
            Ops.Fill(x, 1);
            Assert.That(clock.Marks, Is.Empty);
            Assert.That(device.Timer, Is.Null);
            timer.Batch(() => AddOften(device, x, 3));
            Assert.That(clock.Marks.SkipWhile(place => place == 0), Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6 }));
            Assert.That(clock.Readings, Is.EqualTo(new[] { 7 }));
            Assert.That(timer.Launches.Select(launch => launch.Duration), Is.All.EqualTo(1000));
            int marks = clock.Marks.Count;
            Ops.Fill(x, 1);
            Assert.That(clock.Marks, Has.Count.EqualTo(marks));
        }

        Assert.That(clock.IsDisposed);
        Assert.That(device.Timer, Is.Null);
    }

    [Test]
    public void LaunchesBeyondTheCapAreCountedOnly()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 16), ElementType.Float32, new float[16]);
        using LaunchTimer timer = new(device, new FakeClock(), 4, observer: null);
        timer.Batch(() => AddOften(device, x, 3));
        timer.Batch(() => AddOften(device, x, 3));
        Assert.That(timer.Launches.Select(launch => launch.Batch), Is.EqualTo(new[] { 0, 0, 0, 1 }));
        Assert.That((timer.Missed, timer.Batches.Count), Is.EqualTo((2L, 2)));
    }

    [Test]
    public void WhereMarksRunOutTheDeviceIsWaitedForAndNothingIsLost()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 16), ElementType.Float32, new float[16]);
        using LaunchTimer timer = new(device, new FakeClock(capacity: 5), 100, observer: null);
        timer.Batch(() => AddOften(device, x, 5));
        Assert.That((timer.Launches.Count, timer.Waits), Is.EqualTo((5, 2)));
    }

    [Test]
    public void AWatchTellsEachLaunchAndEndsWithIt([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 16), ElementType.Float32, new float[16]);
        List<LaunchRecord> seen = [];
        using (device.Watch(seen.Add))
        {
            AddOften(device, x, 2);
            Assert.That(seen, Has.Count.EqualTo(2));
            using LaunchTimer timer = device.Time(10);
            timer.Batch(() => AddOften(device, x, 2));
            Assert.That((seen.Count, timer.Launches.Count), Is.EqualTo((2, 2)), "a batch is not disturbed");
            AddOften(device, x, 1);
            Assert.That(seen, Has.Count.EqualTo(3));
        }

        AddOften(device, x, 1);
        Assert.That(seen, Has.Count.EqualTo(3));
        Assert.That(seen.Select(launch => launch.Layer), Is.All.EqualTo("conv1"));
    }

    [Test]
    public void WorkThatFailsLeavesTheDeviceAsItWas([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using LaunchTimer timer = device.Time(10);
        Assert.That(() => timer.Batch(() => throw new InvalidOperationException("no")), Throws.InvalidOperationException);
        Assert.That(device.Timer, Is.Null);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor x = workspace.Plain<float>(new Shape(1, 16), ElementType.Float32, new float[16]);
        timer.Batch(() => AddOften(device, x, 1));
        Assert.That(timer.Launches, Has.Count.EqualTo(1));
    }

    [Test]
    public void MemoryIsToldWheneverItChanges()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using LaunchTimer timer = new(device, new FakeClock(), 10, observer: null);
        long before = device.Pool.Use(MemoryCategory.Gradients).Live;
        timer.Batch(() =>
        {
            using Workspace workspace = new(device, MemoryCategory.Gradients);
            workspace.Plain(new Shape(1, 100), ElementType.Float32);
            workspace.Plain(new Shape(1, 10), ElementType.Float32);
        });
        Assert.That(
            timer.Memory.Where(sample => sample.Category == MemoryCategory.Gradients).Select(sample => sample.LiveBytes - before),
            Is.EqualTo(new[] { 0, 400, 440, 40, 0 }));
        Assert.That(timer.Memory.Select(sample => sample.Time), Is.Ordered);
    }

    // While launches are timed one by one, none hides in a graph.
    [Test]
    public void GraphsAreOffWithinBatches([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        WatchedGraphs.On(device);
        try
        {
            using LaunchTimer timer = device.Time(10);
            Assert.That(device.UsesGraphs);
            timer.Batch(() => Assert.That(device.UsesGraphs, Is.False));
            Assert.That(device.UsesGraphs);
        }
        finally
        {
            WatchedGraphs.Restore(device);
        }
    }

    [Test]
    public void KernelsThatWereLaunchedTellWhatTheyTake([ValueSource(nameof(Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Ops.Fill(workspace.Plain(new Shape(1, 16), ElementType.Float32), 1);
        KernelResources resources = device.Resources()["FillKernels.Fill<Single>"];
        bool tells = device.Traits.Backend == Backend.OpenCL;
        Assert.That(resources.SharedBytes, tells ? Is.GreaterThanOrEqualTo(0) : Is.Null.Or.Zero);
    }

    private static void AddOften(ComputeDevice device, Tensor x, int count)
    {
        using Tape tape = new(device, Wanted.None);
        using (device.Ledger.In(Phase.Attack, 3))
        using (device.Ledger.Enter("conv1"))
        {
            for (int i = 0; i < count; i++)
                Ops.Add(tape, x, x);
        }
    }

    private static void AssertOrdered(TimedBatch batch, LaunchRecord[] launches)
    {
        Assert.That(launches.SelectMany(launch => new[] { launch.Start, launch.End }), Is.Ordered);
        Assert.That(launches.SelectMany(launch => new[] { launch.Submitted, launch.Returned }), Is.Ordered);
        Assert.That(launches.Select(launch => launch.Start - launch.Submitted), Is.All.GreaterThanOrEqualTo(0));
        Assert.That(launches.Select(launch => launch.Duration), Is.All.Positive);
        Assert.That(batch.Start, Is.LessThanOrEqualTo(launches[0].Submitted));
        Assert.That(batch.End, Is.GreaterThanOrEqualTo(launches[^1].Returned));
    }
}
