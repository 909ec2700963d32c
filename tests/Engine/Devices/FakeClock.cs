using Deat.Engine;
using ILGPU.Runtime;

namespace Deat.Tests;

/// <summary>A clock whose marks are a microsecond apart, and which counts them.</summary>
internal sealed class FakeClock(int capacity = 1000) : IDeviceClock
{
    /// <summary>The places that were marked, in order.</summary>
    public List<int> Marks { get; } = [];

    /// <summary>How many marks each reading asked for.</summary>
    public List<int> Readings { get; } = [];

    public bool IsDisposed { get; private set; }

    public string Method => "fake";

    public AcceleratorStream? Stream => null;

    public int Capacity => capacity;

    public void Mark(int place) => Marks.Add(place);

    public void Read(Span<long> nanoseconds)
    {
        Readings.Add(nanoseconds.Length);
        for (int i = 0; i < nanoseconds.Length; i++)
            nanoseconds[i] = 1000 * i;
    }

    public void Dispose() => IsDisposed = true;
}
