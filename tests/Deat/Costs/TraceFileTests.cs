using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Traces against the fields that PyTorch's profiler writes: of the host's events in Golden/trace.json (benchmarks/trace-schema.py), of
/// events of GPUs in the source of Kineto (libkineto/src/CuptiActivity.cpp).
/// </summary>
public sealed class TraceFileTests
{
    private static readonly JsonNode PyTorch =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "trace.json")))!;

    /// <summary>Kinds of events of GPUs: what has the same fields on the host, then the arguments, numbers unless said otherwise.</summary>
    private static readonly Dictionary<string, (string Like, string[] Arguments)> Kineto = new()
    {
        ["X gpu_user_annotation"] = ("X user_annotation", ["External id"]),
        ["X cuda_runtime"] = ("X cpu_op", ["External id", "cbid", "correlation"]),
        ["X kernel"] = ("X cpu_op",
        [
            "External id", "queued", "device", "context", "stream", "correlation", "registers per thread", "shared memory",
            "blocks per SM", "warps per SM", "grid array", "block array", "est. achieved occupancy %",
        ]),
        ["s ac2g"] = ("s fwdbwd", []),
        ["f ac2g"] = ("f fwdbwd", []),
    };

    private static readonly Lazy<JsonObject> Measured = new(() => Read(
        TestProfiles.Measure("cpu", "--method pgd", new() { Batches = 2, Iterations = 2, MaxLaunches = 10_000 })));

    [Test]
    public void EventsHaveTheFieldsOfPyTorchsTraces()
    {
        Check("the trace", PyTorch["top"]!, Measured.Value);
        JsonObject[] events = Events(Measured.Value);
        string[] counters = ["C memory"];
        Assert.That(
            events.Select(Kind).Distinct(),
            Is.EquivalentTo(Kineto.Keys.Concat(counters).Concat(
            [
                "X user_annotation", "X cpu_op", "i cpu_instant_event", "M process_name", "M process_labels", "M process_sort_index",
                "M thread_name", "M thread_sort_index",
            ])));
        foreach (JsonObject each in events.Where(each => !counters.Contains(Kind(each))))
        {
            (string like, string[]? arguments) = Kineto.TryGetValue(Kind(each), out var gpu) ? gpu : (Kind(each), null);
            Check(Kind(each), PyTorch["events"]![like]!["fields"]!, each);
            JsonObject own = each["args"]?.AsObject() ?? [];
            if (arguments is null)
                Check(Kind(each), PyTorch["events"]![like]!["args"]!, own);
            foreach (string argument in arguments ?? [])
            {
                bool isList = argument.EndsWith(" array", StringComparison.Ordinal);
                string name = isList ? argument[..^6] : argument;
                Assert.That(Type(own[name]), Is.EqualTo(isList ? "array" : "number"), $"{Kind(each)}: {name}");
                Assert.That(isList ? own[name]!.AsArray().Count : 3, Is.EqualTo(3), name);
            }
        }

        Assert.That(
            events.Where(each => Kind(each) == "X user_annotation").Select(each => (string)each["name"]!),
            Is.SupersetOf(new[] { "ProfilerStep#0", "ProfilerStep#1", "iteration 1", "iteration 2" }));
    }

    [Test]
    public void LaunchesKernelsAndLayersNameEachOther()
    {
        JsonObject[] events = Events(Measured.Value);
        Dictionary<int, JsonObject> Of(string kind, string id) =>
            events.Where(each => Kind(each) == kind).ToDictionary(each => (int)each["args"]![id]!);
        Dictionary<int, JsonObject> layers = Of("X cpu_op", "External id"), launches = Of("X cuda_runtime", "correlation");
        Dictionary<int, JsonObject> kernels = Of("X kernel", "correlation");
        Assert.That(kernels.Keys, Is.EquivalentTo(launches.Keys));
        foreach (string phase in new[] { "s", "f" })
            Assert.That(events.Where(each => Kind(each) == $"{phase} ac2g").Select(Id), Is.EquivalentTo(kernels.Keys));
        foreach ((int id, JsonObject kernel) in kernels)
        {
            int external = (int)kernel["args"]!["External id"]!;
            Assert.That((int)launches[id]["args"]!["External id"]!, Is.EqualTo(external));
            Assert.That((double)launches[id]["ts"]!, Is.InRange((double)layers[external]["ts"]!, End(layers[external])));
            Assert.That((string)layers[external]["name"]!, Does.StartWith((string)kernel["args"]!["layer"]!));
        }
    }

    // Perfetto takes no spans on one track that overlap without one lying within the other. Readers add start and length as float64.
    [Test]
    public void SpansOfATrackLieWithinOneAnother([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        JsonObject trace = Read(TestProfiles.Measure(id, "--method free --replays 2", new() { Batches = 1, MaxLaunches = 10_000 }));
        foreach (IGrouping<string, JsonObject> track in Events(trace).Where(each => (string?)each["ph"] == "X")
            .GroupBy(each => $"{each["pid"]} {each["tid"]}"))
        {
            Stack<double> open = [];
            foreach ((double start, double end) in track
                .Select(each => (Start: (double)each["ts"]!, End: End(each)))
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
            Assert.That(events.Where(each => Kind(each) == kind).Select(Id), Is.EqualTo(new[] { 1, 2 }));
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

    private static string Kind(JsonObject each) => $"{each["ph"]} {each[(string?)each["ph"] == "M" ? "name" : "cat"]}";

    private static int Id(JsonObject each) => (int)each["id"]!;

    private static double End(JsonObject each) => (double)each["ts"]! + (double)each["dur"]!;

    // What every event of PyTorch's has must be there, and what some have must be of the same type.
    private static void Check(string what, JsonNode fields, JsonObject each)
    {
        foreach ((string name, JsonNode? type) in fields["always"]!.AsObject())
            Assert.That((string)type!, Does.Contain(Type(each[name])), $"{what}: {name}");
        foreach ((string name, JsonNode? type) in fields["sometimes"]!.AsObject().Where(field => each.ContainsKey(field.Key)))
            Assert.That((string)type!, Does.Contain(Type(each[name])), $"{what}: {name}");
    }

    private static string Type(JsonNode? value) => value?.GetValueKind().ToString().ToLowerInvariant() ?? "nothing";
}
