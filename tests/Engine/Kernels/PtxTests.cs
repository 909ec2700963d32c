using System.Text.RegularExpressions;
using Deat.Benchmarks;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>All kernels as NVIDIA GPUs get them, against the committed passport (benchmarks/results/passport).</summary>
[Parallelizable(ParallelScope.All)]
[Category("Repository")]
public sealed class PtxTests
{
    private static readonly PassportFiles Files = PassportFiles.Find();
    private static readonly KernelPassport Committed = Files.ReadKernels();
    private static readonly NvidiaTools? Tools = NvidiaTools.Find();
    private static readonly Lazy<IReadOnlyList<PtxKernel>> Compiled = new(PassportOffice.Compile);

    // The exponential and the logarithm of binary64 are functions on a GPU, with a stack. FAB's step in binary64, which only checks
    // use, has six numbers of its sums there.
    private static readonly Regex MayCallFunctions = new(@"^(LossKernels|BoundaryStepKernels|TanhStepKernels)\..*<Double");

    [Test]
    public void ThePassportHasEveryKernel() => Assert.That(
        Committed.MissingAndNew(PassportOffice.Names), Is.Empty, $"to take it over: {PassportCommand.Regenerate}");

    [Test]
    public void MachineCodeIsWhatThePassportSays()
    {
        if (Tools?.Version != Committed.Ptxas)
            Assert.Ignore($"machine code was not checked: {PassportCommand.NotCompared(Committed, Tools)}");
        KernelPassport now = PassportOffice.Issue(Tools!, Compiled.Value);
        Assert.That(
            Committed.DifferencesTo(now), Is.Empty,
            $"If the change is wanted: {PassportCommand.Regenerate}");
    }

    [Test]
    public void ThePassportIsReadAsItWasWritten()
    {
        ReplayLaunches launches = Files.ReadLaunches();
        Assert.That(KernelPassport.Parse(Committed.ToJson()).DifferencesTo(Committed), Is.Empty);
        Assert.That(
            Files.ReadTable(), Is.EqualTo(PassportTable.Of(Committed, launches)), $"to write it anew: {PassportCommand.Regenerate}");
        Assert.That(
            launches.Kernels.Select(kernel => kernel.Kernel).Distinct(), Is.SubsetOf(PassportOffice.Names),
            $"to count them anew: {PassportCommand.Launches}");
    }

    [Test]
    public void NoKernelSpillsOrUsesLocalMemory()
    {
        Assert.That(Committed.Kernels, Has.Count.GreaterThan(100));
        Assert.That(
            Committed.Kernels.Where(kernel => kernel.Code.Values.Any(code => code.SpillStores + code.SpillLoads > 0))
                .Select(kernel => kernel.Kernel),
            Is.Empty);
        Assert.That(
            Committed.Kernels.Where(kernel => kernel.Code.Values.Any(code => code.Stack > 0)).Select(kernel => kernel.Kernel),
            Has.All.Matches(MayCallFunctions));
    }

    /// <summary>The kernels that nearly all FLOPs are in: at least so many percent of their hottest loop are multiply-adds.</summary>
    [TestCase("GroupContractionKernels.ContractQuads<Single", "FFMA", 80)]
    [TestCase("GroupContractionKernels.ContractParities<Single", "FFMA", 80)]
    [TestCase("TensorCoreKernels.Contract<", "HMMA", 20)]
    public void HotLoopsAreMostlyMultiplyAdds(string kernels, string kind, int percent)
    {
        KernelEntry[] hot = [.. Committed.Kernels.Where(kernel => kernel.Kernel.StartsWith(kernels, StringComparison.Ordinal))];
        Assert.That(hot, Is.Not.Empty);
        foreach (IReadOnlyDictionary<string, int> loop in hot.SelectMany(kernel => kernel.Code.Values).Select(code => code.Loop!))
            Assert.That(100.0 * loop[kind] / loop["instructions"], Is.GreaterThanOrEqualTo(percent));
    }

    // ptxas does not inline what ILGPU did not.
    [Test]
    public void NoKernelCallsFunctions() => Assert.That(
        Compiled.Value.Where(kernel => kernel.Code.Contains("call.uni")).Select(kernel => KernelCatalog.NameOf(kernel.Method)),
        Has.All.Matches(MayCallFunctions));

    [Test]
    public void BarriersStandBetweenWritingAndReading()
    {
        Delegate kernel = MutantKernels.Sound;
        string code = PtxCompiler.Compile([kernel.Method])[0].Code;
        string[] order = [.. Regex.Matches(code, @"st\.shared|bar\.sync|ld\.shared").Select(match => match.Value)];
        Assert.That(order, Is.EqualTo(new[] { "st.shared", "bar.sync", "ld.shared", "bar.sync" }));
    }

    // In one context ILGPU takes a structure of the first for one of the second.
    [Test]
    public void AKernelCompilesWhateverWasCompiledBefore()
    {
        Delegate before = GroupContractionKernels.ContractQuads<float, Narrow, AlongPlaces, NoSums>;
        Delegate after = TensorCoreKernels.Contract<TensorFloat32, ChannelOrder>;
        Assert.That(PtxCompiler.Compile([before.Method, after.Method]), Has.Count.EqualTo(2));
    }

    // The places of logits in order are each item's own, but come from constants and counters.
    [Test]
    public void NoBranchWithAConditionIsMarkedUniform()
    {
        Delegate kernel = LossKernels.ClassOfRank<float>;
        string code = PtxCompiler.Compile([kernel.Method])[0].Code;
        Assert.That(code, Does.Match(@"@!?%p\d+\s+bra\s").And.Not.Match(@"@!?%p\d+\s+bra\.uni"));
    }

    [Test]
    public void PtxThatIsTooNewIsNamed()
    {
        if (Tools is null)
            Assert.Ignore(PassportCommand.NotCompared(Committed, Tools));
        PtxKernel kernel = PtxCompiler.Compile(KernelCatalog.Instances(KernelCatalog.KernelsOf(typeof(FillKernels)).First()))[0];
        string newer = Regex.Replace(kernel.Code, @"\.version \d+\.\d+", ".version 99.0");
        Assert.That(
            () => Tools!.Assemble("A.B", newer, "sm_90"),
            Throws.TypeOf<ToolException>().With.Message.Match(
                @"^A\.B for sm_90: its PTX is of version 99\.0, this ptxas takes \d+\.\d at most"));
    }
}
