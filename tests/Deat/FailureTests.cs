using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class FailureTests
{
    [Test]
    public void EachKindOfFailureHasItsExitCode()
    {
        var codes = new (Exception Failure, int Code)[]
        {
            (new InvalidOperationException(), 1), (new UsageException("x"), 2), (new DeviceException("x"), 3),
            (new CheckpointException("x"), 5), (new StateFileException("x"), 5), (new NumericException("x"), 6),
            (new StorageException("x"), 7),
        };
        foreach (var (failure, code) in codes)
            Assert.That(Failure.ExitCodeOf(failure), Is.EqualTo(code), failure.GetType().Name);
    }

    // A kernel that fails on the device shows in whatever the host asks the driver for next.
    [Test]
    public void WhatADriverFailsToDoIsTheDevicesFailure()
    {
        foreach (Exception ofDriver in (Exception[])[new CudaException(), new CLException(CLError.CL_OUT_OF_RESOURCES)])
        {
            Exception failure = DeviceException.Of(ofDriver);
            Assert.That(failure, Is.TypeOf<DeviceException>().With.InnerException.SameAs(ofDriver));
            Assert.That(Failure.ExitCodeOf(failure), Is.EqualTo(ExitCodes.Device));
        }

        InvalidOperationException own = new("x");
        Assert.That(DeviceException.Of(own), Is.SameAs(own));
    }
}
