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
}
