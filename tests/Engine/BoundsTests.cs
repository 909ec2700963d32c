using NUnit.Framework;

namespace Deat.Tests;

[Parallelizable(ParallelScope.All)]
public sealed class BoundsTests
{
    /// <summary>
    /// Elsewhere the tests run what users run: on the CPU accelerator a tile of Vector256 and loads by pointers that check nothing. Here
    /// they check, and the tile is the one that other devices get: the whole table of ops again, in a process of its own.
    /// </summary>
    [Test]
    public void NoOpLeavesItsViewsOnTheCpuAccelerator()
    {
        string tests = typeof(BoundsTests).Assembly.Location;
        (int code, string output) = ChildProcess.Run(
            [tests, "ops", "cpu", "50", $"{Draw.UsualBudget}"], ("DEAT_CHECK_BOUNDS", "1"));
        Assert.That(code, Is.Zero, output);
    }

    /// <summary>
    /// An index below the beginning of a part of a tensor reaches what lies before it everywhere but on CUDA. Here OpenCL takes it as CUDA
    /// does, and the access ends the process.
    /// </summary>
    [Test]
    public void NoIndexOfATensorCoreKernelIsNegative()
    {
        const string Device = "opencl:0" + TestDevices.AsGpu;
        if (!TestDevices.Ids.Contains(Device))
            Assert.Ignore("no OpenCL CPU");
        string tests = typeof(BoundsTests).Assembly.Location;
        (int code, string output) = ChildProcess.Run([tests, "tensor-cores", Device, "10"], ("DEAT_CHECK_BOUNDS", "1"));
        Assert.That(code, Is.Zero, output);
    }
}
