using System.Numerics;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// The loss l(x + delta) of images as a function of delta, under a network with running batch-norm statistics: values and gradients at any
/// points. The network runs on its device; gradients come to the host, where all that follows from them is computed in double precision
/// and in a fixed order. A point's values are the same bits whatever the others are, because batches are powers of two.
/// </summary>
internal sealed class LossSurface : IDisposable
{
    private static readonly LinfBall Everywhere = new() { Epsilon = double.PositiveInfinity, Alpha = 0, ClampPixels = false };

    private readonly Module _model;
    private readonly ImageSet _images;
    private readonly Normalization _normalization;
    private readonly Func<bool>? _stop;
    private readonly Workspace _workspace;
    private readonly DeviceImages _source;

    /// <summary>Copies the images to the model's device.</summary>
    /// <param name="model">A placed model. Its mode must be that of evaluation whenever points are asked for.</param>
    /// <param name="images">The images.</param>
    /// <param name="normalization">From pixels to the network's input.</param>
    /// <param name="batchSize">Points at once, rounded down to a power of two.</param>
    /// <param name="loss">The loss, a mean over the batch; cross-entropy if null.</param>
    /// <param name="seesNatural">Whether an attack's loss sees the images as they are.</param>
    /// <param name="stop">Is asked between batches whether to give up.</param>
    public LossSurface(
        Module model, ImageSet images, Normalization normalization, int batchSize, Loss? loss = null, bool seesNatural = false,
        Func<bool>? stop = null)
    {
        (_model, _images, _normalization, _stop) = (model, images, normalization, stop);
        int size = (int)Math.Min(1u << BitOperations.Log2((uint)batchSize), BitOperations.RoundUpToPowerOf2((uint)images.Count));
        _workspace = new Workspace(model.Device, MemoryCategory.Data);
        _source = new DeviceImages(model.Device, images, size);
        Shape shape = new(size, images.Channels, images.Height, images.Width);
        Batch = Minibatch.Allocate(_workspace, shape, model.Type, seesNatural);
        Numbers = _workspace.Plain(new Shape(size, 1), ElementType.Int32);
        Pass = new AdversarialPass(model, loss ?? Losses.CrossEntropy, normalization) { Batch = Batch, Phase = Phase.Probe };
    }

    /// <summary>The minibatch that attacks perturb.</summary>
    public Minibatch Batch { get; }

    /// <summary>The number of each of its images, Int32 [N, 1, 1, 1]: each has random numbers of its own.</summary>
    public Tensor Numbers { get; }

    /// <summary>Passes over <see cref="Batch"/> that differentiate the loss of the surface.</summary>
    public AdversarialPass Pass { get; }

    /// <summary>The loss at points, and its gradient with respect to pixels where it is wanted.</summary>
    /// <param name="images">The image of each point.</param>
    /// <param name="deltas">[points, C, H, W], pixel range.</param>
    /// <param name="wantsGradients">Whether gradients are wanted.</param>
    /// <returns>Losses [points] in nats; gradients [points, C, H, W] in nats per unit of the pixel range, empty if not wanted.</returns>
    public (double[] Losses, double[] Gradients) At(int[] images, double[] deltas, bool wantsGradients)
    {
        double[] losses = new double[images.Length];
        double[] gradients = wantsGradients ? new double[deltas.Length] : [];
        Pass.Ball = Everywhere;
        ForBatches(images, (first, count) =>
        {
            Place(deltas, first, count);
            Pass.Observer = seen => Keep(seen.InputGradient, gradients, first, count);
            Pass.Run(wantsGradients ? Wanted.Input : Wanted.None, 0);
            Pass.Observer = null;
            Batch.Losses.ToDoubles().AsSpan(0, count).CopyTo(losses.AsSpan(first));
        });
        return (losses, gradients);
    }

    /// <summary>The network's probabilities at points.</summary>
    /// <param name="images">The image of each point.</param>
    /// <param name="deltas">[points, C, H, W], pixel range.</param>
    /// <returns>[points, classes], the softmax of the logits.</returns>
    public double[][] Probabilities(int[] images, double[] deltas)
    {
        double[][] result = new double[images.Length][];
        ForBatches(images, (first, count) =>
        {
            Place(deltas, first, count);
            using Ledger.Scope scope = _model.Device.Ledger.In(Phase.Probe);
            using Tape tape = new(_model.Device, Wanted.None);
            double[] logits = _model.Forward(tape, Batch.Z).ToDoubles();
            int classes = logits.Length / Batch.Count;
            for (int i = 0; i < count; i++)
                result[first + i] = Softmax(logits.AsSpan(i * classes, classes));
        });
        return result;
    }

    /// <summary>Where an attack ends.</summary>
    /// <param name="images">The images.</param>
    /// <param name="attack">Moves the delta of <see cref="Batch"/>.</param>
    /// <returns>[images, C, H, W], pixel range.</returns>
    public double[] Attacked(int[] images, Action attack)
    {
        double[] deltas = new double[images.Length * _images.ImageBytes];
        ForBatches(images, (first, count) =>
        {
            attack();
            Batch.Delta.ToDoubles().AsSpan(0, count * _images.ImageBytes).CopyTo(deltas.AsSpan(first * _images.ImageBytes));
        });
        return deltas;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pass.Dispose();
        _source.Dispose();
        _workspace.Dispose();
    }

    // The last batch is filled up with its first image.
    private void ForBatches(int[] images, Action<int, int> run)
    {
        for (int first = 0; first < images.Length; first += Batch.Count)
        {
            if (_stop?.Invoke() == true)
                throw new OperationCanceledException();
            int count = Math.Min(Batch.Count, images.Length - first);
            int[] order = [.. Enumerable.Range(0, Batch.Count).Select(i => images[first + (i < count ? i : 0)])];
            using (_model.Device.Ledger.In(Phase.Probe))
            {
                _source.SetOrder(order);
                Numbers.CopyFrom<int>(order);
                _source.Gather(Batch, 0);
            }

            run(first, count);
        }
    }

    private void Place(double[] deltas, int first, int count)
    {
        double[] placed = new double[Batch.Count * _images.ImageBytes];
        deltas.AsSpan(first * _images.ImageBytes, count * _images.ImageBytes).CopyTo(placed);
        using Ledger.Scope scope = _model.Device.Ledger.In(Phase.Probe);
        Batch.Delta.SetDoubles(placed);
        Ops.AdversarialInput(Batch.Z, Batch.X, Batch.Delta, _normalization);
    }

    // The pass differentiates the mean over the batch with respect to the normalised input.
    private void Keep(Tensor? gradient, double[] gradients, int first, int count)
    {
        if (gradient is null)
            return;
        double[] dz = gradient.ToDoubles();
        int plane = _images.Height * _images.Width;
        for (int i = 0; i < count * _images.ImageBytes; i++)
            gradients[(first * _images.ImageBytes) + i] = dz[i] * Batch.Count / _normalization.Std[i / plane % _images.Channels];
    }

    private static double[] Softmax(ReadOnlySpan<double> logits)
    {
        double[] result = new double[logits.Length];
        double largest = double.NegativeInfinity;
        foreach (double logit in logits)
            largest = Math.Max(largest, logit);
        for (int k = 0; k < result.Length; k++)
            result[k] = Math.Exp(logits[k] - largest);
        double sum = result.Sum();
        return Array.ConvertAll(result, value => value / sum);
    }
}
