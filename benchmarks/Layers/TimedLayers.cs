using System.Diagnostics;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Times the layers of a replay by the launches that the ledger counts under their paths, a replay at a time.</summary>
internal sealed class TimedLayers : IDisposable
{
    /// <summary>What is launched outside of layers: pooling, loss, and what several layers share.</summary>
    public const string Outside = "outside layers";

    private readonly EngineReplay _replay;
    private readonly ComputeDevice _device;

    /// <summary>Prepares a replay and warms up.</summary>
    public TimedLayers(int batch, int width, ComputeDevice device, Precision precision = Precision.Float32)
    {
        (_replay, _device) = (new EngineReplay(batch, width, device, precision), device);
        _replay.Prepare();
        for (int i = 0; i < Rounds.WarmUps; i++)
            Time();
    }

    /// <summary>The device, and the precision if it is not float32.</summary>
    public string Who => _replay.Who;

    /// <summary>
    /// Milliseconds of a replay as a whole, with nothing else timed, and of one whose launches are timed: "LAYER forward", and "LAYER
    /// backward", which is all gradients of a layer.
    /// </summary>
    public Dictionary<string, double> Time()
    {
        long start = Stopwatch.GetTimestamp();
        _replay.Run();
        _replay.Finish();
        Dictionary<string, double> times = new() { [_replay.What] = Stopwatch.GetElapsedTime(start).TotalMilliseconds };
        using LaunchTimer timer = _device.Time(int.MaxValue);
        timer.Batch(_replay.Run);
        foreach (IGrouping<string, LaunchRecord> work in timer.Launches.Where(launch => launch.Phase == Phase.Update).GroupBy(WorkOf))
            times[work.Key] = work.Sum(launch => launch.Duration) / 1e6;
        return times;
    }

    /// <inheritdoc/>
    public void Dispose() => _replay.Dispose();

    private static string WorkOf(LaunchRecord launch) => launch.Layer.Length == 0
        ? Outside
        : $"{launch.Layer} {(launch.Direction == Direction.Forward ? "forward" : "backward")}";
}
