using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>The average of a network over a run, by its options.</summary>
/// <param name="options">The options of the run.</param>
/// <param name="average">How weights are averaged.</param>
/// <param name="model">The network.</param>
internal sealed class TrainingAverage(TrainOptions options, AverageOptions average, Module model) : IDisposable
{
    /// <summary>The average.</summary>
    public WeightAverage Weights { get; } = new(model);

    /// <summary>Lets the average see the network after a minibatch.</summary>
    /// <param name="state">The state after it.</param>
    /// <param name="batches">The minibatches of the run.</param>
    /// <param name="pass">What trains the network.</param>
    public void After(TrainerState state, TrainingBatches batches, AdversarialPass pass)
    {
        if (average.Share(state.Batch == batches.Count ? state.Epoch : null, Weights.Updates) is not { } share)
            return;
        Weights.Move(share);
        if (average.Rule.Reestimates)
            Reestimate(state.Epoch, batches, pass);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    // No network had the averaged weights, so no running statistics are theirs: they become the means over the minibatches of the epoch,
    // without an adversary.
    private void Reestimate(int epoch, TrainingBatches batches, AdversarialPass pass)
    {
        using IDisposable averaged = Weights.InModel();
        double usual = model.BatchShare;
        for (int batch = 0; batch < batches.Count; batch++)
        {
            pass.Batch = batches.Gather(epoch, batch);
            pass.Start(DeltaInit.Zero, tau: 0, clampPixels: false, default);
            model.BatchShare = 1.0 / (batch + 1);
            using Tape tape = new(model.Device, Wanted.None, options.Precision);
            model.Forward(tape, pass.Batch.Z);
            pass.Count(forwards: 1, backwards: 0);
        }

        model.BatchShare = usual;
    }
}
