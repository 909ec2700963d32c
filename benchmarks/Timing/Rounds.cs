using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>Times work in turns, so that all who do it see the same state of the machine.</summary>
public static class Rounds
{
    /// <summary>Rounds of warming up. After one, memory is still new to the machine, and what comes first would look slow.</summary>
    public const int WarmUps = 3;

    /// <summary>
    /// For each work: prepares all who do it, lets each do some rounds to warm up, then times <paramref name="rounds"/> rounds in which
    /// each has its turn, and disposes them. Who fails is left out, with the reason.
    /// </summary>
    /// <param name="all">Everything to time, in the order of the report.</param>
    /// <param name="rounds">Timed rounds.</param>
    /// <param name="runs">Runs in each round: more than one where a run is short beside the wait for the device.</param>
    /// <param name="together">Whether all take turns, whatever they do; they are then prepared at the same time.</param>
    /// <param name="progress">Is told each result.</param>
    public static IReadOnlyList<Timing> Measure(
        IEnumerable<Measured> all, int rounds, int runs = 1, bool together = false, Action<Timing>? progress = null)
    {
        List<Timing> timings = [];
        foreach (IGrouping<string, Measured> work in all.GroupBy(measured => together ? "" : measured.What))
        {
            Turn[] turns = [.. work.Select(measured => new Turn(measured, runs))];
            foreach (Turn turn in turns)
                turn.Try(turn.Measured.Prepare);
            for (int round = -WarmUps; round < rounds; round++)
                foreach (Turn turn in turns)
                    turn.Try(() => turn.Take(isTimed: round >= 0));
            foreach (Turn turn in turns)
            {
                turn.Try(turn.Measured.Dispose);
                timings.Add(turn.Result());
                progress?.Invoke(timings[^1]);
            }
        }

        return timings;
    }

    private sealed class Turn(Measured measured, int runs)
    {
        private readonly List<double> _milliseconds = [];
        private string? _failure;

        public Measured Measured { get; } = measured;

        // One driver's failure must not lose the others' results.
        [SuppressMessage("Design", "CA1031", Justification = "Whatever a driver or a library throws ends its own turns only.")]
        public void Try(Action action)
        {
            if (_failure is not null)
                return;
            try
            {
                action();
            }
            catch (Exception e)
            {
                _failure = e.Message;
                _milliseconds.Clear();
            }
        }

        public void Take(bool isTimed)
        {
            Measured.Before(runs);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < runs; i++)
                Measured.Run();
            Measured.Finish();
            if (isTimed)
                _milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds / runs);
        }

        public Timing Result() => new(Measured.What, Measured.Who)
        {
            IsBaseline = Measured.IsBaseline,
            Flops = Measured.Flops,
            Bytes = Measured.Bytes,
            RunsPerRound = runs,
            Milliseconds = [.. _milliseconds],
            Failure = _failure,
        };
    }
}
