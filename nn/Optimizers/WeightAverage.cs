using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// A running average of a model's weights and running statistics beside the model: <see cref="Move(double)"/> takes one launch for the
/// weights and one for the statistics. It begins as the model is.
/// </summary>
public sealed class WeightAverage : IDisposable
{
    /// <summary>Begins the names of the average's entries in a checkpoint.</summary>
    public const string Prefix = "average.";

    private readonly Module _model;
    private readonly Workspace _workspace;
    private readonly Tensor _weights;
    private readonly Tensor _statistics;
    private readonly Counter _updates = new();

    /// <summary>An average of the model as it is.</summary>
    /// <param name="model">The placed model; it must outlive the average.</param>
    public WeightAverage(Module model)
    {
        _model = model;
        _workspace = new Workspace(model.Device, MemoryCategory.Optimizer);
        _weights = _workspace.Plain(model.Weights.Shape, model.Type);
        _statistics = _workspace.Plain(model.Statistics.Shape, model.Type);
        Ops.Keep(model.Weights, _weights);
        Ops.Keep(model.Statistics, _statistics);
    }

    /// <summary>How often it was moved.</summary>
    public long Updates => _updates.Value;

    /// <summary>Moves the average towards the model: average += share (model - average).</summary>
    /// <param name="share">The weight of the model as it is now, in [0, 1]; with 1 the average becomes the model, bit for bit.</param>
    public void Move(double share)
    {
        using (_model.Device.Ledger.In(Phase.Optimizer, _model.Device.Ledger.Iteration))
        {
            Move(_weights, _model.Weights, share);
            Move(_statistics, _model.Statistics, share);
        }

        _updates.Value++;
    }

    /// <summary>
    /// Puts the average into the model until the result is disposed. What the model then learns of statistics stays with the average.
    /// </summary>
    public IDisposable InModel()
    {
        Exchange();
        return new Exchanged(this, [.. Counters().Select(counter => counter.Value)]);
    }

    /// <summary>
    /// What a resumed run needs: the average of each parameter and running statistic as "average." and its name, and the number of updates
    /// as "average.updates".
    /// </summary>
    public IReadOnlyList<NamedArray> StateDict() => StateDicts.Collect(State(), _model.Type, [_weights, _statistics], Holding);

    /// <summary>Takes over what <see cref="StateDict"/> gave.</summary>
    /// <exception cref="StateFileException">An entry is missing, unknown, of another shape or type; nothing changes.</exception>
    public void LoadStateDict(IReadOnlyList<NamedArray> arrays)
    {
        (string Name, StateEntry Entry)[] state = [.. State()];
        StateDicts.Check(state, _model.Type, arrays, (_, _) => "");
        StateDicts.Distribute(state, arrays, [_weights, _statistics], Holding);
    }

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();

    private static void Move(Tensor average, Tensor values, double share)
    {
        if (share == 1)
            Ops.Keep(values, average);
        else
            Ops.MoveAverage(average, values, share);
    }

    private void Exchange()
    {
        Ops.Exchange(_weights, _model.Weights);
        Ops.Exchange(_statistics, _model.Statistics);
    }

    private Tensor Holding(Parameter parameter) => parameter.IsTrained ? _weights : _statistics;

    private IEnumerable<(string Name, StateEntry Entry)> State() => _model.State()
        .Where(entry => entry.Entry is Parameter)
        .Select(entry => (Prefix + entry.Name, entry.Entry))
        .Append((Prefix + "updates", _updates));

    private IEnumerable<Counter> Counters() => _model.State().Select(entry => entry.Entry).OfType<Counter>();

    // Batches that the average sees are none that the model saw.
    private sealed class Exchanged(WeightAverage average, long[] counts) : IDisposable
    {
        public void Dispose()
        {
            average.Exchange();
            foreach ((Counter counter, long count) in average.Counters().Zip(counts))
                counter.Value = count;
        }
    }
}
