using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <content>What a trainer saves and goes on from.</content>
public sealed partial class Trainer
{
    private const string DeltaPrefix = "adversary.";
    private const string DeltaName = DeltaPrefix + "delta";

    /// <summary>Keeps what the guard remembers.</summary>
    internal void Guard(GuardState guard) => State = State with { Guard = guard };

    /// <summary>Goes back to a state, and on from it with smaller steps. The guard remembers what it saw.</summary>
    internal void RollBack(Checkpoint good)
    {
        (GuardState? guard, int rollbacks) = (State.Guard, State.Rollbacks);
        Restore(good);
        guard = guard is null ? null : guard with { Seen = State.Sums, Magnitudes = [] };
        State = State with { Guard = guard, Rollbacks = rollbacks + 1 };
    }

    /// <summary>All that a run needs to go on.</summary>
    /// <exception cref="NumericException">A loss, weight or momentum is not finite: such a state is not to be kept.</exception>
    public Checkpoint Save()
    {
        Fold();
        IReadOnlyList<NamedArray> arrays =
        [
            .. Model.StateDict(), .. _optimizer.StateDict(), .. _average?.Weights.StateDict() ?? [], .. DeltaStateDict(),
        ];
        foreach (NamedArray array in arrays)
        {
            if (array.CountNotFinite() is > 0 and long count)
                throw new NumericException(
                    $"{array.Name} is not finite at epoch {State.Epoch}, batch {State.Batch} "
                    + $"({count} of {array.Data.Length / array.Type.Bytes()})");
        }

        return Checkpoint.Of(arrays, State);
    }

    /// <summary>The averaged network as a checkpoint of its own, which nothing can go on from; null where there is none.</summary>
    public Checkpoint? SaveAverage()
    {
        using IDisposable? averaged = Average?.InModel();
        return averaged is null ? null : Checkpoint.Of(Model.StateDict(), State);
    }

    /// <summary>Takes over what <see cref="Save"/> gave.</summary>
    /// <exception cref="CheckpointException">It is of another network, other images or another version.</exception>
    public void Restore(Checkpoint checkpoint)
    {
        TrainerState state = checkpoint.StateAs<TrainerState>();
        if (state.Data != _images.Digest)
            throw new CheckpointException(
                $"the checkpoint was trained on other images (digest {state.Data[..12]}, now {_images.Digest[..12]})");
        try
        {
            (NamedArray[] optimizer, NamedArray[] model, NamedArray[] average, NamedArray? delta) = Split(checkpoint);
            delta = RequireDelta(delta);
            Model.LoadStateDict(model);
            _optimizer.LoadStateDict(optimizer);
            _average?.Weights.LoadStateDict(average);
            if (_previous is { Type: ElementType.Float64 })
                _previous.CopyFrom<double>(delta!.ToDoubles());
            else
                _previous?.CopyFrom<float>(delta!.ToFloats());
        }
        catch (StateFileException e)
        {
            throw new CheckpointException(e.Message, e);
        }

        State = state;
    }

    /// <summary>
    /// The arrays of a checkpoint: those of the optimizer, of the model, of its average, and delta where the next minibatch starts from it.
    /// </summary>
    public static (NamedArray[] Optimizer, NamedArray[] Model, NamedArray[] Average, NamedArray? Delta) Split(Checkpoint checkpoint)
    {
        string[] prefixes = [Sgd.Prefix, WeightAverage.Prefix, DeltaPrefix];
        ILookup<string, NamedArray> parts = checkpoint.Arrays.ToLookup(array =>
            prefixes.FirstOrDefault(prefix => array.Name.StartsWith(prefix, StringComparison.Ordinal)) ?? "");
        return ([.. parts[Sgd.Prefix]], [.. parts[""]], [.. parts[WeightAverage.Prefix]], parts[DeltaPrefix].FirstOrDefault());
    }

    private IReadOnlyList<NamedArray> DeltaStateDict()
    {
        if (_previous is null)
            return [];
        Shape shape = _previous.Shape;
        long[] extents = [shape.N, shape.C, shape.H, shape.W];
        return [_previous.Type == ElementType.Float64
            ? NamedArray.FromDoubles(DeltaName, _previous.ToArray<double>(), extents)
            : NamedArray.FromFloats(DeltaName, _previous.ToArray<float>(), extents)];
    }

    // The delta to go on from, once it is known to be one.
    private NamedArray? RequireDelta(NamedArray? delta)
    {
        if (_previous is null || (delta?.Type == _previous.Type && delta.Data.Length == _previous.Shape.Count * _previous.Type.Bytes()))
            return delta;
        throw new StateFileException($"checkpoint lacks {DeltaName} of {_previous.Shape}, where the next minibatch starts");
    }
}
