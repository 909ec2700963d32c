using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// What DEAT_DEBUG shows on standard error: 1 each kernel that is compiled, 2 also a line for each launch as it runs, 3 with its place in
/// training and its geometry, 4 also the source of each kernel, PTX or OpenCL C. From 2 on the host waits for each launch.
/// </summary>
internal sealed class DebugOutput
{
    /// <summary>The variable of the environment.</summary>
    public const string Variable = "DEAT_DEBUG";

    private const int Launches = 2, Geometry = 3, Sources = 4;

    private readonly int _level;
    private readonly TextWriter _output;
    private long _count;
    private double _milliseconds;

    private DebugOutput(int level, TextWriter output) => (_level, _output) = (level, output);

    /// <summary>The output that the environment asks for; null for none.</summary>
    /// <exception cref="UsageException">It is not a level.</exception>
    public static DebugOutput? Of(Screen screen)
    {
        string text = Environment.GetEnvironmentVariable(Variable) ?? "";
        if (text is "" or "0")
            return null;
        return text is ['1' or '2' or '3' or '4']
            ? new DebugOutput(text[0] - '0', screen.Errors)
            : throw new UsageException($"{Variable} '{text}' is not a number from 0 to {Sources}");
    }

    /// <summary>Shows what the device does from now on.</summary>
    public void Attach(ComputeDevice device)
    {
        AttachBuilds(device);
        // The device ends it.
        if (_level >= Launches)
            _ = device.Watch(launch => Show(device, launch));
    }

    /// <summary>Shows what the device compiles.</summary>
    public void AttachBuilds(ComputeDevice device) => device.Builds = build =>
    {
        _output.WriteLine(Invariant($"*** {device.Listing.Id} compiled {build.Kernel} in {build.Time.TotalMilliseconds:F1} ms"));
        if (_level >= Sources)
            _output.WriteLine(build.Source ?? "(compiled by .NET: the kernel's own method)");
    };

    /// <summary>Shows a launch.</summary>
    public void Show(ComputeDevice device, LaunchRecord launch)
    {
        if (_level < Launches)
            return;
        CostSum sum = CostSum.Of([launch]);
        _milliseconds += sum.Milliseconds;
        string rates = Invariant($"{sum.GigaflopsPerSecond ?? 0,7:F1} GFLOP/s {sum.GigabytesPerSecond ?? 0,6:F1} GB/s");
        string times = Invariant($"tm {launch.Duration / 1e3,9:F1}us/{_milliseconds,10:F2}ms");
        string memory = Invariant($"mem {device.Pool.LiveBytes / 1e9,6:F3} GB");
        string line = $"*** {device.Listing.Id} {++_count,6} {launch.Kernel,-60} {launch.Layer,-18} {memory} {times} ({rates})";
        if (_level >= Geometry)
        {
            line += Invariant($" {WorkPart.Of(launch).Title}, iteration {launch.Iteration + 1}, {launch.Groups} x {launch.GroupSize}, ")
                + Invariant($"{launch.SharedBytes} B shared");
        }

        _output.WriteLine(line);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
