using System.Text;

namespace Deat.Benchmarks;

/// <summary>The passport for reading: which kernels matter, and what their machine code looks like.</summary>
internal static class PassportTable
{
    private static readonly string[] MultiplyAdds = ["HMMA", "HGMMA", "DMMA", "FFMA", "DFMA", "HFMA2"];

    public static string Of(KernelPassport passport, ReplayLaunches launches)
    {
        Dictionary<string, KernelLaunches> replay = launches.Of(ReplayLaunches.Gpu).ToDictionary(kernel => kernel.Kernel);
        KernelEntry[] single = [.. passport.Kernels.Where(kernel => !kernel.Kernel.Contains("<Double"))];
        ILookup<bool, KernelEntry> inReplay = single.ToLookup(kernel => replay.ContainsKey(kernel.Kernel));
        StringBuilder text = new(Introduction(passport, replay.Values.First().Batch));
        text.Append($"""

            ## In a DEAT replay on a GPU

            Most FLOPs first, then most bytes.

            | kernel | launches | FLOPs | bytes | {Columns}
            | --- | --- | --- | --- | {Rule(Columns)}

            """);
        foreach (KernelLaunches counted in launches.Of(ReplayLaunches.Gpu))
        {
            KernelEntry? kernel = inReplay[true].FirstOrDefault(kernel => kernel.Kernel == counted.Kernel);
            string facts = kernel is null ? "gone |" : Facts(kernel);
            string flops = Share(counted.Flops, replay.Values.Sum(each => each.Flops));
            string bytes = Share(counted.Bytes, replay.Values.Sum(each => each.Bytes));
            text.Append($"| `{counted.Kernel}` | {counted.Launches} | {flops} | {bytes} | {facts}\n");
        }

        text.Append($"""

            ## All others

            Instances over `Lane8` are what CPU-like devices get.

            | kernel | {Columns}
            | --- | {Rule(Columns)}

            """);
        foreach (KernelEntry kernel in inReplay[false])
            text.Append($"| `{kernel.Kernel}` | {Facts(kernel)}\n");
        return text.Append(LaunchTable(launches)).ToString();
    }

    private const string Columns = "group | registers | warps | shared | loop | multiply-adds | memory | integer |";

    private static string Introduction(KernelPassport passport, int batch) => $"""
        # The kernel passport

        What the machine code of every kernel is like on NVIDIA GPUs, found without one: ILGPU compiles to PTX, ptxas {passport.Ptxas}
        assembles it for sm_80 (A100) and sm_90 (H100, H200), nvdisasm shows the instructions. Made by

            {PassportCommand.Regenerate}
            {PassportCommand.Launches}

        from [kernels.json](kernels.json), which has both architectures, the instances for float64 and all counts, and
        [launches.json](launches.json). Where ptxas is present, the tests hold the first against the code: a change of a kernel
        shows here what it did to the machine code.

        - **launches, FLOPs, bytes**: in one replay of PreAct-ResNet-18 with {batch} images; shares of all kernels, by the ledger's prices.
        - **registers** of a work-item, **shared** memory of a group in bytes, sm_80 / sm_90 where they differ.
        - **warps** that a multiprocessor can keep resident at this group size, of {Sm.Warps}, and what stands against more. Few are enough
          where each has many independent multiply-adds, as register tiles have; kernels that wait for memory want many. The rule is in
          [Occupancy.cs](../../Passport/Occupancy.cs).
        - **loop**: instructions of the hottest loop on sm_90 (of those without a loop inside, the one with most multiply-adds and
          accesses; no figure if there is none), and of these the share of **multiply-adds** (FFMA: one each for 32
          items; HMMA: tensor cores), the accesses to **memory** with their width in bits (LDG, STG: global; LDS, STS: shared;
          LDGSTS: global to shared), and the share of **integer** operations.

        {Spills(passport)}

        """;

    private static string Spills(KernelPassport passport)
    {
        return $"Registers spilled to memory: {Those(code => code.SpillStores + code.SpillLoads > 0)}. "
            + $"Local memory: {Those(code => code.Stack > 0)}.";

        string Those(Func<MachineCodeFacts, bool> filter)
        {
            string[] names = [.. passport.Kernels.Where(kernel => kernel.Code.Values.Any(filter)).Select(kernel => $"`{kernel.Kernel}`")];
            return names.Length == 0 ? "in no kernel" : string.Join(", ", names);
        }
    }

    private static string Facts(KernelEntry kernel)
    {
        MachineCodeFacts[] code = [.. Sm.All.Select(sm => kernel.Code[sm.Architecture])];
        IReadOnlyDictionary<string, int>? loop = code[^1].Loop;
        return string.Join(" | ",
            kernel.Group,
            Each(facts => $"{facts.Registers}"),
            Each(facts => facts.Warps == Sm.Warps ? $"{facts.Warps}" : $"{facts.Warps} ({facts.Limit})"),
            Each(facts => $"{facts.Shared}"),
            loop is null ? "" : loop["instructions"],
            loop is null ? "" : string.Join(
                ", ", MultiplyAdds.Where(loop.ContainsKey).Select(kind => $"{kind} {Share(loop[kind], loop["instructions"])}")),
            loop is null ? "" : string.Join(", ", loop.Where(kind => IsAccess(kind.Key)).Select(kind => $"{kind.Value} {kind.Key}")),
            loop is null ? "" : Share(loop.GetValueOrDefault("integer"), loop["instructions"]),
            "").TrimEnd();

        string Each(Func<MachineCodeFacts, string> value) => string.Join(" / ", code.Select(value).Distinct());
    }

    private static string LaunchTable(ReplayLaunches launches)
    {
        string[] devices = [.. launches.Kernels.Select(kernel => kernel.Device).Distinct()];
        ILookup<string, KernelLaunches> byName = launches.Kernels.ToLookup(kernel => kernel.Kernel.Split('<')[0]);
        StringBuilder text = new($"""

            ## Launches of one replay

            All instantiations of a kernel together. `cpu` is ILGPU's CPU accelerator, `opencl` an OpenCL CPU, `gpu` what an H200 gets.

            | kernel | {string.Join(" | ", devices)} |
            | --- | {Rule(string.Join(" | ", devices) + " |")}
            | *images* | {string.Join(" | ", devices.Select(device => launches.Of(device).First().Batch))} |

            """);
        foreach (IGrouping<string, KernelLaunches> kernel in byName.OrderByDescending(LaunchesOnGpu).ThenByDescending(MostLaunches))
            text.Append($"| `{kernel.Key}` | {Counts(kernel)} |\n");
        return text.Append($"| all | {Counts(launches.Kernels)} |\n").ToString();

        static long LaunchesOnGpu(IEnumerable<KernelLaunches> kernels) =>
            kernels.Where(counted => counted.Device == ReplayLaunches.Gpu).Sum(counted => counted.Launches);

        static long MostLaunches(IEnumerable<KernelLaunches> kernels) => kernels.Max(counted => counted.Launches);

        string Counts(IEnumerable<KernelLaunches> kernels) => string.Join(" | ", devices
            .Select(device => kernels.Where(counted => counted.Device == device).Sum(counted => counted.Launches)));
    }

    private static bool IsAccess(string kind) => kind[..2] is "LD" or "ST";

    private static string Rule(string columns) => string.Concat(Enumerable.Repeat("--- | ", columns.Count(c => c == '|'))).TrimEnd();

    private static string Share(long part, long whole) => part == 0 ? "" : (100.0 * part / whole) switch
    {
        < 0.1 => "< 0.1 %",
        < 10 and var percent => $"{percent:F1} %",
        var percent => $"{percent:F0} %",
    };
}
