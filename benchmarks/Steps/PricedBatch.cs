using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>A batch of a training method of which every launch is timed, so that each of its iterations has a price.</summary>
/// <param name="name">What the method is called.</param>
/// <param name="who">What its iterations are called.</param>
/// <param name="device">Where. Launches in graphs have no times of their own: here there are none.</param>
/// <param name="options">The training.</param>
/// <param name="iterations">Adversarial iterations of each batch.</param>
/// <param name="timer">The device's timer, which batches of several methods may share.</param>
public sealed class PricedBatch(
    string name, string who, ComputeDevice device, TrainOptions options, int iterations, LaunchTimer timer)
    : MethodBatch(name, who, device, options, iterations)
{
    private readonly List<TimedBatch> _batches = [];

    /// <inheritdoc/>
    public override void Run()
    {
        bool usesGraphs = Device.UsesGraphs;
        Device.UsesGraphs = false;
        try
        {
            timer.Batch(base.Run);
            _batches.Add(timer.Batches[^1]);
        }
        finally
        {
            Device.UsesGraphs = usesGraphs;
        }
    }

    /// <summary>What each iteration cost in the last batches.</summary>
    /// <param name="count">How many.</param>
    public IReadOnlyList<Timing> Prices(int count)
    {
        TimedBatch[] batches = [.. _batches.TakeLast(count)];
        HashSet<int> numbers = [.. batches.Select(batch => batch.Index)];
        IReadOnlyList<IterationPrice> prices =
            IterationPrice.Of(batches, [.. timer.Launches.Where(launch => numbers.Contains(launch.Batch))]);
        int? update = Options.Method.Loop.HasAttack ? prices.Max(price => price.Iteration) : null;
        return [.. prices.OrderBy(price => price.Iteration ?? int.MaxValue).Select(price => new Timing(
            price.Iteration is not { } k ? "once a batch" : k == update ? "update after the steps" : $"k = {k + 1}", Who)
        {
            Milliseconds = [.. price.Milliseconds],
            Flops = (long)(price.Kernels.Flops / batches.Length),
        })];
    }
}
