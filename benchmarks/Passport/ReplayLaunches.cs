using System.Text.Json;

namespace Deat.Benchmarks;

/// <summary>What one DEAT replay launches of a kernel.</summary>
/// <param name="Device">Who: "cpu", "opencl", or "gpu" for what GPUs get, wherever it ran.</param>
/// <param name="Batch">Images.</param>
/// <param name="Kernel">Class, name and type arguments.</param>
/// <param name="Launches">How often.</param>
/// <param name="Flops">Floating-point operations of all of them together.</param>
/// <param name="Bytes">Bytes that they must read and write.</param>
internal sealed record KernelLaunches(string Device, int Batch, string Kernel, long Launches, long Flops, long Bytes);

/// <summary>The launches of one DEAT replay of PreAct-ResNet-18, as the engine's ledger counts them on each kind of device.</summary>
internal sealed record ReplayLaunches
{
    /// <summary>What GPUs get.</summary>
    public const string Gpu = "gpu";

    /// <summary>The kernels of each device.</summary>
    public required IReadOnlyList<KernelLaunches> Kernels { get; init; }

    public static ReplayLaunches Parse(string json) => JsonSerializer.Deserialize<ReplayLaunches>(json, KernelPassport.Compact)!;

    /// <summary>JSON with one line for each kernel.</summary>
    public string ToJson() => $$"""
        {"kernels": [
        {{string.Join(",\n", Kernels.Select(kernel => JsonSerializer.Serialize(kernel, KernelPassport.Compact)))}}
        ]}

        """;

    /// <summary>Those of one device, most FLOPs first, then most bytes.</summary>
    public IEnumerable<KernelLaunches> Of(string device) => Kernels.Where(kernel => kernel.Device == device)
        .OrderByDescending(kernel => kernel.Flops).ThenByDescending(kernel => kernel.Bytes);
}
