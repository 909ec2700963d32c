using System.Reflection;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Every op of the table on every device.</summary>
public sealed class OpTests
{
    public static IEnumerable<TestCaseData> Everywhere => Cases(OpSpecs.All);

    public static IEnumerable<TestCaseData> DifferentiableEverywhere => Cases(OpSpecs.All.Where(spec => spec.Differentiable));

    public static IEnumerable<TestCaseData> Refusals => OpSpecs.All.SelectMany(spec =>
        spec.Errors.Select(error => new TestCaseData(spec, error.Call) { TestName = $"Refuses({spec.Title}: {error.What})" }));

    [TestCaseSource(nameof(Everywhere))]
    public void GivesWhatTheReferenceGives(object spec, string device)
    {
        // 200 where a driver compiles; 50 on the CPU accelerator, and of a GPU's kernels on a CPU's driver.
        ComputeDevice opened = TestDevices.Get(device);
        bool isDriver = opened.Traits.Backend != Backend.Cpu && !device.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal);
        foreach (int seed in Seeds(isDriver ? 200 : 50))
            OpCheck.Run((OpSpec)spec, opened, seed);
    }

    [TestCaseSource(nameof(Everywhere))]
    public void SpecialValuesArriveWhereTheTextSays(object spec, string device)
    {
        ComputeDevice opened = TestDevices.Get(device);
        foreach (int seed in Seeds(device.EndsWith(TestDevices.AsGpu, StringComparison.Ordinal) ? 4 : 40))
            SpecialValues.Run((OpSpec)spec, opened, seed);
    }

    [TestCaseSource(nameof(DifferentiableEverywhere))]
    public void GradientsAreTheDifferencesOfTheForwardPass(object spec, string device)
    {
        // The formula is the same everywhere, and each device's gradients are compared with the reference's.
        int cases = device == "cpu" ? 20 : 4;
        ComputeDevice opened = TestDevices.Get(device);
        opened.Pool.Poison = false;
        try
        {
            foreach (int seed in Seeds(cases))
                GradientCheck.Run((OpSpec)spec, opened, seed);
        }
        finally
        {
            opened.Pool.Poison = true;
        }
    }

    [TestCaseSource(nameof(Refusals))]
    public void Refuses(object spec, object call)
    {
        using Tape tape = new(TestDevices.Get("cpu"), Wanted.Both);
        ArgumentException error = Assert.Throws<ArgumentException>(() => ((Action<Tape>)call)(tape))!;
        // Variants of an op may share their checks: BatchNormRelu speaks as BatchNorm.
        Assert.That(((OpSpec)spec).Name, Does.StartWith(error.Message.Split(':')[0]));
    }

    [Test]
    public void EveryPublicOpIsInTheTable()
    {
        IEnumerable<string> ops = typeof(Ops).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Select(method => method.Name).Distinct();
        // ProbesTests has those that only measure a device.
        ops = ops.Except(
            [nameof(Ops.Copy), nameof(Ops.MultiplyAdds), nameof(Ops.MatrixProducts), nameof(Ops.MatrixProductFlops)]);
        Assert.That(ops, Is.SubsetOf(OpSpecs.All.Select(spec => spec.Name)));
    }

    private static IEnumerable<TestCaseData> Cases(IEnumerable<OpSpec> specs) =>
        from spec in specs
        from device in TestDevices.Ids
        select new TestCaseData(spec, device);

    // DEAT_SEED runs one seed alone.
    private static IEnumerable<int> Seeds(int count) => FreshSeed.Given is int seed ? [seed] : Enumerable.Range(1, count);
}
