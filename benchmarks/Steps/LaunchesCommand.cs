using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>`launches` counts what one DEAT replay launches on each kind of device, and writes it beside the passport.</summary>
internal static class LaunchesCommand
{
    private const int Width = 64;
    private const int CpuBatch = 32;
    private const int GpuBatch = 128;

    // Of an H100 or H200: into how many splits a GPU cuts its sums depends on it.
    private const int GpuProcessors = 132;

    public static int Run()
    {
        List<KernelLaunches> kernels = [];
        foreach ((string name, int batch, DeviceListing listing) in Devices())
        {
            Console.WriteLine($"{name}: {listing.Id}, {listing.Name}, {batch} images");
            kernels.AddRange(Count(name, batch, listing));
        }

        if (kernels.All(kernel => kernel.Device != ReplayLaunches.Gpu))
        {
            Console.Error.WriteLine("launches needs an OpenCL device or a GPU: nothing else runs what GPUs get");
            return 2;
        }

        PassportFiles.Find().Write(new ReplayLaunches { Kernels = kernels });
        return 0;
    }

    /// <summary>The CPU accelerator, an OpenCL CPU, and a GPU or else that CPU with what an H200 gets: the counts are the same.</summary>
    private static IEnumerable<(string Name, int Batch, DeviceListing Listing)> Devices()
    {
        DeviceListing[] usable = [.. ComputeDevice.List().Where(listing => listing.IsUsable)];
        yield return ("cpu", CpuBatch, usable.First(listing => listing.Traits.Backend == Backend.Cpu));
        DeviceListing? openCl = usable.FirstOrDefault(listing => listing.Traits is { Backend: Backend.OpenCL, IsCpuLike: true });
        if (openCl is not null)
            yield return ("opencl", CpuBatch, openCl);
        DeviceListing? gpu = usable.FirstOrDefault(listing => !listing.Traits.IsCpuLike);
        if ((gpu ?? openCl) is { } listing)
        {
            DeviceTraits traits = listing.Traits with { IsCpuLike = false, Processors = GpuProcessors };
            yield return (ReplayLaunches.Gpu, GpuBatch, listing with { Traits = traits });
        }
    }

    private static IEnumerable<KernelLaunches> Count(string name, int batch, DeviceListing listing)
    {
        using ComputeDevice device = ComputeDevice.Open(listing);
        using EngineReplay replay = new(batch, Width, device);
        replay.Prepare();
        device.Ledger.Clear();
        replay.Run();
        replay.Finish();
        return [.. device.Ledger.Entries.GroupBy(entry => entry.Key.Kernel).Select(group => new KernelLaunches(
            name, batch, group.Key,
            group.Sum(entry => entry.Value.Launches), group.Sum(entry => entry.Value.Flops), group.Sum(entry => entry.Value.Bytes)))
            .OrderBy(kernel => kernel.Kernel, StringComparer.Ordinal)];
    }
}
