using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>A kernel in PTX.</summary>
/// <param name="Method">The kernel.</param>
/// <param name="Code">One module with one entry point.</param>
internal sealed record PtxKernel(MethodInfo Method, string Code);

/// <summary>
/// Compiles kernels for NVIDIA GPUs, each in a context of its own: a failed compilation spoils a context, and in one that has compiled
/// another kernel ILGPU 1.5.3 may take one structure for another of as many fields. The tensor core kernels did not compile behind
/// contractions of binary32.
/// </summary>
/// <remarks>
/// Branches: ILGPU 1.5.3 takes what the engine's own instructions return (a multiply-add, say), and what items have when they leave a loop
/// or a condition at different times, for the same in all items of a warp (IR/Analyses/Uniforms.cs), and marks the branches that depend
/// on it "uniform", which is undefined where it is not so. No branch with a condition keeps that mark. The text has no public setter: a
/// version of ILGPU that keeps it elsewhere has its code loaded as it writes it, and so has a driver that refuses the changed text.
/// </remarks>
internal static partial class PtxCompiler
{
    private static readonly FieldInfo? Text = typeof(PTXCompiledKernel).GetField(
        $"<{nameof(PTXCompiledKernel.PTXAssembly)}>k__BackingField", BindingFlags.Instance | BindingFlags.NonPublic);

    /// <summary>
    /// The PTX of each kernel, for a GPU that need not be there. The code is for sm_80: ILGPU 1.5.3 has no newer target and writes the same
    /// for sm_90.
    /// </summary>
    /// <exception cref="DeviceException">A kernel does not compile.</exception>
    public static IReadOnlyList<PtxKernel> Compile(IEnumerable<MethodInfo> kernels) => [.. kernels.Select(kernel =>
        new PtxKernel(kernel, Compile(kernel, CudaArchitecture.SM_80, CudaInstructionSet.ISA_78).PTXAssembly))];

    /// <summary>A kernel's launcher on a GPU.</summary>
    /// <typeparam name="TLauncher">The delegate that ILGPU would make: stream, configuration, arguments.</typeparam>
    public static TLauncher Load<TLauncher>(CudaAccelerator gpu, MethodInfo kernel)
        where TLauncher : Delegate
    {
        try
        {
            return Load(changes: true);
        }
        catch (CudaException)
        {
            return Load(changes: false);
        }

        TLauncher Load(bool changes) =>
            gpu.LoadKernel(Compile(kernel, gpu.Architecture, gpu.InstructionSet, changes)).CreateLauncherDelegate<TLauncher>();
    }

    private static PTXCompiledKernel Compile(
        MethodInfo kernel, CudaArchitecture architecture, CudaInstructionSet instructionSet, bool changes = true)
    {
        using Context context = DeviceCatalog.CreateCompiler();
        using PTXBackend backend = new(context, architecture, instructionSet, null!);
        try
        {
            var code = (PTXCompiledKernel)backend.Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelCatalog.BoundsOf(kernel));
            if (changes)
                Text?.SetValue(code, UniformBranch().Replace(code.PTXAssembly, "$1"));
            return code;
        }
        catch (Exception e)
        {
            throw new DeviceException($"kernel {KernelCatalog.NameOf(kernel)} does not compile to PTX: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"(@!?%\w+\s+bra|brx\.idx)\.uni")]
    private static partial Regex UniformBranch();
}
