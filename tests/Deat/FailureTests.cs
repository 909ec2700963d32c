using Deat.Engine;
using Deat.Nn;
using Deat.Training;
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
}
