using System.Text.Json;
using Deat.Engine;

namespace Deat.Training;

/// <summary>Writes the events of a trace. Fields have the names that PyTorch's profiler gives them.</summary>
internal sealed class TraceEvents(Utf8JsonWriter json, CostProfile profile)
{
    private const int Host = 1, HostThread = 1, Device = 0, Stream = 7, Annotations = 8;

    // What CUPTI calls cudaLaunchKernel.
    private const int LaunchCallback = 211;

    private int _index;

    /// <summary>Names the two processes, host and device, and their threads, and says in which order they are shown.</summary>
    public void WriteNames()
    {
        Name("process", Host, 0, "deat", 0);
        Label(Host, "CPU");
        Name("process", Device, 0, $"{profile.Device} {profile.Environment["device"]}", 1);
        Label(Device, $"GPU {Device}");
        Name("thread", Host, HostThread, "host", 0);
        Name("thread", Device, Annotations, "iterations, layers", 0);
        Name("thread", Device, Stream, $"stream {Stream}", 1);
    }

    /// <summary>A batch, an iteration or a layer, on the host and on the device.</summary>
    /// <param name="span">The stretch.</param>
    /// <param name="id">Its number; launches name that of their layer.</param>
    public void Write(TraceSpan span, int id)
    {
        Begin("X", span.Category, span.Name, Host, HostThread, span.Host);
        json.WriteStartObject("args");
        json.WriteNumber("External id", id);
        json.WriteNumber("Record function id", 0);
        json.WriteNumber("Ev Idx", _index++);
        json.WriteEndObject();
        json.WriteEndObject();
        if (span.Device is not { } device)
            return;
        Begin("X", "gpu_user_annotation", span.Name, Device, Annotations, device);
        json.WriteStartObject("args");
        json.WriteNumber("External id", id);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The host's launch, the kernel, and the arrow from one to the other.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="correlation">Its number.</param>
    /// <param name="span">The number of its layer's stretch.</param>
    public void Write(LaunchRecord launch, int correlation, int span)
    {
        Begin("X", "cuda_runtime", "cudaLaunchKernel", Host, HostThread, (launch.Submitted, launch.Returned));
        json.WriteStartObject("args");
        json.WriteNumber("External id", span);
        json.WriteNumber("cbid", LaunchCallback);
        json.WriteNumber("correlation", correlation);
        json.WriteEndObject();
        json.WriteEndObject();
        Begin("X", "kernel", launch.Kernel, Device, Stream, (launch.Start, launch.End));
        WriteArguments(launch, correlation, span);
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
            Begin("C", "memory", "memory", Device, 0, sample.Time);
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
        json.WriteNumber("Ev Idx", _index++);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteArguments(LaunchRecord launch, int correlation, int span)
    {
        KernelResources? resources = profile.Kernels.GetValueOrDefault(launch.Kernel);
        json.WriteStartObject("args");
        json.WriteNumber("External id", span);
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

    private void Name(string what, int process, int thread, string name, int place)
    {
        BeginMetadata($"{what}_name", process, thread);
        json.WriteString("name", name);
        EndMetadata();
        BeginMetadata($"{what}_sort_index", process, thread);
        json.WriteNumber("sort_index", place);
        EndMetadata();
    }

    private void Label(int process, string label)
    {
        BeginMetadata("process_labels", process, 0);
        json.WriteString("labels", label);
        EndMetadata();
    }

    // The category is that of Chrome's own traces; a reader of Chrome's fails without any.
    private void BeginMetadata(string name, int process, int thread)
    {
        Begin("M", "__metadata", name, process, thread, 0);
        json.WriteStartObject("args");
    }

    private void EndMetadata()
    {
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void Begin(string phase, string category, string name, int process, int thread, (long Start, long End) time)
    {
        Begin(phase, category, name, process, thread, time.Start);
        json.WriteNumber("dur", Microseconds(time.End) - Microseconds(time.Start));
    }

    private void Begin(string phase, string category, string name, int process, int thread, long nanoseconds)
    {
        json.WriteStartObject();
        json.WriteString("ph", phase);
        json.WriteString("cat", category);
        json.WriteString("name", name);
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        json.WriteNumber("ts", Microseconds(nanoseconds));
    }

    // To the next of 1,024 parts of a microsecond: readers add ts and dur as float64, and what ends together must end together there too,
    // or it lies no longer within what it is a part of.
    private static decimal Microseconds(long nanoseconds) => decimal.Round(nanoseconds * 1.024m) / 1024;
}
