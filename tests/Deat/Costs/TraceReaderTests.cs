using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// A trace read by somebody else: the trace model behind the Performance panel of Chrome's DevTools, which every Chromium brings along.
/// What it made of the trace is compared with the launches that were measured.
/// </summary>
public sealed class TraceReaderTests
{
    private const string Reader = "devtools://devtools/bundled/models/trace/trace.js";

    // The name of each process and thread, and the spans of the thread with what they lie in.
    private const string Tracks = $$"""
        (async () => {
          const { TraceModel } = await import('{{Reader}}');
          const model = TraceModel.Model.createWithAllHandlers();
          await model.parse(trace.traceEvents, {});
          const { Meta, Renderer } = model.parsedTrace(0).data;
          const tracks = {};
          for (const [id, process] of Renderer.processes)
            for (const thread of process.threads.values()) {
              const spans = tracks[`${Meta.processNames.get(id).args.name}: ${thread.name}`] = [];
              const visit = node => {
                spans.push({ depth: node.depth, name: node.entry.name, duration: node.entry.dur });
                node.children.forEach(visit);
              };
              thread.tree.roots.forEach(visit);
            }
          return tracks;
        })()
        """;

    private sealed record Span(int Depth, string Name, double Duration);

    [Test]
    public void DevToolsReadsWhatWasMeasured()
    {
        if (!BrowserPage.IsPossible)
            Assert.Ignore("no browser (Debian: apt install chromium)");
        CostProfile profile = TestProfiles.Measure("cpu", "--method pgd", new() { Batches = 2, Iterations = 2, MaxLaunches = 10_000 });
        Dictionary<string, Span[]> tracks = Read(profile);
        string device = $"{profile.Device} {profile.Environment["device"]}";
        Assert.That(tracks.Keys, Is.EquivalentTo(new[] { "deat: host", $"{device}: iterations, layers", $"{device}: stream 7" }));
        int iterations = Stretches(profile.Launches, launch => (launch.Batch, WorkPart.IterationOf(launch)));
        int layers = Stretches(
            profile.Launches, launch => (launch.Batch, WorkPart.IterationOf(launch), launch.Layer, WorkPart.Of(launch).Title));
        Assert.That(
            Depths(tracks["deat: host"]), Is.EqualTo(new[] { profile.Batches.Count, iterations, layers, profile.Launches.Count }));
        Assert.That(Depths(tracks[$"{device}: iterations, layers"]), Is.EqualTo(new[] { iterations, layers }));
        Assert.That(Depths(tracks[$"{device}: stream 7"]), Is.EqualTo(new[] { profile.Launches.Count }));
        AssertSame(
            tracks["deat: host"].Where(span => span.Depth == 0),
            profile.Batches.ToLookup(batch => $"ProfilerStep#{batch.Index}", batch => batch.Duration));
        AssertSame(tracks[$"{device}: stream 7"], profile.Launches.ToLookup(launch => launch.Kernel, launch => launch.Duration));
        AssertSame(
            tracks["deat: host"].Where(span => span.Depth == 3),
            profile.Launches.ToLookup(_ => "cudaLaunchKernel", launch => launch.Returned - launch.Submitted));
    }

    private static Dictionary<string, Span[]> Read(CostProfile profile)
    {
        using MemoryStream json = new();
        TraceFile.Write(profile, json);
        using BrowserPage page = new();
        // Pages of the same origin may load the module; it is one itself.
        if (!page.Show(Reader))
            Assert.Ignore($"this browser has no {Reader}");
        page.Evaluate($"globalThis.trace = {System.Text.Encoding.UTF8.GetString(json.ToArray())}; 0");
        JsonNode tracks = page.Evaluate(Tracks)!;
        Assert.That(page.Complaints, Is.Empty);
        return tracks.Deserialize<Dictionary<string, Span[]>>(JsonSerializerOptions.Web)!;
    }

    // How many neighbours share a key, one after the other.
    private static int Stretches<TKey>(IReadOnlyList<LaunchRecord> launches, Func<LaunchRecord, TKey> key) =>
        launches.Where((launch, i) => i == 0 || !Equals(key(launch), key(launches[i - 1]))).Count();

    private static int[] Depths(Span[] spans) =>
        [.. spans.GroupBy(span => span.Depth).OrderBy(group => group.Key).Select(group => group.Count())];

    // Both ends of a span are rounded to 1/1,024 of a microsecond.
    private static void AssertSame(IEnumerable<Span> read, ILookup<string, long> nanoseconds)
    {
        ILookup<string, double> found = read.ToLookup(span => span.Name, span => span.Duration);
        Assert.That(found.Select(group => group.Key), Is.EquivalentTo(nanoseconds.Select(group => group.Key)));
        foreach (IGrouping<string, long> group in nanoseconds)
        {
            double[] durations = [.. found[group.Key]];
            Assert.That(durations, Has.Length.EqualTo(group.Count()), group.Key);
            Assert.That(durations.Sum(), Is.EqualTo(group.Sum() / 1e3).Within(group.Count() / 1024.0), group.Key);
        }
    }
}
