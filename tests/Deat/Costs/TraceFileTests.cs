using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Traces against the fields that PyTorch's profiler writes (2.6.0, and Kineto's of CUDA kernels).</summary>
public sealed class TraceFileTests
{
    private static readonly string[] TopLevel =
        ["schemaVersion", "deviceProperties", "displayTimeUnit", "baseTimeNanoseconds", "traceEvents"];

    /// <summary>Kind and category of an event, with the fields that it has there; those in args after the colon.</summary>
    private static readonly Dictionary<string, string> PyTorch = new()
    {
        ["X user_annotation"] = "ph cat name pid tid ts dur",
        ["X gpu_user_annotation"] = "ph cat name pid tid ts dur",
        ["X cpu_op"] = "ph cat name pid tid ts dur",
        ["X cuda_runtime"] = "ph cat name pid tid ts dur: External id, correlation",
        ["X kernel"] = "ph cat name pid tid ts dur: External id, correlation, device, context, stream, queued, registers per thread, "
            + "shared memory, blocks per SM, warps per SM, grid, block, est. achieved occupancy %",
        ["s ac2g"] = "ph id pid tid ts cat name",
        ["f ac2g"] = "ph id pid tid ts cat name bp",
        ["i cpu_instant_event"] =
            "ph cat s name pid tid ts: Total Reserved, Total Allocated, Bytes, Addr, Device Id, Device Type",
        ["M "] = "name ph ts pid tid: name",
        ["C "] = "name ph ts pid tid",
    };

    [Test]
    public void EventsHaveTheFieldsOfPyTorchsTraces()
    {
        JsonObject trace = Read(TestProfiles.Measure("cpu", "--method pgd", new() { Batches = 2, Iterations = 2, MaxLaunches = 10_000 }));
        Assert.That(TopLevel, Is.SubsetOf(trace.Select(field => field.Key)));
        Assert.That((string?)trace["displayTimeUnit"], Is.EqualTo("ms"));
        JsonObject[] events = Events(trace);
        Assert.That(events.Select(Kind).Distinct(), Is.EquivalentTo(PyTorch.Keys));
        foreach (JsonObject each in events)
        {
            string[] fields = PyTorch[Kind(each)].Split(':');
            Assert.That(fields[0].Split(' '), Is.SubsetOf(each.Select(field => field.Key)), Kind(each));
            string[] arguments = fields.Length > 1 ? fields[1].Split(',', StringSplitOptions.TrimEntries) : [];
            Assert.That(arguments, Is.SubsetOf(each["args"]?.AsObject().Select(field => field.Key) ?? []), Kind(each));
        }

        IEnumerable<JsonObject> kernels = events.Where(each => Kind(each) == "X kernel");
        Assert.That(kernels.Select(each => each["args"]!["grid"]!.AsArray().Count), Is.All.EqualTo(3));
    }

    // Perfetto takes no spans on one track that overlap without one lying within the other.
    [Test]
    public void SpansOfATrackLieWithinOneAnother([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        JsonObject trace = Read(TestProfiles.Measure(id, "--method free --replays 2", new() { Batches = 1, MaxLaunches = 10_000 }));
        foreach (IGrouping<string, JsonObject> track in Events(trace).Where(each => (string?)each["ph"] == "X")
            .GroupBy(each => $"{each["pid"]} {each["tid"]}"))
        {
            Stack<decimal> open = [];
            foreach ((decimal start, decimal end) in track
                .Select(each => (Start: (decimal)each["ts"]!, End: (decimal)each["ts"]! + (decimal)each["dur"]!))
                .OrderBy(span => span.Start).ThenByDescending(span => span.End))
            {
                while (open.Count > 0 && open.Peek() <= start)
                    open.Pop();
                Assert.That(open.Count == 0 || end <= open.Peek(), $"track {track.Key}: {start} to {end} sticks out");
                open.Push(end);
            }
        }
    }

    [Test]
    public void ArrowsLeadFromALaunchToItsKernel()
    {
        JsonObject trace = Read(TestProfiles.Of(
            [
                TestProfiles.Launch(3000, 4000, submitted: 1000), TestProfiles.Launch(5000, 7000, submitted: 2000, layer: "bn"),
            ],
            9000));
        JsonObject[] events = Events(trace);
        foreach (string kind in new[] { "s ac2g", "f ac2g" })
            Assert.That(events.Where(each => Kind(each) == kind).Select(each => (int)each["id"]!), Is.EqualTo(new[] { 1, 2 }));
        JsonObject[] kernels = [.. events.Where(each => Kind(each) == "X kernel")];
        Assert.That(kernels.Select(each => ((decimal)each["ts"]!, (decimal)each["dur"]!)), Is.EqualTo(new[] { (3m, 1m), (5m, 2m) }));
        Assert.That(
            events.Where(each => Kind(each) == "f ac2g").Select(each => ((decimal)each["ts"]!, (string)each["bp"]!)),
            Is.EqualTo(new[] { (3m, "e"), (5m, "e") }));
        Assert.That(
            events.Where(each => Kind(each) == "X cpu_op").Select(each => (string)each["name"]!),
            Is.EqualTo(new[] { "conv1: update forward", "bn: update forward" }));
        Assert.That((int)kernels[0]["args"]!["registers per thread"]!, Is.EqualTo(40));
        Assert.That((double)kernels[0]["args"]!["warps per SM"]!, Is.EqualTo(2));
    }

    [Test]
    public void ATraceIsCapped()
    {
        LaunchRecord launch = TestProfiles.Launch(1, 2);
        JsonObject trace = Read(TestProfiles.Of([.. Enumerable.Repeat(launch, TraceFile.MaxLaunches + 5)], 3));
        Assert.That(Events(trace).Count(each => Kind(each) == "X kernel"), Is.EqualTo(TraceFile.MaxLaunches));
        Assert.That((int)trace["omittedLaunches"]!, Is.EqualTo(5));
    }

    private static JsonObject Read(CostProfile profile)
    {
        using GZipStream stream = new(new MemoryStream(TraceFile.Of(profile)), CompressionMode.Decompress);
        return JsonSerializer.Deserialize<JsonObject>(stream)!;
    }

    private static JsonObject[] Events(JsonObject trace) => [.. trace["traceEvents"]!.AsArray().Select(each => each!.AsObject())];

    private static string Kind(JsonObject each) => $"{each["ph"]} {each["cat"]}";
}
