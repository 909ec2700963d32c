using NUnit.Framework;

namespace Deat.Tests;

public sealed class ContractionKernelsTests
{
    /// <summary>
    /// With bounds checks on, as in all other tests, the CPU accelerator runs the tile that other devices get. Without, as outside the
    /// tests, it runs the one of Vector256 and loads by pointers: the whole table of ops again, in a process of its own.
    /// </summary>
    [Test]
    public void WhatRunsOutsideTheTestsGivesWhatTheReferenceGives()
    {
        string tests = typeof(ContractionKernelsTests).Assembly.Location;
        (int code, string output) = ChildProcess.Run(
            [tests, "ops", "cpu", "24", $"{Draw.UsualBudget}"], ("DEAT_CHECK_BOUNDS", "0"));
        Assert.That(code, Is.Zero, output);
    }
}
