using System.Diagnostics;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>A kernel that was compiled.</summary>
/// <param name="Kernel">Class, name and type arguments.</param>
/// <param name="Time">How long it took; drivers may put a part off until the kernel runs.</param>
/// <param name="Source">What the driver was given, PTX or OpenCL C; null on the CPU accelerator, where .NET compiles the method.</param>
public sealed record KernelBuild(string Kernel, TimeSpan Time, string? Source);

/// <summary>Kernels are compiled when they are first launched, and the user is told where that takes time.</summary>
public sealed partial class ComputeDevice
{
    private TimeSpan _compilation;

    /// <summary>From how much time spent on compilation the user is told.</summary>
    internal TimeSpan NoticeableCompilation { get; set; } = TimeSpan.FromSeconds(2);

    private TLauncher Compile<TKernel, TLauncher>(
        TKernel kernel, Func<Accelerator, TKernel, KernelSpecialization, TLauncher> load, Func<ItemWorkers, TKernel, TLauncher> deal)
        where TKernel : Delegate
        where TLauncher : Delegate
    {
        RequireNotRecording();
        long start = Stopwatch.GetTimestamp();
        try
        {
            TLauncher launcher = Accelerator is CudaAccelerator gpu
                ? PtxCompiler.Load<TLauncher>(gpu, kernel.Method)
                : load(Accelerator, kernel, KernelCatalog.BoundsOf(kernel.Method));
            string? source = SourceOf(launcher);
            if (Traits.Backend == Backend.Cpu)
                launcher = deal(_workers, kernel);
            _launchers[kernel.Method] = launcher;
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            Noticed(time);
            Builds?.Invoke(new KernelBuild(KernelCatalog.NameOf(kernel.Method), time, source));
            _timer?.SubmitAgain();
            return launcher;
        }
        catch (Exception e)
        {
            string reason = BuildLog.Explain(Accelerator, kernel.Method, e);
            throw new DeviceException($"kernel {kernel.Method.Name} does not compile on '{Name}': {reason}", e);
        }
    }

    private static string? SourceOf(Delegate launcher) => launcher.TryGetKernel(out Kernel? kernel)
        ? kernel.CompiledKernel switch
        {
            PTXCompiledKernel ptx => ptx.PTXAssembly,
            CLCompiledKernel opencl => opencl.Source,
            _ => null,
        }
        : null;

    // Where kernels come from a driver's cache it takes no time worth a word; .NET keeps none.
    private void Noticed(TimeSpan compilation)
    {
        bool wasShort = _compilation < NoticeableCompilation;
        _compilation += compilation;
        if (wasShort && _compilation >= NoticeableCompilation)
        {
            string kept = Traits.Backend == Backend.Cpu ? "in each run" : "and drivers keep them for the next run";
            Notices?.Invoke($"compiling kernels for {Listing.Id}, once for each kernel, {kept}");
        }
    }
}
