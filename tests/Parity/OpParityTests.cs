using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Single ops in float64 against libtorch: results, gradients, running statistics.</summary>
public sealed class OpParityTests
{
    private const double Tolerance = 1e-11;

    private static readonly GoldenFile File = GoldenFile.Open("ops");

    private static IEnumerable<string> Names => OpCases.Names;

    private static IEnumerable<string> WithWeights =>
        Names.Where(op => op == "sgd" || OpCases.Of(op).First().Operands.Any(o => o.Role == Role.Parameter));

    [Test]
    public void MatchesLibtorch(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [ValueSource(nameof(Names))] string op)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assume.That(device.Traits.HasFloat64);
        Deviations deviations = new();
        foreach (OpCase @case in OpCases.Of(op))
            GoldenRun.Compare(deviations, @case, File, device, ElementType.Float64);
        deviations.RequireWithin(Tolerance);
    }

    [Test]
    public void EveryCaseSeesOneChangedWeight([ValueSource(nameof(WithWeights))] string op)
    {
        OpCase[] changed = [.. OpCases.Of(op).Select(@case => GoldenRun.ChangeWeight(@case, File)).OfType<OpCase>()];
        Assert.That(changed, Is.Not.Empty);
        foreach (OpCase @case in changed)
        {
            Deviations deviations = new();
            GoldenRun.Compare(deviations, @case, File, TestDevices.Get("cpu"), ElementType.Float64);
            Assert.That(deviations.Largest, Is.GreaterThan(Tolerance), @case.Geometry);
        }
    }

    [Test]
    public void AllCasesAreCompared() => Assert.That(
        Names.SelectMany(OpCases.Of).Select(@case => @case.Geometry).Distinct(), Is.EquivalentTo(File.Groups()));
}
