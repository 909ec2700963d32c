using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>A kernel in PTX.</summary>
/// <param name="Method">The kernel.</param>
/// <param name="Code">One module with one entry point.</param>
internal sealed record PtxKernel(MethodInfo Method, string Code);

/// <summary>Compiles kernels for an NVIDIA GPU that need not be there.</summary>
internal static class PtxCompiler
{
    /// <summary>
    /// The PTX of each kernel, in a context of its own because a failed compilation spoils it. The code is for sm_80: ILGPU 1.5.3 has no
    /// newer target and writes the same for sm_90.
    /// </summary>
    /// <exception cref="DeviceException">A kernel does not compile.</exception>
    public static IReadOnlyList<PtxKernel> Compile(IEnumerable<MethodInfo> kernels)
    {
        using Context context = DeviceCatalog.CreateCompiler();
        using PTXBackend backend = new(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_78, null!);
        return [.. kernels.Select(kernel => new PtxKernel(kernel, Compile(backend, kernel)))];
    }

    private static string Compile(PTXBackend backend, MethodInfo kernel)
    {
        try
        {
            CompiledKernel code = backend.Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelCatalog.BoundsOf(kernel));
            return ((PTXCompiledKernel)code).PTXAssembly;
        }
        catch (Exception e)
        {
            throw new DeviceException($"kernel {KernelCatalog.NameOf(kernel)} does not compile to PTX: {e.Message}", e);
        }
    }
}
