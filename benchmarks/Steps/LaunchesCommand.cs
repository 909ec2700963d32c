using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>`launches` counts what one DEAT replay launches on each kind of device, and writes it beside the passport.</summary>
internal static class LaunchesCommand
{
    private const int Batch = 32;
    private const int Width = 64;

    // Of an H100 or H200: into how many splits a GPU cuts its sums depends on it.
    private const int GpuProcessors = 132;

    public static int Run()
    {
        List<KernelLaunches> kernels = [];
        foreach ((string name, DeviceListing listing) in Devices())
        {
            Console.WriteLine($"{name}: {listing.Id}, {listing.Name}");
            kernels.AddRange(Count(name, listing));
        }

        if (kernels.All(kernel => kernel.Device != ReplayLaunches.Gpu))
        {
            Console.Error.WriteLine("launches needs an OpenCL device or a GPU: nothing else runs what GPUs get");
            return 2;
        }

        PassportFiles.Find().Write(new ReplayLaunches { Batch = Batch, Kernels = kernels });
        return 0;
    }

    /// <summary>The CPU accelerator, an OpenCL CPU, and a GPU or else that CPU with what a large GPU gets: the counts are the same.</summary>
    private static IEnumerable<(string Name, DeviceListing Listing)> Devices()
    {
        DeviceListing[] usable = [.. ComputeDevice.List().Where(listing => listing.IsUsable)];
        yield return ("cpu", usable.First(listing => listing.Traits.Backend == Backend.Cpu));
        DeviceListing? openCl = usable.FirstOrDefault(listing => listing.Traits is { Backend: Backend.OpenCL, IsCpuLike: true });
        if (openCl is not null)
            yield return ("opencl", openCl);
        DeviceListing? gpu = usable.FirstOrDefault(listing => !listing.Traits.IsCpuLike);
        if ((gpu ?? openCl) is { } listing)
            yield return (ReplayLaunches.Gpu, listing with { Traits = listing.Traits with { IsCpuLike = false, Processors = GpuProcessors } });
    }

    private static IEnumerable<KernelLaunches> Count(string name, DeviceListing listing)
    {
        using ComputeDevice device = ComputeDevice.Open(listing);
        using EngineReplay replay = new(Batch, Width, device);
        replay.Prepare();
        device.Ledger.Clear();
        replay.Run();
        replay.Finish();
        return [.. device.Ledger.Entries.GroupBy(entry => entry.Key.Kernel).Select(group => new KernelLaunches(
            name, group.Key, group.Sum(entry => entry.Value.Launches), group.Sum(entry => entry.Value.Flops), group.Sum(entry => entry.Value.Bytes)))
            .OrderBy(kernel => kernel.Kernel, StringComparer.Ordinal)];
    }
}
