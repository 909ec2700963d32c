using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Ten random cases of every op under Oclgrind, on the kernels of CPUs and on those of GPUs.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class OclgrindTests
{
    // Oclgrind interprets: a ten-thousandth of the speed of a processor.
    private const string Budget = "150";

    [Test]
    public void NoOpRacesOrLeavesItsTensors([Values("opencl:0", "opencl:0" + TestDevices.AsGpu)] string device)
    {
        Oclgrind.Require();
        OclgrindResult result = Oclgrind.Races("ops", device, "10", Budget);
        Assert.That(result.Log, Is.Empty);
        Assert.That(result.Output, Does.Not.Contain("FATAL"));
        Assert.That(result.ExitCode, Is.Zero, result.Output);
    }

    /// <summary>Copies, stages and the emulated instructions of the tensor core kernels.</summary>
    [Test]
    public void TensorCoreKernelsDoNotRace()
    {
        Oclgrind.Require();
        OclgrindResult result = Oclgrind.Races(256 * 1024, "tensor-cores", "opencl:0" + TestDevices.AsGpu, "2");
        Assert.That(result.Log, Is.Empty);
        Assert.That(result.Output, Does.Not.Contain("FATAL"));
        Assert.That(result.ExitCode, Is.Zero, result.Output);
    }
}
