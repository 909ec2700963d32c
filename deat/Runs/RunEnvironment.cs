using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using Deat.Engine;

namespace Deat.Training;

/// <summary>What env.json says about where a run was made.</summary>
public static class RunEnvironment
{
    /// <summary>Describes the device and the machine.</summary>
    /// <param name="device">The device's name.</param>
    /// <param name="backend">CUDA, OpenCL or CPU, with what compiled the kernels.</param>
    /// <param name="driver">The driver's version; null where there is none.</param>
    public static JsonObject Describe(string device, string backend, string? driver)
    {
        // The SDK appends the commit to the informational version: 0.1.0+sha.
        var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?
            .InformationalVersion.Split('+') ?? [];
        var ilgpu = typeof(ElementType).Assembly.GetReferencedAssemblies().FirstOrDefault(a => a.Name == "ILGPU")?.Version;
        JsonObject described = new()
        {
            ["device"] = device,
            ["backend"] = backend,
            ["driver"] = driver,
            ["deat"] = version.ElementAtOrDefault(0),
            ["commit"] = version.ElementAtOrDefault(1),
            ["ilgpu"] = ilgpu?.ToString(3),
            ["dotnet"] = RuntimeInformation.FrameworkDescription,
            ["os"] = RuntimeInformation.OSDescription,
            ["cpu"] = ProcessorName(),
            ["cores"] = Environment.ProcessorCount,
            ["simd"] = Simd(),
        };
        if (Environment.GetEnvironmentVariable(ComputeDevice.ConvolutionVariable) is { Length: > 0 } convolution)
            described["convolution"] = convolution;
        return described;
    }

    // Machines that are rented often hide the processor's model.
    private static string Simd() => Avx512F.IsSupported ? "AVX-512"
        : Avx2.IsSupported ? "AVX2"
        : $"{8 * Vector<byte>.Count} bits";

    private static string ProcessorName()
    {
        const string Key = "model name";
        var line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(Key)) : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
