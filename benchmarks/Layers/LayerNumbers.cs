using System.Text.Json.Nodes;
using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>The numbers of a replay, layer by layer, as a safetensors file: what another library is compared with.</summary>
internal static class LayerNumbers
{
    /// <summary>
    /// Writes what <see cref="RecordedReplay"/> gives. What layers meet is what they meet in the first lane; the metadata has the settings,
    /// versions, and the device of each lane.
    /// </summary>
    public static void Write(string path, int batch, int width, IReadOnlyList<(ComputeDevice Device, Precision Precision)> lanes)
    {
        List<NamedArray> arrays = [];
        Dictionary<string, string> metadata = RecordedReplay.Settings(batch, width);
        foreach ((string name, JsonNode? value) in TimingReport.Of("", [], [], []).Environment)
            metadata[$"environment/{name}"] = $"{value}";
        IReadOnlyList<MetLayer>? met = null;
        foreach ((ComputeDevice device, Precision precision) in lanes)
        {
            using RecordedReplay replay = new(batch, width, device, precision);
            replay.Prepare();
            metadata[$"devices/{replay.Who}"] = $"{device.Name}, {device.Listing.Driver}";
            if (met is null)
            {
                arrays.AddRange(replay.Start());
                met = replay.Walk();
                arrays.AddRange(met.SelectMany(layer => new[] { layer.X, layer.Dy }));
            }

            arrays.AddRange([.. met.SelectMany(replay.Alone), .. replay.Replay()]);
        }

        Safetensors.Write(path, arrays, metadata);
    }
}
