using System.Diagnostics;
using System.Reflection;
using Deat.Engine;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace Deat.Tests;

/// <summary>Compiles kernels for an NVIDIA GPU that need not be there.</summary>
internal static class Ptx
{
    /// <summary>NVIDIA's assembler: $DEAT_PTXAS, or ptxas of the PATH; null if there is none.</summary>
    public static string? Assembler { get; } = Environment.GetEnvironmentVariable("DEAT_PTXAS")
        ?? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, "ptxas")).FirstOrDefault(File.Exists);

    /// <summary>The PTX code of each kernel. A failed compilation spoils its context, so this makes one of its own.</summary>
    public static IReadOnlyList<(string Name, string Code)> Compile(IEnumerable<MethodInfo> kernels)
    {
        using Context context = DeviceCatalog.CreateContext();
        using PTXBackend backend = new(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_78, null!);
        List<(string, string)> compiled = [];
        foreach (MethodInfo kernel in kernels)
        {
            try
            {
                CompiledKernel code = backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), default);
                compiled.Add((NameOf(kernel), ((PTXCompiledKernel)code).PTXAssembly));
            }
            catch (Exception e)
            {
                throw new CheckFailedException($"{NameOf(kernel)} does not compile to PTX: {e}", e);
            }
        }

        return compiled;
    }

    /// <summary>What ptxas says about registers and spills.</summary>
    public static string Assemble(string code)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, code);
        ProcessStartInfo start = new(Assembler!, ["-arch=sm_90", "-v", file, "-o", "/dev/null"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string report = process.StandardError.ReadToEnd() + output.Result;
        process.WaitForExit();
        File.Delete(file);
        return process.ExitCode == 0 ? report : throw new CheckFailedException(report);
    }

    private static string NameOf(MethodInfo kernel)
    {
        string types = string.Join(", ", kernel.GetGenericArguments().Select(type => type.Name.Split('`')[0]));
        return $"{kernel.DeclaringType!.Name}.{kernel.Name}{(types.Length == 0 ? "" : $"<{types}>")}";
    }
}
