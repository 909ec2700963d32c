using System.Diagnostics;
using Deat.Nn;
using Deat.Training;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>What an epoch showed.</summary>
internal sealed record EpochRow(
    int Epoch, double Seconds, double LearningRate, double Loss, double Accuracy, double Magnitude, int Replays, double? Threshold);

/// <summary>One training run: M+DEAT, or without an adversary.</summary>
internal sealed class TwinTrainer(TrainOptions options, Learner learner, TensorImages images)
{
    private readonly int batches = (images.Count + options.BatchSize - 1) / options.BatchSize;

    /// <summary>Sums over an epoch: loss and hits of the last replays, magnitude of the last gradients.</summary>
    private sealed record Sums(Tensor Loss, Tensor Hits, Tensor Magnitude);

    public IEnumerable<EpochRow> Run()
    {
        ILearningRateSchedule rates = options.Schedule(options.Epochs * batches);
        IReplaySchedule replays = options.Replays();
        ReplayState state = replays.First;
        learner.Network.train();
        for (int epoch = 0; epoch < options.Epochs; epoch++)
        {
            long start = Stopwatch.GetTimestamp();
            EpochRow row = RunEpoch(epoch, state, rates);
            yield return row with { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
            state = replays.Next(state, new EpochOutcome(row.Magnitude, row.Accuracy));
        }
    }

    private EpochRow RunEpoch(int epoch, ReplayState state, ILearningRateSchedule rates)
    {
        using var scope = NewDisposeScope();
        var sums = new Sums(zeros(1, ScalarType.Float64), zeros(1, ScalarType.Int64), zeros(1, ScalarType.Float64));
        Tensor order = randperm(images.Count, ScalarType.Int64);
        double rate = 0;
        for (int batch = 0; batch < batches; batch++)
        {
            (rate, double momentum) = rates.At(epoch * batches + batch);
            learner.SetRate(rate, momentum);
            int start = batch * options.BatchSize;
            Tensor indices = order.narrow(0, start, Math.Min(options.BatchSize, images.Count - start));
            TrainBatch(indices, state, sums);
            indices.Dispose();
        }

        return new EpochRow(
            epoch, 0, rate, sums.Loss.item<double>() / images.Count, sums.Hits.item<long>() / (double)images.Count,
            sums.Magnitude.item<double>(), state.Count, state.Threshold);
    }

    private void TrainBatch(Tensor indices, ReplayState state, Sums sums)
    {
        using var scope = NewDisposeScope();
        (Tensor x, Tensor labels) = images.TrainBatch(indices);
        if (options.IsNatural)
        {
            AddLossAndHits(sums, learner.Backward(x, labels), labels);
            learner.Update();
            return;
        }

        Tensor delta = LinfBall.UniformStart(x, options.Epsilon);
        for (int replay = 0; replay < state.Count; replay++)
        {
            using var replayScope = NewDisposeScope();
            Tensor leaf = delta.detach().requires_grad_();
            (Tensor Loss, Tensor Logits) pass = learner.Backward(x + leaf, labels);
            if (replay == state.Count - 1)
            {
                AddLossAndHits(sums, pass, labels);
                sums.Magnitude.add_(learner.Magnitude(leaf.grad!));
            }

            delta = LinfBall.Step(leaf, leaf.grad!, x, state.StepSize, options.Epsilon).MoveToOuterDisposeScope();
            learner.Update();
        }
    }

    private static void AddLossAndHits(Sums sums, (Tensor Loss, Tensor Logits) pass, Tensor labels)
    {
        sums.Loss.add_(pass.Loss * labels.shape[0]);
        sums.Hits.add_(pass.Logits.argmax(1).eq(labels).sum());
    }
}
