using System.Text.Json;
using Deat.Engine;

namespace Deat.Training;

/// <summary>Writes the events of a trace. Fields have the names that PyTorch's profiler gives them.</summary>
internal sealed class TraceEvents(Utf8JsonWriter json, CostProfile profile)
{
    private const int Host = 1, HostThread = 1, Device = 0, Stream = 7, Annotations = 8;

    /// <summary>Names the two processes, host and device, and their threads.</summary>
    public void WriteNames()
    {
        Name("process_name", Host, 0, "deat");
        Name("process_name", Device, 0, $"{profile.Device} {profile.Environment["device"]}");
        Name("thread_name", Host, HostThread, "host");
        Name("thread_name", Device, Stream, $"stream {Stream}");
        Name("thread_name", Device, Annotations, "batches, iterations, layers");
    }

    /// <summary>A batch, an iteration or a layer, on the host and on the device.</summary>
    public void Write(TraceSpan span)
    {
        Begin("X", span.Category, span.Name, Host, HostThread, span.Host.Start);
        Time("dur", span.Host.End - span.Host.Start);
        json.WriteEndObject();
        if (span.Device is not { } device)
            return;
        Begin("X", "gpu_user_annotation", span.Name, Device, Annotations, device.Start);
        Time("dur", device.End - device.Start);
        json.WriteEndObject();
    }

    /// <summary>The host's launch, the kernel, and the arrow from one to the other.</summary>
    public void Write(LaunchRecord launch, int correlation)
    {
        Begin("X", "cuda_runtime", "cudaLaunchKernel", Host, HostThread, launch.Submitted);
        Time("dur", launch.Returned - launch.Submitted);
        json.WriteStartObject("args");
        json.WriteNumber("External id", correlation);
        json.WriteNumber("correlation", correlation);
        json.WriteEndObject();
        json.WriteEndObject();
        Begin("X", "kernel", launch.Kernel, Device, Stream, launch.Start);
        Time("dur", launch.Duration);
        WriteArguments(launch, correlation);
        json.WriteEndObject();
        Arrow("s", Host, HostThread, launch.Submitted, correlation);
        json.WriteEndObject();
        Arrow("f", Device, Stream, launch.Start, correlation);
        json.WriteString("bp", "e");
        json.WriteEndObject();
    }

    /// <summary>Memory as counters and as PyTorch's instants.</summary>
    public void Write(IEnumerable<MemorySample> samples)
    {
        Dictionary<MemoryCategory, long> live = [];
        foreach (MemorySample sample in samples)
        {
            long change = sample.LiveBytes - live.GetValueOrDefault(sample.Category);
            live[sample.Category] = sample.LiveBytes;
            Begin("C", "", "memory", Device, 0, sample.Time);
            json.WriteStartObject("args");
            foreach ((MemoryCategory category, long bytes) in live.OrderBy(pair => pair.Key))
                json.WriteNumber(category.ToString(), bytes);
            json.WriteEndObject();
            json.WriteEndObject();
            WriteInstant(sample, change, live.Values.Sum());
        }
    }

    private void WriteInstant(MemorySample sample, long change, long total)
    {
        Begin("i", "cpu_instant_event", "[memory]", Host, HostThread, sample.Time);
        json.WriteString("s", "t");
        json.WriteStartObject("args");
        json.WriteNumber("Total Reserved", 0);
        json.WriteNumber("Total Allocated", total);
        json.WriteNumber("Bytes", change);
        json.WriteNumber("Addr", 0);
        json.WriteNumber("Device Id", 0);
        json.WriteNumber("Device Type", 1);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteArguments(LaunchRecord launch, int correlation)
    {
        KernelResources? resources = profile.Kernels.GetValueOrDefault(launch.Kernel);
        json.WriteStartObject("args");
        json.WriteNumber("External id", correlation);
        json.WriteNumber("correlation", correlation);
        json.WriteNumber("device", 0);
        json.WriteNumber("context", 1);
        json.WriteNumber("stream", Stream);
        json.WriteNumber("queued", 0);
        json.WriteNumber("registers per thread", resources?.Registers ?? 0);
        json.WriteNumber("shared memory", resources?.SharedBytes ?? launch.SharedBytes);
        json.WriteNumber("blocks per SM", launch.Groups / (double)profile.Traits.Processors);
        // Drivers of CPUs know no warps.
        double warps = Math.Ceiling(launch.GroupSize / (double)Math.Max(1, profile.Traits.WarpSize));
        json.WriteNumber("warps per SM", launch.Groups * warps / profile.Traits.Processors);
        Extents("grid", launch.Groups);
        Extents("block", launch.GroupSize);
        json.WriteNumber("est. achieved occupancy %", Math.Round(100 * (resources?.Occupancy ?? 0)));
        json.WriteString("layer", launch.Layer);
        json.WriteString("part", WorkPart.Of(launch).Title);
        json.WriteNumber("iteration", launch.Iteration);
        json.WriteNumber("flops", launch.Flops);
        json.WriteNumber("bytes", launch.Bytes);
        json.WriteEndObject();
    }

    private void Extents(string name, int first)
    {
        json.WriteStartArray(name);
        foreach (int extent in (int[])[first, 1, 1])
            json.WriteNumberValue(extent);
        json.WriteEndArray();
    }

    private void Arrow(string phase, int process, int thread, long nanoseconds, int id)
    {
        Begin(phase, "ac2g", "ac2g", process, thread, nanoseconds);
        json.WriteNumber("id", id);
    }

    private void Name(string what, int process, int thread, string name)
    {
        Begin("M", "", what, process, thread, 0);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void Begin(string phase, string category, string name, int process, int thread, long nanoseconds)
    {
        json.WriteStartObject();
        json.WriteString("ph", phase);
        if (category.Length > 0)
            json.WriteString("cat", category);
        json.WriteString("name", name);
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        Time("ts", nanoseconds);
    }

    private void Time(string field, long nanoseconds) => json.WriteNumber(field, nanoseconds / 1e3m);
}
