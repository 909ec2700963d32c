using System.Globalization;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>
/// Joules since it was made, where the machine counts them: NVIDIA GPUs through NVML, processors through Linux' powercap (RAPL), which
/// counts whole packages with whatever else runs on them.
/// </summary>
public sealed class EnergyMeter
{
    private readonly Func<double?>? _joules;

    internal EnergyMeter(string source, Func<double?>? joules) => (Source, _joules) = (source, joules);

    /// <summary>Whose energy it is, or why there is none.</summary>
    public string Source { get; }

    /// <summary>Joules since the meter was made; null where the machine does not tell.</summary>
    public double? Joules => _joules?.Invoke();

    /// <summary>The meter of a device.</summary>
    public static EnergyMeter Of(ComputeDevice device) => device.Listing.Traits switch
    {
        { Backend: Backend.Cuda } => Nvml(
            NvmlCalls.Of(NativeLibraries.Find("nvidia-ml")), ((CudaAccelerator)device.Accelerator).Device.NVMLPCIBusId),
        { IsCpuLike: true } => Powercap("/sys/class/powercap"),
        _ => new EnergyMeter("n/a: this driver does not tell", null),
    };

    /// <summary>The packages below a folder as Linux has it.</summary>
    internal static EnergyMeter Powercap(string folder)
    {
        try
        {
            Package[] packages = [.. (Directory.Exists(folder) ? Directory.GetDirectories(folder, "intel-rapl:*") : [])
                .Where(path => File.ReadAllText(Path.Combine(path, "name")).StartsWith("package", StringComparison.Ordinal))
                .Select(path => new Package(path))];
            if (packages.Length == 0)
                return new EnergyMeter("n/a: this machine has no RAPL counters", null);
            string source = $"RAPL, {packages.Length} package(s), all that runs on them";
            return new EnergyMeter(source, () => packages.Sum(package => package.Joules()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return new EnergyMeter("n/a: the RAPL counters cannot be read", null);
        }
    }

    /// <summary>A GPU by its address on the bus.</summary>
    internal static EnergyMeter Nvml(NvmlCalls? calls, string busId)
    {
        if (calls is null || calls.Open(busId) is not nint device || calls.Millijoules(device) is not ulong start)
            return new EnergyMeter("n/a: NVML does not tell", null);
        return new EnergyMeter("NVML, the whole GPU", () => (calls.Millijoules(device) - start) / 1e3);
    }

    /// <summary>A counter of microjoules that begins anew at the end of its range.</summary>
    private sealed class Package
    {
        private readonly string _counter;
        private readonly long _range;
        private long _last;
        private long _sum;

        public Package(string path)
        {
            _counter = Path.Combine(path, "energy_uj");
            _range = Read(Path.Combine(path, "max_energy_range_uj"));
            _last = Read(_counter);
        }

        public double Joules()
        {
            long now = Read(_counter);
            _sum += now >= _last ? now - _last : now + _range - _last;
            _last = now;
            return _sum / 1e6;
        }

        private static long Read(string file) => long.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture);
    }
}

/// <summary>The calls of NVIDIA's management library that count energy. Source: NVML API reference, device queries.</summary>
internal sealed unsafe class NvmlCalls
{
    private readonly delegate* unmanaged<int> _initialize;
    private readonly delegate* unmanaged<byte*, nint*, int> _find;
    private readonly delegate* unmanaged<nint, ulong*, int> _energy;

    private NvmlCalls(nint[] calls)
    {
        _initialize = (delegate* unmanaged<int>)calls[0];
        _find = (delegate* unmanaged<byte*, nint*, int>)calls[1];
        _energy = (delegate* unmanaged<nint, ulong*, int>)calls[2];
    }

    /// <summary>The calls of a loaded library; null if it is 0 or one is missing.</summary>
    public static NvmlCalls? Of(nint library)
    {
        string[] names = ["nvmlInit_v2", "nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetTotalEnergyConsumption"];
        if (library == 0)
            return null;
        nint[] calls = [.. names.Select(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0)];
        return calls.Contains(0) ? null : new NvmlCalls(calls);
    }

    /// <summary>The device at an address on the bus; null if there is none.</summary>
    public nint? Open(string busId)
    {
        byte* text = (byte*)Marshal.StringToCoTaskMemUTF8(busId);
        try
        {
            nint device;
            return _initialize() == 0 && _find(text, &device) == 0 ? device : null;
        }
        finally
        {
            Marshal.FreeCoTaskMem((nint)text);
        }
    }

    /// <summary>The counter; null where the device has none.</summary>
    public ulong? Millijoules(nint device)
    {
        ulong value;
        return _energy(device, &value) == 0 ? value : null;
    }
}
