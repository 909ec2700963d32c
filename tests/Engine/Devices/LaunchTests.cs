using System.Diagnostics.CodeAnalysis;
using Deat.Engine;
using ILGPU;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class LaunchTests
{
    private static readonly Shape Vector = new(1, 8);

    // OpenCL drivers end the process for some of these, and start nothing for others.
    [Test]
    public void WhatADeviceCannotRunIsRefusedBeforeAnythingRuns(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        DeviceTraits traits = device.Traits;
        Refuses(new LaunchGrid(1, traits.MaxGroupSize + 1), $"1 groups of {traits.MaxGroupSize + 1}, '{device.Name}' allows");
        Refuses(new LaunchGrid(0, 1), "0 groups of 1");
        Refuses(new LaunchGrid(-1, 1), "-1 groups of 1");
        Refuses(new LaunchGrid(1, 0), "1 groups of 0");
        // The CPU accelerator allows all that an integer counts.
        if (traits.SharedBytes < int.MaxValue)
            Refuses(new LaunchGrid(1, 1, traits.SharedBytes + 1), $"needs {traits.SharedBytes + 1:N0} B shared, '{device.Name}' allows");

        void Refuses(LaunchGrid grid, string message)
        {
            using Workspace workspace = new(device, MemoryCategory.Data);
            Tensor tensor = workspace.Plain<float>(Vector, ElementType.Float32, new float[8]);
            long before = device.Ledger.Total().Launches;
            Assert.That(
                () => device.Launch(FillKernels.Fill, grid, default, tensor.View<float>(), 1f, 8),
                Throws.TypeOf<DeviceException>().With.Message.StartWith("kernel Fill").And.Message.Contains(message));
            Assert.That(device.Ledger.Total().Launches, Is.EqualTo(before));
            Assert.That(tensor.ToArray<float>(), Is.All.Zero);
        }
    }

    [Test]
    public void TensorsOfAnotherDeviceAreRefused([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using ComputeDevice other = ComputeDevice.Open("cpu");
        using Workspace here = new(device, MemoryCategory.Data);
        using Workspace there = new(other, MemoryCategory.Data);
        Tensor ours = here.Plain<float>(Vector, ElementType.Float32, new float[8]);
        Tensor theirs = there.Plain<float>(Vector, ElementType.Float32, new float[8]);
        long before = device.Ledger.Total().Launches;
        Assert.That(
            () => device.Launch(FillKernels.Fill, device.Grid(1), default, theirs.View<float>(), 1f, 8),
            Throws.TypeOf<DeviceException>().With.Message.EqualTo($"kernel Fill on '{device.Name}' was given a tensor of another device"));
        using Tape tape = new(device, Wanted.None);
        Assert.That(() => Ops.Add(tape, ours, theirs), Throws.TypeOf<DeviceException>().With.Message.StartWith("kernel Sum"));
        Assert.That(device.Ledger.Total().Launches, Is.EqualTo(before));
        Assert.That(theirs.ToArray<float>(), Is.All.Zero);
    }

    [Test]
    public void TheUserIsToldOnceThatKernelsAreCompiledWhereThatTakesTime()
    {
        using ComputeDevice device = ComputeDevice.Open("cpu");
        List<string> notices = [];
        device.Notices = notices.Add;
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor tensor = workspace.Plain<float>(Vector, ElementType.Float32, new float[8]);
        device.NoticeableCompilation = TimeSpan.FromTicks(1);
        Assert.That(notices, Is.Empty);
        Ops.Fill(tensor, 1);
        Ops.Keep(tensor, tensor);
        Ops.Fill(tensor, 1);
        Assert.That(notices, Is.EqualTo(new[] { "compiling kernels for cpu, once for each kernel, in each run" }));
    }

    [Test]
    public void NothingIsSaidOfACompilationThatTakesNoTime()
    {
        using ComputeDevice device = ComputeDevice.Open("cpu");
        List<string> notices = [];
        (device.Notices, device.NoticeableCompilation) = (notices.Add, TimeSpan.FromDays(1));
        using Workspace workspace = new(device, MemoryCategory.Data);
        Ops.Fill(workspace.Plain(Vector, ElementType.Float32), 1);
        Assert.That(notices, Is.Empty);
    }

    // A failed compilation spoils the context, so the device is not the shared one.
    [Test]
    public void AKernelThatDoesNotCompileIsNamed([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using ComputeDevice device = ComputeDevice.Open(TestDevices.Get(id).Listing);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor tensor = workspace.Plain<float>(Vector, ElementType.Float32, new float[8]);
        Assert.That(
            () => device.Launch(BrokenKernels.UsesStrings, device.Grid(1), default, tensor.View<float>()),
            Throws.TypeOf<DeviceException>().With.Message.Match("^kernel UsesStrings does not compile on '.*': .+$"));
    }

    [ExcludeFromCodeCoverage]
    private static class BrokenKernels
    {
        public static void UsesStrings(ArrayView<float> x) => x[0] = string.Concat("a", x.Length.ToString()).Length;
    }
}
