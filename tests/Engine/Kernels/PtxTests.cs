using System.Reflection;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Deat.Tests;

[Parallelizable(ParallelScope.All)]
public sealed class PtxTests
{
    public static IEnumerable<TestCaseData> Classes =>
        KernelCatalog.Classes.Select(type => new TestCaseData(type) { TestName = $"AssemblesWithoutSpills({type.Name})" });

    /// <summary>Every kernel, in every instantiation, for sm_90.</summary>
    [TestCaseSource(nameof(Classes))]
    public void AssemblesWithoutSpills(Type type)
    {
        MethodInfo[] kernels = [.. KernelCatalog.KernelsOf(type).SelectMany(KernelCatalog.Instances)];
        Assert.That(kernels, Is.Not.Empty);
        IReadOnlyList<(string Name, string Code)> compiled = Ptx.Compile(kernels);
        // The exponential and the logarithm of binary64 are functions on a GPU.
        IEnumerable<string> calling = compiled.Where(kernel => kernel.Code.Contains("call.uni")).Select(kernel => kernel.Name);
        Assert.That(calling.Where(name => !name.StartsWith("LossKernels.") || !name.Contains("<Double")), Is.Empty, "calls functions");
        if (Ptx.Assembler is null)
            return;
        string[] spilling = [.. compiled.AsParallel().Where(kernel => Spills(kernel.Code)).Select(kernel => kernel.Name)];
        Assert.That(spilling, Is.Empty);
    }

    [Test]
    public void BarriersStandBetweenWritingAndReading()
    {
        Delegate kernel = MutantKernels.Sound;
        string code = Ptx.Compile([kernel.Method])[0].Code;
        string[] order = [.. Regex.Matches(code, @"st\.shared|bar\.sync|ld\.shared").Select(match => match.Value)];
        Assert.That(order, Is.EqualTo(new[] { "st.shared", "bar.sync", "ld.shared", "bar.sync" }));
    }

    private static bool Spills(string code)
    {
        string report = Ptx.Assemble(code);
        MatchCollection spills = Regex.Matches(report, @"(\d+) bytes spill");
        return spills.Count == 0 || spills.Any(spill => spill.Groups[1].Value != "0");
    }
}
