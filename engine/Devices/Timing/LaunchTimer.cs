using System.Diagnostics;

namespace Deat.Engine;

/// <summary>
/// Times every launch of a device, in batches of work: between them nothing is timed and nothing is slower. The device is never waited
/// for within a batch, unless it has more launches than there are marks (<see cref="Waits"/>). Dispose it before the device.
/// </summary>
public sealed class LaunchTimer : IDisposable
{
    private const int Tries = 8;
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly ComputeDevice _device;
    private readonly IDeviceClock _clock;
    private readonly int _maxLaunches;
    private readonly Action<LaunchRecord>? _observer;
    private readonly long _origin = Stopwatch.GetTimestamp();
    private readonly List<LaunchRecord> _launches = [];
    private readonly List<TimedBatch> _batches = [];
    private readonly List<MemorySample> _memory = [];
    private readonly List<LaunchRecord> _pending = [];
    private LaunchRecord? _open;
    private long _base;

    internal LaunchTimer(ComputeDevice device, IDeviceClock clock, int maxLaunches, Action<LaunchRecord>? observer)
    {
        (_device, _clock, _maxLaunches, _observer) = (device, clock, maxLaunches, observer);
        if (observer is not null)
            Begin();
    }

    /// <summary>How launches are timed, for people.</summary>
    public string Method => _clock.Method;

    /// <summary>The timed launches, in order.</summary>
    public IReadOnlyList<LaunchRecord> Launches => _launches;

    /// <summary>The batches of work, in order; the last one is not whole where <see cref="Missed"/> is not 0.</summary>
    public IReadOnlyList<TimedBatch> Batches => _batches;

    /// <summary>What was rented from the pool, whenever it changed.</summary>
    public IReadOnlyList<MemorySample> Memory => _memory;

    /// <summary>Launches that were not timed because there were too many.</summary>
    public long Missed { get; private set; }

    /// <summary>How often the device had to be waited for within a batch.</summary>
    public int Waits { get; private set; }

    internal ILGPU.Runtime.AcceleratorStream? Stream => _clock.Stream;

    private long Now => (long)((Stopwatch.GetTimestamp() - _origin) * NanosecondsPerTick);

    private int Places => 1 + (2 * _pending.Count);

    /// <summary>Does <paramref name="work"/> as the next batch and waits until the device is done with it.</summary>
    public void Batch(Action work)
    {
        LaunchTimer? before = Begin();
        long start = Now;
        try
        {
            foreach (MemoryCategory category in Enum.GetValues<MemoryCategory>())
                NoteMemory(category, _device.Pool.Use(category).Live);
            work();
            _device.Synchronize();
            _batches.Add(new TimedBatch(_batches.Count, start, Now));
            Collect();
        }
        finally
        {
            _device.Synchronize();
            _device.Timer = before;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_device.Timer == this)
        {
            _device.Synchronize();
            _device.Timer = null;
        }

        _clock.Dispose();
    }

    /// <summary>A launch is about to be made.</summary>
    internal void Submit(LedgerKey key, Cost cost, LaunchGrid grid)
    {
        if (_launches.Count + _pending.Count == _maxLaunches)
        {
            Missed++;
            return;
        }

        if (Places + 2 > _clock.Capacity)
        {
            Waits++;
            _device.Synchronize();
            Collect();
            Align();
        }

        _open = new LaunchRecord
        {
            Batch = _batches.Count,
            Phase = key.Phase,
            Iteration = key.Iteration,
            Layer = key.Layer,
            Kernel = key.Kernel,
            Direction = key.Direction,
            Flops = cost.Flops,
            Bytes = cost.Bytes,
            Groups = grid.Groups,
            GroupSize = grid.GroupSize,
            SharedBytes = grid.SharedBytes,
            Submitted = Now,
            Returned = 0,
            Start = 0,
            End = 0,
        };
        _clock.Mark(Places);
    }

    /// <summary>Something took time since <see cref="Submit"/> that is not the launch's.</summary>
    internal void SubmitAgain()
    {
        if (_open is null)
            return;
        _open = _open with { Submitted = Now };
        _clock.Mark(Places);
    }

    /// <summary>The launch was made.</summary>
    internal void Return()
    {
        if (_open is null)
            return;
        _clock.Mark(Places + 1);
        _pending.Add(_open with { Returned = Now });
        _open = null;
        if (_observer is null)
            return;
        _device.Synchronize();
        Collect();
        Align();
    }

    internal void NoteMemory(MemoryCategory category, long live)
    {
        if (Missed == 0 && _observer is null)
            _memory.Add(new MemorySample(Now, category, live));
    }

    private LaunchTimer? Begin()
    {
        _device.Synchronize();
        LaunchTimer? before = _device.Timer;
        _device.Timer = this;
        _pending.Clear();
        _open = null;
        Align();
        return before;
    }

    // Marks a moment while the device has nothing to do. Of the host's time of it only this is known: it lies between two looks at the
    // clock. They are tried again until they lie as close together as they did before.
    private void Align()
    {
        long closest = 0;
        for (int i = 0; i < Tries; i++)
        {
            long before = Now;
            _clock.Mark(0);
            _device.Synchronize();
            long taken = Now - before;
            _base = before + (taken / 2);
            if (i > 0 && taken <= closest)
                return;
            closest = i == 0 ? taken : Math.Min(closest, taken);
        }
    }

    private void Collect()
    {
        long[] times = new long[Places];
        _clock.Read(times);
        // The device reaches a mark after the host has made it.
        for (int i = 0; i < _pending.Count; i++)
            _base = Math.Max(_base, _pending[i].Submitted - times[(2 * i) + 1]);
        for (int i = 0; i < _pending.Count; i++)
        {
            LaunchRecord launch = _pending[i] with { Start = _base + times[(2 * i) + 1], End = _base + times[(2 * i) + 2] };
            if (_observer is null)
                _launches.Add(launch);
            else
                _observer(launch);
        }

        _pending.Clear();
    }
}
