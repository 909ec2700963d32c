using System.Diagnostics;
using Deat.Engine;

namespace Deat.Training;

/// <summary>What to profile.</summary>
public sealed record ProfileSettings
{
    /// <summary>Batches before anything is measured: the first compiles, and the optimizer's first step has a kernel of its own.</summary>
    public const int WarmUps = 2;

    /// <summary>Timed batches, at least.</summary>
    public required int Batches { get; init; }

    /// <summary>
    /// Batches are timed for at least so many seconds: on a machine shared with others, speed differs from one second to the next.
    /// </summary>
    public double Seconds { get; init; }

    /// <summary>
    /// Batches that run as in a training take at least this time together: the longer, the less of it is the waits before and after.
    /// </summary>
    public double StretchMilliseconds { get; init; } = 200;

    /// <summary>Adversarial iterations of each batch; those with which the method begins if null.</summary>
    public int? Iterations { get; init; }

    /// <summary>So many launches are timed at most.</summary>
    public required int MaxLaunches { get; init; }
}

/// <summary>Trains some batches and measures what they cost.</summary>
public sealed class ProfileRun
{
    private readonly ComputeDevice _device;
    private readonly TrainOptions _options;
    private readonly ImageSet _images;
    private readonly ProfileSettings _settings;
    private readonly List<int> _epochs = [];
    private int? _iterations;

    /// <summary>Prepares a profile.</summary>
    /// <param name="device">Where.</param>
    /// <param name="options">The training.</param>
    /// <param name="images">The training images.</param>
    /// <param name="settings">What to profile.</param>
    public ProfileRun(ComputeDevice device, TrainOptions options, ImageSet images, ProfileSettings settings) =>
        (_device, _options, _images, _settings) = (device, options, images, settings);

    /// <summary>What the device can do at most, where it was measured before.</summary>
    public DevicePeaks? Peaks { get; init; }

    /// <summary>The preset that the options began with; null where there was none.</summary>
    public string? Preset { get; init; }

    /// <summary>Is told what is being done, a line each.</summary>
    public Action<string>? Progress { get; init; }

    /// <summary>Is told each launch after its batch.</summary>
    public Action<LaunchRecord>? Observer { get; init; }

    /// <summary>Asks between batches whether to stop.</summary>
    public Func<bool>? ShouldStop { get; init; }

    /// <summary>
    /// Measures. Batches are timed in turns, with all launches and as a whole, so that both see the same state of the machine. Whoever
    /// stops it gets the batches until then; so does who has more launches than are timed.
    /// </summary>
    public CostProfile Execute()
    {
        Progress?.Invoke("measuring what the device can do at most");
        DevicePeaks peaks = Peaks ?? DevicePeaks.Measure(_device);
        Progress?.Invoke("warming up: compiling kernels, measuring memory");
        int size = Math.Min(_options.BatchSize, _images.Count);
        double firstMilliseconds = 0;
        long? half = size < 2 ? null : MemoryOfHalf(size, ref firstMilliseconds);
        using Trainer trainer = new(_device, _options, _images);
        firstMilliseconds += WarmUp(trainer);
        MemoryNeed? need = half is { } bytes
            ? MemoryNeed.Of((size / 2, bytes), (size, _device.Pool.ReservedBytes), _device.Traits.MemoryBytes)
            : null;
        List<double> graphs = TimeGraphs(trainer);
        using LaunchTimer timer = _device.Time(_settings.MaxLaunches);
        DateTime date = DateTime.UtcNow;
        EnergyMeter energy = EnergyMeter.Of(_device);
        (List<double> untimed, List<double> training, double? joules) = TimeInTurns(trainer, timer, energy);
        (IReadOnlyList<TimedBatch> batches, IReadOnlyList<LaunchRecord> launches) = Whole(timer);
        return new CostProfile
        {
            Date = date,
            Environment = RunEnvironment.Describe(
                _device.Name, $"{_device.Listing.Id}, {DeviceText.Compiler(_device.Traits.Backend)}", _device.Listing.Driver),
            Device = _device.Listing.Id,
            Traits = _device.Traits,
            Options = _options.ToJson(),
            Preset = Preset,
            BatchSize = size,
            ComputesDiscarded = _options.Adversary.ComputesDiscarded ?? false,
            WarmUps = ProfileSettings.WarmUps,
            StartSeconds = Start(firstMilliseconds, untimed, half is null ? 1 : 1.5),
            TimingMethod = timer.Method,
            UntimedMilliseconds = untimed,
            GraphMilliseconds = graphs,
            TrainingMilliseconds = training,
            Peaks = peaks,
            Missed = timer.Missed,
            IsCut = timer is { Missed: > 0, Batches.Count: 1 },
            Waits = timer.Waits,
            Joules = joules,
            EnergySource = energy.Source,
            MemoryNeed = need,
            Kernels = _device.Resources(),
            Batches = batches,
            Epochs = [.. _epochs.Take(batches.Count)],
            Memory = timer.Memory,
            Launches = launches,
        };
    }

    // Of the warm-ups, what was more than so many batches' time for each of them.
    private static double? Start(double firstMilliseconds, List<double> untimed, double batches) => untimed.Count == 0
        ? null
        : Math.Max(0, firstMilliseconds - (ProfileSettings.WarmUps * batches * Quantiles.Median(untimed))) / 1e3;

    private long MemoryOfHalf(int size, ref double milliseconds)
    {
        _device.Pool.Trim();
        using Trainer trainer = new(_device, _options with { BatchSize = size / 2 }, _images);
        milliseconds += WarmUp(trainer);
        long bytes = _device.Pool.ReservedBytes;
        trainer.Dispose();
        _device.Pool.Trim();
        return bytes;
    }

    private double WarmUp(Trainer trainer) => Time(() =>
    {
        for (int i = 0; i < ProfileSettings.WarmUps; i++)
            Train(trainer);
    });

    // The first pass as a graph is launched plainly, the second recorded.
    private List<double> TimeGraphs(Trainer trainer)
    {
        List<double> milliseconds = [];
        for (int i = -2; _device.UsesGraphs && i < _settings.Batches; i++)
        {
            double time = Time(() => Train(trainer));
            if (i >= 0)
                milliseconds.Add(time);
        }

        _device.UsesGraphs = false;
        return milliseconds;
    }

    private (List<double> Untimed, List<double> Training, double? Joules) TimeInTurns(
        Trainer trainer, LaunchTimer timer, EnergyMeter energy)
    {
        List<double> untimed = [], training = [];
        double? joules = energy.Joules is null ? null : 0;
        long start = Stopwatch.GetTimestamp();
        bool IsEnough(int batches) =>
            batches >= _settings.Batches && Stopwatch.GetElapsedTime(start).TotalSeconds >= _settings.Seconds;
        for (int i = 0; !IsEnough(i) && timer.Missed == 0 && ShouldStop?.Invoke() != true; i++)
        {
            Progress?.Invoke(i < _settings.Batches ? $"batch {i + 1} of {_settings.Batches}" : $"batch {i + 1}");
            SkipWhatIsNotFull(trainer);
            untimed.Add(Time(() => Train(trainer)));
            training.Add(TimeStretch(trainer, 1 + (int)Math.Ceiling(_settings.StretchMilliseconds / untimed[^1])));
            SkipWhatIsNotFull(trainer);
            (double? before, int launches) = (energy.Joules, timer.Launches.Count);
            // The end of an epoch is counted with the batch that comes after it.
            _epochs.Add(trainer.State.Epoch + (trainer.IsEpochDone ? 1 : 0));
            timer.Batch(() => Train(trainer));
            // The energy of a batch that does not count does not either.
            if (timer.Missed == 0 || i == 0)
                joules += energy.Joules - before;
            foreach (LaunchRecord launch in timer.Launches.Skip(launches))
                Observer?.Invoke(launch);
        }

        return (untimed, training, joules);
    }

    // Milliseconds of a full batch among several, the end of an epoch between them included.
    private double TimeStretch(Trainer trainer, int batches)
    {
        double full = 0;
        double time = Time(() =>
        {
            for (int i = 0; i < batches; i++)
            {
                full += IsNextFull(trainer) ? 1 : _images.Count % trainer.BatchSize / (double)trainer.BatchSize;
                Train(trainer);
            }
        });
        return time / full;
    }

    private double Time(Action work)
    {
        _device.Synchronize();
        long start = Stopwatch.GetTimestamp();
        work();
        _device.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private void Train(Trainer trainer)
    {
        if (trainer.IsEpochDone)
            trainer.EndEpoch(best: null);
        trainer.TrainBatch(_iterations ??= _settings.Iterations ?? trainer.State.Replay.Count);
    }

    private void SkipWhatIsNotFull(Trainer trainer)
    {
        if (!IsNextFull(trainer))
            Train(trainer);
    }

    // The last batch of an epoch may be smaller.
    private bool IsNextFull(Trainer trainer) => trainer.State.Batch != trainer.Batches - 1 || _images.Count % trainer.BatchSize == 0;

    // A batch that has more launches than are timed does not count, unless it is the only one: then it ends with the last that was timed.
    private static (IReadOnlyList<TimedBatch> Batches, IReadOnlyList<LaunchRecord> Launches) Whole(LaunchTimer timer)
    {
        if (timer.Missed == 0)
            return (timer.Batches, timer.Launches);
        TimedBatch last = timer.Batches[^1];
        if (last.Index > 0)
            return ([.. timer.Batches.SkipLast(1)], [.. timer.Launches.Where(launch => launch.Batch < last.Index)]);
        return ([last with { End = timer.Launches[^1].End }], timer.Launches);
    }
}
