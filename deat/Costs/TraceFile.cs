using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// A profile as a trace in the form that PyTorch's profiler writes (Kineto's Chrome JSON), which Perfetto, TensorBoard's plug-in and
/// HTA read: batches (which PyTorch calls ProfilerStep) and iterations as annotations, layers, launches and kernels with arrows between
/// them, memory as counters. Times are microseconds.
/// </summary>
public static class TraceFile
{
    /// <summary>The file's usual name; TensorBoard's plug-in looks for its ending.</summary>
    public const string FileName = "deat.pt.trace.json.gz";

    /// <summary>Launches that are written at most: viewers do not open traces of gigabytes.</summary>
    public const int MaxLaunches = 40_000;

    /// <summary>The compressed file.</summary>
    public static byte[] Of(CostProfile profile)
    {
        using MemoryStream file = new();
        using (GZipStream compressed = new(file, CompressionLevel.Optimal))
            Write(profile, compressed);
        return file.ToArray();
    }

    /// <summary>Writes the JSON.</summary>
    public static void Write(CostProfile profile, Stream stream)
    {
        using Utf8JsonWriter json = new(stream);
        LaunchRecord[] launches = [.. profile.Launches.Take(MaxLaunches)];
        json.WriteStartObject();
        json.WriteNumber("schemaVersion", 1);
        WriteDevice(json, profile);
        json.WriteString("displayTimeUnit", "ms");
        long start = (profile.Date - DateTime.UnixEpoch).Ticks * 100;
        json.WriteNumber("baseTimeNanoseconds", start);
        json.WriteString("traceName", FileName);
        // HTA refuses traces without a rank.
        json.WriteStartObject("distributedInfo");
        json.WriteNumber("rank", 0);
        json.WriteEndObject();
        json.WriteString("trace_id", start.ToString("X32", CultureInfo.InvariantCulture));
        json.WriteNumber("omittedLaunches", profile.Missed + profile.Launches.Count - launches.Length);
        json.WriteStartArray("traceEvents");
        TraceEvents events = new(json, profile);
        events.WriteNames();
        int[] layers = new int[launches.Length];
        foreach ((TraceSpan span, int i) in TraceSpan.Of(profile.Batches, launches).Select((span, i) => (span, i)))
        {
            events.Write(span, i + 1);
            // Layers come last, and stay.
            layers.AsSpan(span.Launches).Fill(i + 1);
        }

        for (int i = 0; i < launches.Length; i++)
            events.Write(launches[i], i + 1, layers[i]);
        if (launches.Length > 0)
            events.Write(profile.Memory.TakeWhile(sample => launches.Length == profile.Launches.Count || sample.Time <= launches[^1].End));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteDevice(Utf8JsonWriter json, CostProfile profile)
    {
        json.WriteStartArray("deviceProperties");
        json.WriteStartObject();
        json.WriteNumber("id", 0);
        json.WriteString("name", (string?)profile.Environment["device"] ?? profile.Device);
        json.WriteNumber("totalGlobalMem", profile.Traits.MemoryBytes);
        json.WriteNumber("maxThreadsPerBlock", profile.Traits.MaxGroupSize);
        json.WriteNumber("warpSize", profile.Traits.WarpSize);
        json.WriteNumber("sharedMemPerBlock", profile.Traits.SharedBytes);
        json.WriteNumber("numSms", profile.Traits.Processors);
        json.WriteEndObject();
        json.WriteEndArray();
    }
}

/// <summary>A stretch of launches that belong together, on the host's time and on the device's.</summary>
/// <param name="Category">user_annotation for batches and iterations, cpu_op for layers.</param>
/// <param name="Name">For people.</param>
/// <param name="Host">From the first launch to the return of the last.</param>
/// <param name="Device">From the start of the first kernel to the end of the last; null for what only the host has.</param>
internal sealed record TraceSpan(string Category, string Name, (long Start, long End) Host, (long Start, long End)? Device)
{
    private const string Annotation = "user_annotation";

    /// <summary>Its launches; none of a batch.</summary>
    public Range Launches { get; init; }

    /// <summary>Batches, iterations in them and layers in these, so that each lies within one before it.</summary>
    public static IEnumerable<TraceSpan> Of(IReadOnlyList<TimedBatch> batches, LaunchRecord[] launches)
    {
        foreach (TimedBatch batch in batches)
            yield return new TraceSpan(Annotation, $"ProfilerStep#{batch.Index}", (batch.Start, batch.End), null);
        foreach ((string name, Range run) in Runs(
            launches, launch => (launch.Batch, Iteration: IterationName(launch)), key => key.Iteration))
            yield return Of(Annotation, name, launches, run);
        foreach ((string name, Range run) in Runs(
            launches, launch => (launch.Batch, Iteration: IterationName(launch), Layer: LayerName(launch)), key => key.Layer))
            yield return Of("cpu_op", name, launches, run);
    }

    private static string IterationName(LaunchRecord launch) => WorkPart.IterationOf(launch) is { } iteration
        ? string.Create(CultureInfo.InvariantCulture, $"iteration {iteration + 1}")
        : "once";

    private static string LayerName(LaunchRecord launch)
    {
        string part = WorkPart.Of(launch).Title;
        return launch.Layer.Length == 0 ? part : $"{launch.Layer}: {part}";
    }

    private static TraceSpan Of(string category, string name, LaunchRecord[] launches, Range run)
    {
        (LaunchRecord first, LaunchRecord last) = (launches[run.Start], launches[run.End.Value - 1]);
        return new TraceSpan(category, name, (first.Submitted, last.Returned), (first.Start, last.End))
        {
            Launches = run,
        };
    }

    /// <summary>Neighbouring launches that have the same key.</summary>
    private static IEnumerable<(string Name, Range Run)> Runs<TKey>(
        LaunchRecord[] launches, Func<LaunchRecord, TKey> key, Func<TKey, string> name)
        where TKey : IEquatable<TKey>
    {
        int start = 0;
        for (int i = 1; i <= launches.Length; i++)
        {
            TKey first = key(launches[start]);
            if (i < launches.Length && key(launches[i]).Equals(first))
                continue;
            yield return (name(first), start..i);
            start = i;
        }
    }
}
