using System.Numerics;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>What an attack left of the accuracy.</summary>
public sealed record EvaluationResult
{
    /// <summary>The attack.</summary>
    public required Attack Attack { get; init; }

    /// <summary>Whether each image is classified correctly under the attack, after every restart.</summary>
    public required IReadOnlyList<bool> Correct { get; init; }

    /// <summary>Each image's cross-entropy under the attack, the largest over the restarts.</summary>
    public required IReadOnlyList<double> Losses { get; init; }

    /// <summary>The accuracy on all images.</summary>
    public required Proportion Total { get; init; }

    /// <summary>The accuracy on the images of each class; classes without images have a count of 0.</summary>
    public required IReadOnlyList<Proportion> PerClass { get; init; }

    /// <summary>Forward passes of a minibatch.</summary>
    public required long Forwards { get; init; }

    /// <summary>Backward passes of a minibatch.</summary>
    public required long Backwards { get; init; }

    /// <summary>The mean of <see cref="Losses"/>.</summary>
    public double Loss => Losses.Sum() / Losses.Count;
}

/// <summary>
/// Evaluates a network with running batch-norm statistics on a fixed set of images, without and under attack. In each step only images
/// that are still classified correctly move; a batch without any ends early. Each image's result is the same bits whatever
/// the batch size: its random start follows from its index, and batches are powers of two, so that the mean over a batch scales gradients
/// exactly. Source: TrustAI/DEAT, utils.py, attack_pgd and evaluate_pgd.
/// </summary>
public sealed class Evaluator : IDisposable
{
    private readonly Module _model;
    private readonly ImageSet _images;
    private readonly Normalization _normalization;
    private readonly Workspace _workspace;
    private readonly DeviceImages _source;
    private readonly Minibatch _batch;
    private readonly Tensor _losses;
    private readonly Tensor _correct;

    /// <summary>Copies the images to the model's device.</summary>
    /// <param name="model">A placed model, in any mode.</param>
    /// <param name="images">The images.</param>
    /// <param name="normalization">From pixels to the network's input.</param>
    /// <param name="batchSize">Images at once, rounded down to a power of two.</param>
    public Evaluator(Module model, ImageSet images, Normalization normalization, int batchSize)
    {
        (_model, _images, _normalization) = (model, images, normalization);
        int size = (int)Math.Min(1u << BitOperations.Log2((uint)batchSize), BitOperations.RoundUpToPowerOf2((uint)images.Count));
        int places = (images.Count + size - 1) / size * size;
        _workspace = new Workspace(model.Device, MemoryCategory.Data);
        _source = new DeviceImages(model.Device, images, places);
        // The last batch is filled up with the first image.
        _source.SetOrder([.. Enumerable.Range(0, places).Select(i => i < images.Count ? i : 0)]);
        _batch = Minibatch.Allocate(_workspace, new Shape(size, images.Channels, images.Height, images.Width), model.Type);
        _losses = _workspace.Plain(new Shape(places, 1), model.Type);
        _correct = _workspace.Plain(new Shape(places, 1), ElementType.Int32);
    }

    /// <summary>Attacks every image.</summary>
    /// <param name="attack">The attack.</param>
    /// <param name="seed">What random starts follow from.</param>
    /// <param name="progress">Is told the part that is done, in (0,1], after each batch.</param>
    /// <param name="stop">Is asked between batches whether to give up.</param>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> said so.</exception>
    public EvaluationResult Run(Attack attack, ulong seed, Action<double>? progress = null, Func<bool>? stop = null)
    {
        using AdversarialPass steps = Pass(attack.Loss, attack);
        using AdversarialPass final = Pass(Losses.CrossEntropy, attack);
        bool[] correct = [.. Enumerable.Repeat(true, _images.Count)];
        double[] losses = [.. Enumerable.Repeat(double.NegativeInfinity, _images.Count)];
        bool training = _model.Training;
        _model.Training = false;
        try
        {
            for (int restart = 0; restart < attack.Restarts; restart++)
            {
                for (int start = 0; start < _images.Count; start += _batch.Count)
                {
                    if (stop?.Invoke() == true)
                        throw new OperationCanceledException();
                    Run(attack, new RandomKey(seed, Purpose.Evaluation, 0, restart), start, steps, final);
                    progress?.Invoke((restart + Math.Min(1, (double)(start + _batch.Count) / _images.Count)) / attack.Restarts);
                }

                KeepWorst(correct, losses);
            }
        }
        finally
        {
            _model.Training = training;
        }

        return Result(attack, correct, losses, steps, final);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _source.Dispose();
        _workspace.Dispose();
    }

    private AdversarialPass Pass(Loss loss, Attack attack) => new(_model, loss, _normalization)
    {
        Batch = _batch,
        Ball = new LinfBall { Epsilon = attack.Epsilon.Value, Alpha = attack.StepSize.Value },
        Patience = 0,
        Phase = Phase.Evaluation,
    };

    private void Run(Attack attack, RandomKey key, int start, AdversarialPass steps, AdversarialPass final)
    {
        Shape perImage = new(_batch.Count, 1);
        Minibatch batch = _batch;
        using (_model.Device.Ledger.In(Phase.Evaluation))
            _source.Gather(batch, start);
        DeltaInit kind = attack.StartsAtRandom ? DeltaInit.Uniform : DeltaInit.Zero;
        steps.Start(kind, attack.Epsilon.Value, clampPixels: true, key, firstImage: start);
        for (int i = 0; i < attack.Steps; i++)
        {
            steps.Run(Wanted.Input, i);
            if (i + 1 < attack.Steps && !batch.Correct.ToArray<int>().Contains(1))
                break;
        }

        final.Run(Wanted.None, attack.Steps);
        using (_model.Device.Ledger.In(Phase.Evaluation, attack.Steps))
        {
            Ops.Keep(batch.Losses, _losses.Slice(start, perImage));
            Ops.Keep(batch.Correct, _correct.Slice(start, perImage));
        }
    }

    private void KeepWorst(bool[] correct, double[] losses)
    {
        int[] nowCorrect = _correct.ToArray<int>();
        double[] nowLosses = _losses.ToDoubles();
        for (int i = 0; i < correct.Length; i++)
        {
            correct[i] &= nowCorrect[i] == 1;
            losses[i] = Math.Max(losses[i], nowLosses[i]);
        }
    }

    private EvaluationResult Result(Attack attack, bool[] correct, double[] losses, AdversarialPass steps, AdversarialPass final)
    {
        int[] hits = new int[_images.Classes];
        int[] counts = new int[_images.Classes];
        for (int i = 0; i < correct.Length; i++)
        {
            counts[_images.Labels[i]]++;
            hits[_images.Labels[i]] += correct[i] ? 1 : 0;
        }

        return new EvaluationResult
        {
            Attack = attack,
            Correct = correct,
            Losses = losses,
            Total = new Proportion(hits.Sum(), correct.Length),
            PerClass = [.. hits.Zip(counts, (hit, count) => new Proportion(hit, count))],
            Forwards = steps.Forwards + final.Forwards,
            Backwards = steps.Backwards,
        };
    }
}
