using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>The training steps that are timed.</summary>
public static class StepSuite
{
    /// <summary>The engine's steps on <paramref name="device"/>, also as graphs where it has them.</summary>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="width">Width of the network; 64 is full.</param>
    /// <param name="precision">Of all passes.</param>
    public static IEnumerable<Measured> Of(ComputeDevice device, int batch, int width, Precision precision) =>
        from graphs in (bool[])(device.HasGraphs ? [false, true] : [false])
        from step in (Measured[])
        [
            new EngineReplay(batch, width, device, precision, graphs), new EnginePgd(batch, width, device, precision, graphs),
            new EngineNatural(batch, width, device, precision, graphs),
        ]
        select step;
}
