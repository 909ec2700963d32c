using System.Text.RegularExpressions;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Who guards the guards: twelve planted faults, each caught by the stage that should catch it.</summary>
public sealed class MutantTests
{
    private static readonly (string Kernel, string Finding)[] Planted =
    [
        (nameof(MutantKernels.GlobalWritePastEnd), "Invalid write of size 4 at global memory"),
        (nameof(MutantKernels.GlobalReadPastEnd), "Invalid read of size 4 at global memory"),
        (nameof(MutantKernels.SharedWritePastEnd), "Invalid write of size 4 at local memory"),
        (nameof(MutantKernels.NoBarrierAfterWriting), "data race at local memory"),
        (nameof(MutantKernels.NoBarrierAfterReading), "data race at local memory"),
        (nameof(MutantKernels.AccumulatesWithoutAtomic), "data race at global memory"),
        (nameof(MutantKernels.OneCellFromAllGroups), "data race at global memory"),
        // The last one: Oclgrind ends the process's kernels with it.
        (nameof(MutantKernels.DivergentBarrier), "divergen"),
    ];

    private static readonly Lazy<OclgrindResult> Races =
        new(() => Oclgrind.Races(["mutants", "opencl:0", nameof(MutantKernels.Sound), .. Planted.Select(fault => fault.Kernel)]));

    private static readonly Lazy<OclgrindResult> Uninitialized = new(() => Oclgrind.Uninitialized(
        "mutants", "opencl:0", nameof(MutantKernels.Sound), nameof(MutantKernels.UninitializedShared)));

    public static IEnumerable<TestCaseData> Findings => Planted.Select(fault => new TestCaseData(fault.Kernel, fault.Finding));

    public static IEnumerable<TestCaseData> Faults =>
        from fault in Enum.GetValues<ConvolutionFault>()
        from device in TestDevices.Ids
        select new TestCaseData(fault, device);

    [TestCaseSource(nameof(Findings))]
    public void OclgrindFinds(string kernel, string finding)
    {
        Oclgrind.Require();
        Assert.That(FindingsIn(Races.Value, kernel), Has.Some.Contains(finding).IgnoreCase, Races.Value.Log + Races.Value.Output);
    }

    [Test]
    public void OclgrindFindsWhatNobodyWrote()
    {
        Oclgrind.Require();
        IEnumerable<string> findings = FindingsIn(Uninitialized.Value, nameof(MutantKernels.UninitializedShared));
        Assert.That(findings, Has.Some.Contains("Uninitialized value"), Uninitialized.Value.Log + Uninitialized.Value.Output);
    }

    [Test]
    public void OclgrindFindsNothingInTheSoundKernel()
    {
        Oclgrind.Require();
        Assert.That(FindingsIn(Races.Value, nameof(MutantKernels.Sound)), Is.Empty);
        Assert.That(FindingsIn(Uninitialized.Value, nameof(MutantKernels.Sound)), Is.Empty);
    }

    [TestCaseSource(nameof(Faults))]
    public void TheOpTableCatches(object fault, string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        OpSpec spec = MutantConvolution.Spec((ConvolutionFault)fault);
        bool isSound = (ConvolutionFault)fault == ConvolutionFault.None;
        Assert.That(Enumerable.Range(1, 50).Any(seed => Fails(spec, device, seed)), Is.Not.EqualTo(isSound));
    }

    private static bool Fails(OpSpec spec, ComputeDevice device, int seed)
    {
        try
        {
            OpCheck.Run(spec, device, seed, budget: 1000);
            return false;
        }
        catch (CheckFailedException)
        {
            return true;
        }
    }

    // Messages are parted by empty lines; ILGPU puts its own word before the name.
    private static IEnumerable<string> FindingsIn(OclgrindResult result, string kernel) =>
        Regex.Split(result.Log, @"\n\s*\n").Where(message => Regex.IsMatch(message, $@"Kernel:\s+\w*_{kernel}\b"));
}
