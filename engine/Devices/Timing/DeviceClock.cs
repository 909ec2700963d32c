using System.Diagnostics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>Marks moments in the order of a device's work. One for each way that drivers tell the time.</summary>
internal interface IDeviceClock : IDisposable
{
    /// <summary>How it tells the time, for people.</summary>
    string Method { get; }

    /// <summary>What launches must go to so that marks lie between them; null for the stream that the device has.</summary>
    AcceleratorStream? Stream { get; }

    /// <summary>How many marks can be kept until they are read.</summary>
    int Capacity { get; }

    /// <summary>Marks the moment when the device is done with all before. Overwrites an earlier mark at this place.</summary>
    /// <param name="place">From 0, in the order of the marks.</param>
    void Mark(int place);

    /// <summary>Reads marks, whose work is done: nanoseconds since the first, which is at place 0. They are free then.</summary>
    void Read(Span<long> nanoseconds);
}

/// <summary>The host's monotonic clock, where launching a kernel is running it: ILGPU's CPU accelerator.</summary>
internal sealed class HostClock : IDeviceClock
{
    private readonly long[] _ticks = new long[1 << 16];

    public string Method => "the host's monotonic clock around each launch";

    public AcceleratorStream? Stream => null;

    public int Capacity => _ticks.Length;

    public void Mark(int place) => _ticks[place] = Stopwatch.GetTimestamp();

    public void Read(Span<long> nanoseconds)
    {
        for (int i = 0; i < nanoseconds.Length; i++)
            nanoseconds[i] = (long)((_ticks[i] - _ticks[0]) * (1e9 / Stopwatch.Frequency));
    }

    public void Dispose()
    {
    }
}
