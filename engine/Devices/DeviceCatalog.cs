using System.Reflection;
using System.Runtime.Intrinsics;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Deat.Engine;

/// <summary>A device of this machine, or a reason why there is none.</summary>
/// <param name="Id">What `--device` takes: "cuda:0", "opencl:0", "cpu".</param>
/// <param name="Name">The device's own name.</param>
/// <param name="Driver">Driver or platform with its version.</param>
/// <param name="Traits">Facts that decide about kernels.</param>
/// <param name="Refusal">Why it cannot be used; null when it can.</param>
public sealed record DeviceListing(string Id, string Name, string Driver, DeviceTraits Traits, string? Refusal)
{
    /// <summary>Whether <see cref="ComputeDevice.Open(string)"/> takes it.</summary>
    public bool IsUsable => Refusal is null;
}

/// <summary>Lists and selects devices. ILGPU drops devices without a word; here each has its reason.</summary>
internal static class DeviceCatalog
{
    public static Context CreateContext()
    {
        NativeLibraries.Install();
        Context.Builder builder = CompilerOptions();
        builder.Cuda();
        builder.OpenCL(device => AllowSpecificAddressSpaces(device));
        // Its own threads run nothing: see ItemWorkers.
        builder.CPU(new CPUDevice(2, 1, Environment.ProcessorCount));
        return builder.ToContext();
    }

    /// <summary>A context that compiles and has no devices.</summary>
    public static Context CreateCompiler() => CompilerOptions().ToContext();

    public static IReadOnlyList<DeviceListing> List()
    {
        using Context context = CreateContext();
        List<DeviceListing> found = [];
        found.AddRange(context.Devices.OfType<CudaDevice>().Select(Describe));
        found.AddRange(context.Devices.OfType<CLDevice>().Select(Describe));
        found.Add(Describe(context.Devices.OfType<CPUDevice>().First()));
        return [.. found.OrderBy(listing => listing switch
        {
            { Traits.Backend: Backend.Cuda } => 0,
            { Traits: { Backend: Backend.OpenCL, IsCpuLike: false } } => 1,
            { Traits.Backend: Backend.OpenCL } => 2,
            _ => 3,
        })];
    }

    /// <summary>One line per kind of driver that is missing: why no device of that kind is listed.</summary>
    public static IReadOnlyList<string> Absences(IReadOnlyList<DeviceListing> devices)
    {
        List<string> lines = [];
        if (devices.All(device => device.Traits.Backend != Backend.Cuda))
        {
            lines.Add(NativeLibraries.Exists("cuda")
                ? "CUDA: driver library loaded, 0 devices"
                : "CUDA: libcuda.so.1 not found; NVIDIA's driver is not installed");
        }

        if (devices.All(device => device.Traits.Backend != Backend.OpenCL))
        {
            lines.Add(NativeLibraries.Exists("OpenCL")
                ? "OpenCL: library loaded, 0 devices: no driver in /etc/OpenCL/vendors, or its cache is not writable (POCL_CACHE_DIR)"
                : "OpenCL: library not found (tried libOpenCL.so, libOpenCL.so.1)");
        }

        return lines;
    }

    public static DeviceListing Find(IReadOnlyList<DeviceListing> all, string id)
    {
        DeviceListing? found = id == "auto"
            ? all.FirstOrDefault(listing => listing.IsUsable)
            : all.FirstOrDefault(listing => listing.Id == id) ?? all.FirstOrDefault(listing => listing.Id == id + ":0");
        string available = string.Join(", ", all.Where(listing => listing.IsUsable).Select(listing => $"{listing.Id} ({listing.Name})"));
        if (found is null)
            throw new DeviceException($"no device matches --device {id}. Available: {available}");
        if (!found.IsUsable)
            throw new DeviceException($"device {found.Id} '{found.Name}' cannot be used: {found.Refusal}. Available: {available}");
        return found;
    }

    public static Device Select(Context context, DeviceListing listing)
    {
        int index = listing.Id.Split(':') is [_, string number] ? int.Parse(number, null) : 0;
        return listing.Traits.Backend switch
        {
            Backend.Cuda => context.GetCudaDevice(index),
            Backend.OpenCL => context.GetCLDevice(index),
            _ => context.Devices.OfType<CPUDevice>().First(),
        };
    }

    private static Context.Builder CompilerOptions()
    {
        // O2 is needed: the default, O1, uses generic pointers, which older OpenCL compilers refuse and which are slow on CUDA.
        Context.Builder builder = Context.Create().Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive);
        builder.EnableAlgorithms();
        Intrinsics.Register(builder);
        return builder;
    }

    private static DeviceListing Describe(CudaDevice device, int index) => new(
        $"cuda:{index}", device.Name, $"CUDA, compute capability {device.Architecture}",
        Traits(device, Backend.Cuda, isCpuLike: false, fp64: true, genericAddressSpace: true) with
        {
            HasTensorCores = device.Architecture is CudaArchitecture architecture && architecture >= CudaArchitecture.SM_80,
            HasGraphs = CudaGraphCalls.Of(NativeLibraries.Find("cuda")) is not null,
        },
        null);

    private static DeviceListing Describe(CLDevice device, int index)
    {
        bool isCpu = device.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_CPU);
        bool fp64 = device.Extensions.Contains("cl_khr_fp64");
        DeviceTraits traits = Traits(device, Backend.OpenCL, isCpu, fp64, device.Capabilities.GenericAddressSpace) with
        {
            VectorWidth = CLAPI.CurrentAPI.GetDeviceInfo<int>(device.DeviceId, CLDeviceInfoType.CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT),
        };
        string? refusal = device.CVersion < new CLCVersion(1, 2) ? $"OpenCL C {device.CVersion}, 1.2 is needed" : null;
        string version = CLAPI.CurrentAPI.GetDeviceInfo(device.DeviceId, CLDeviceInfoType.CL_DRIVER_VERSION).TrimEnd('\0');
        return new($"opencl:{index}", device.Name.Trim(), $"{device.PlatformName} {version}", traits, refusal);
    }

    private static DeviceListing Describe(CPUDevice device) => new(
        "cpu", $"{Environment.ProcessorCount} cores", "ILGPU CPU accelerator, kernels compiled by .NET",
        Traits(device, Backend.Cpu, true, true, true) with
        {
            Processors = Environment.ProcessorCount,
            VectorWidth = Vector512.IsHardwareAccelerated ? 16 : 8,
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        },
        null);

    private static DeviceTraits Traits(Device device, Backend backend, bool isCpuLike, bool fp64, bool genericAddressSpace) => new()
    {
        Backend = backend,
        IsCpuLike = isCpuLike,
        Processors = device.NumMultiprocessors,
        WarpSize = device.WarpSize,
        MaxGroupSize = backend == Backend.Cpu ? 1 : device.MaxNumThreadsPerGroup,
        SharedBytes = device.MaxSharedMemoryPerGroup,
        MemoryBytes = device.MemorySize,
        HasFloat64 = fp64,
        HasGenericAddressSpace = genericAddressSpace,
    };

    /// <summary>
    /// ILGPU refuses devices without a generic address space, though at O2 its code names every address space. PoCL 3.1 and
    /// Oclgrind are such devices and run all kernels here; the setters are internal.
    /// </summary>
    private static bool AllowSpecificAddressSpaces(CLDevice device)
    {
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        if (!device.Capabilities.GenericAddressSpace)
        {
            device.Capabilities.GetType().GetProperty("GenericAddressSpace", Any)!.SetValue(device.Capabilities, true);
            if (device.DeviceVersion < CLDeviceVersion.CL20)
                typeof(CLDevice).GetProperty("DeviceVersion", Any)!.SetValue(device, CLDeviceVersion.CL20);
        }

        return true;
    }
}
