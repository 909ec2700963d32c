using System.Text.RegularExpressions;
using Deat.Engine;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime.OpenCL;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class SyncTests
{
    // The CPU accelerator runs groups of two at most.
    public static IEnumerable<string> DevicesWithGroups => TestDevices.Ids.Where(id => id != "cpu");

    private const string Fence = "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)";

    [Test]
    public void BarriersFenceSharedMemoryAndStayInPlace()
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Ids.FirstOrDefault(id => id.StartsWith("opencl", StringComparison.Ordinal))
            ?? throw new IgnoreException("no OpenCL device"));
        Delegate kernel = MutantKernels.Sound;
        CLBackend backend = ((CLAccelerator)device.Accelerator).Backend;
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        string source = ((CLCompiledKernel)backend.Compile(entry, default)).Source;
        string[] order = [.. Regex.Matches(source, @"barrier\([^)]*\)|= +\* +var\d+;").Select(match => match.Value)];
        Assert.That(order.Select(part => part == Fence), Is.EqualTo(new[] { false, true, false, true }), source);
    }

    /// <summary>The mirror sums of the numbers 0 to 47 in tiles of 16: (15 - i) + (31 - i) + (47 - i).</summary>
    [Test]
    public void GroupsShareWhatTheyLoaded([ValueSource(nameof(DevicesWithGroups))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] sums = MutantKernels.Launch(device, MutantKernels.Sound).Sums;
        Assert.That(sums, Is.EqualTo(Enumerable.Range(0, sums.Length).Select(i => 93f - (3 * (i % MutantKernels.GroupSize)))));
    }
}
