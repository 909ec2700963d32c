using System.Reflection;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Deat.Engine;

/// <summary>Device time of launches: off unless asked for, and then free.</summary>
public sealed partial class ComputeDevice
{
    // cuda.h: CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, LOCAL_SIZE_BYTES, NUM_REGS.
    private const int SharedAttribute = 1, LocalAttribute = 3, RegisterAttribute = 4;

    private LaunchTimer? _timer;

    /// <summary>What times launches now; null where nothing does.</summary>
    internal LaunchTimer? Timer
    {
        get => _timer;
        set
        {
            RequireNotRecording();
            (_timer, _stream) = (value, value?.Stream ?? _ownStream);
        }
    }

    /// <summary>Prepares to time launches, in batches of work. Until then, and between batches, nothing is timed.</summary>
    /// <param name="maxLaunches">So many launches are timed at most; later ones are only counted.</param>
    /// <exception cref="DeviceException">The driver does not tell the time.</exception>
    public LaunchTimer Time(int maxLaunches) => new(this, CreateClock(), maxLaunches, observer: null);

    /// <summary>
    /// Tells <paramref name="observer"/> each launch as soon as it is done, until the result is disposed. The host waits for each one.
    /// </summary>
    /// <exception cref="DeviceException">The driver does not tell the time.</exception>
    public IDisposable Watch(Action<LaunchRecord> observer) => new LaunchTimer(this, CreateClock(), int.MaxValue, observer);

    /// <summary>What the kernels that were launched so far take of the device, by name.</summary>
    public IReadOnlyDictionary<string, KernelResources> Resources() => _launchers
        .Select(pair => (Name: KernelCatalog.NameOf(pair.Key), Resources: ResourcesOf(pair.Key, pair.Value)))
        .DistinctBy(pair => pair.Name)
        .ToDictionary(pair => pair.Name, pair => pair.Resources);

    private IDeviceClock CreateClock() => Accelerator switch
    {
        CLAccelerator opencl => new OpenCLClock(opencl),
        CudaAccelerator => CudaClock.Of((CudaStream)_ownStream)
            ?? throw new DeviceException($"the driver of '{Name}' has no events that tell the time"),
        _ => new HostClock(),
    };

    private KernelResources ResourcesOf(MethodInfo method, Delegate launcher)
    {
        if (!launcher.TryGetKernel(out Kernel? kernel))
            return new KernelResources(null, null, null, null);
        switch (kernel)
        {
            case CudaKernel cuda when CudaEventCalls.Of(NativeLibraries.Find("cuda")) is { } calls:
                int? Attribute(int which) => calls.Attribute(out int value, which, cuda.FunctionPtr) == 0 ? value : null;
                return new KernelResources(
                    Attribute(RegisterAttribute), Attribute(SharedAttribute), Attribute(LocalAttribute),
                    Accelerator.EstimateOccupancyPerMultiprocessor(kernel, KernelCatalog.GroupSizeOf(method)));
            case CLKernel opencl:
                long shared = CLAPI.CurrentAPI.GetKernelWorkGroupInfo<long>(
                    opencl.KernelPtr, ((CLAccelerator)Accelerator).DeviceId, CLKernelWorkGroupInfoType.CL_KERNEL_LOCAL_MEM_SIZE);
                return new KernelResources(null, (int)shared, null, null);
            default:
                return new KernelResources(null, null, null, null);
        }
    }
}
