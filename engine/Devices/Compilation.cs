using System.Diagnostics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>Kernels are compiled when they are first launched, and the user is told where that takes time.</summary>
public sealed partial class ComputeDevice
{
    private TimeSpan _compilation;

    /// <summary>From how much time spent on compilation the user is told.</summary>
    internal TimeSpan NoticeableCompilation { get; set; } = TimeSpan.FromSeconds(2);

    private TLauncher Compile<TKernel, TLauncher>(TKernel kernel, Func<Accelerator, TKernel, KernelSpecialization, TLauncher> load)
        where TKernel : Delegate
        where TLauncher : Delegate
    {
        RequireNotRecording();
        long start = Stopwatch.GetTimestamp();
        try
        {
            TLauncher launcher = load(Accelerator, kernel, KernelCatalog.BoundsOf(kernel.Method));
            _launchers[kernel.Method] = launcher;
            Noticed(Stopwatch.GetElapsedTime(start));
            _timer?.SubmitAgain();
            return launcher;
        }
        catch (Exception e)
        {
            string reason = BuildLog.Explain(Accelerator, kernel.Method, e);
            throw new DeviceException($"kernel {kernel.Method.Name} does not compile on '{Name}': {reason}", e);
        }
    }

    // Where kernels come from a cache it takes no time worth a word.
    private void Noticed(TimeSpan compilation)
    {
        bool wasShort = _compilation < NoticeableCompilation;
        _compilation += compilation;
        if (wasShort && _compilation >= NoticeableCompilation)
            Notices?.Invoke($"compiling kernels for {Listing.Id}, once for each kernel; drivers keep them for the next run");
    }
}
