using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Issues passports: compiles every kernel, assembles it for each architecture and reads what came out.</summary>
internal static class PassportOffice
{
    /// <summary>The names of all kernels in all instantiations, in order.</summary>
    public static IEnumerable<string> Names => KernelCatalog.All.Select(KernelCatalog.NameOf).Order(StringComparer.Ordinal);

    /// <summary>Compiles kernels to PTX, a class at a time in each thread.</summary>
    /// <exception cref="DeviceException">A kernel does not compile.</exception>
    public static IReadOnlyList<PtxKernel> Compile() =>
        [.. KernelCatalog.Classes.AsParallel()
            .SelectMany(type => PtxCompiler.Compile(KernelCatalog.KernelsOf(type).SelectMany(KernelCatalog.Instances)))];

    /// <summary>The passport of kernels in PTX.</summary>
    /// <exception cref="ToolException">ptxas refuses a kernel.</exception>
    public static KernelPassport Issue(NvidiaTools tools, IReadOnlyList<PtxKernel> kernels)
    {
        MachineCodeFacts[][] facts = [.. Sm.All.Select(sm => Facts(tools, kernels, sm))];
        return new KernelPassport
        {
            Ptxas = tools.Version,
            Kernels = [.. kernels.Select((kernel, index) => Entry(kernel, index)).OrderBy(entry => entry.Kernel, StringComparer.Ordinal)],
        };

        KernelEntry Entry(PtxKernel kernel, int index) => new()
        {
            Kernel = KernelCatalog.NameOf(kernel.Method),
            Group = KernelCatalog.GroupSizeOf(kernel.Method),
            Code = Enumerable.Range(0, Sm.All.Count).ToDictionary(sm => Sm.All[sm].Architecture, sm => facts[sm][index]),
        };
    }

    private static MachineCodeFacts[] Facts(NvidiaTools tools, IReadOnlyList<PtxKernel> kernels, Sm sm)
    {
        Assembled[] assembled = [.. kernels.AsParallel().AsOrdered()
            .Select(kernel => tools.Assemble(KernelCatalog.NameOf(kernel.Method), kernel.Code, sm.Architecture))];
        IReadOnlyList<string> texts = tools.Disassemble([.. assembled.Select(kernel => kernel.Code)], sm.Architecture);
        return [.. kernels.Select((kernel, index) => Facts(sm, KernelCatalog.GroupSizeOf(kernel.Method), assembled[index], texts[index]))];
    }

    private static MachineCodeFacts Facts(Sm sm, int group, Assembled assembled, string disassembly)
    {
        MachineCode code = new(disassembly);
        Occupancy occupancy = sm.Of(group, assembled.Registers, assembled.Shared);
        return new MachineCodeFacts
        {
            Registers = assembled.Registers,
            SpillStores = assembled.SpillStores,
            SpillLoads = assembled.SpillLoads,
            Stack = assembled.Stack,
            Shared = assembled.Shared,
            Warps = occupancy.Warps,
            Limit = occupancy.Limit,
            Instructions = code.Count,
            Loop = code.HottestLoop(),
        };
    }
}
