using System.Diagnostics;
using System.Numerics;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>What a caller sees and decides while an attack runs.</summary>
public sealed record Watch
{
    /// <summary>Is told the part that is done, in (0,1], after each batch.</summary>
    public Action<double>? Progress { get; init; }

    /// <summary>Is asked between batches whether to give up.</summary>
    public Func<bool>? Stop { get; init; }

    /// <summary>Is given how far it came after each batch and at the end, to go on from there another time.</summary>
    public Action<Standing>? Save { get; init; }

    /// <summary>Is shown each batch after the start, as step -1, and after every step.</summary>
    public Action<AttackBatch, int>? Step { get; init; }

    /// <summary>Is given each image that is classified wrongly at the answer.</summary>
    public Action<AdversarialExample>? Found { get; init; }
}

/// <summary>An image that is classified wrongly.</summary>
/// <param name="Image">Its number.</param>
/// <param name="Delta">Its perturbation in pixel range, in C, H, W order.</param>
/// <param name="Prediction">The class of the largest logit; of a NaN before any number.</param>
public sealed record AdversarialExample(int Image, double[] Delta, int Prediction);

/// <summary>
/// Evaluates a network with running batch-norm statistics on a fixed set of images, without and under attack. Images that are classified
/// wrongly, as they are or once fooled, cost nothing more: each round goes over those that are still robust, and a batch of which few are
/// left goes on in a smaller one. Each image's result is the same bits whatever the batch size: its random numbers follow from its own
/// number, and batches are powers of two, so that gradients of a mean are exactly those of each image's loss.
/// </summary>
public sealed class Evaluator : IDisposable
{
    private readonly Module _model;
    private readonly ImageSet _images;
    private readonly Normalization _normalization;
    private readonly Workspace _workspace;
    private readonly DeviceImages _source;
    private readonly NetworkPasses _passes;
    private readonly Dictionary<int, AttackBatch> _batches = [];
    private readonly int _size;

    /// <summary>Copies the images to the model's device.</summary>
    /// <param name="model">A placed model, in any mode.</param>
    /// <param name="images">The images.</param>
    /// <param name="normalization">From pixels to the network's input.</param>
    /// <param name="batchSize">Images at once, rounded down to a power of two.</param>
    public Evaluator(Module model, ImageSet images, Normalization normalization, int batchSize)
    {
        (_model, _images, _normalization) = (model, images, normalization);
        _size = 1 << BitOperations.Log2((uint)batchSize);
        _workspace = new Workspace(model.Device, MemoryCategory.Data);
        _source = new DeviceImages(model.Device, images, images.Count + _size);
        _passes = new NetworkPasses(model) { OfEachImage = true };
    }

    /// <summary>The number of images.</summary>
    public int Count => _images.Count;

    /// <summary>Attacks every image that is classified correctly.</summary>
    /// <param name="attack">The attack.</param>
    /// <param name="seed">What random numbers follow from.</param>
    /// <param name="start">What another attack left, which this one goes on from; null to look at all images as they are first.</param>
    /// <param name="watch">What the caller sees and decides.</param>
    /// <param name="from">How far this attack came before, as <see cref="Watch.Save"/> was given it.</param>
    /// <exception cref="OperationCanceledException"><see cref="Watch.Stop"/> said so.</exception>
    public EvaluationResult Run(Attack attack, ulong seed, EvaluationResult? start = null, Watch? watch = null, Standing? from = null)
    {
        watch ??= new Watch();
        bool training = _model.Training;
        _model.Training = false;
        try
        {
            Standing standing = from ?? Begin(attack, seed, start, watch);
            IReadOnlyList<AttackRound> rounds = attack.Rounds(_images.Classes);
            while (standing.Round < rounds.Count)
                standing = RunRound(new Pursuit(attack, rounds, seed), standing, watch);
            watch.Save?.Invoke(standing);
            return EvaluationResult.Of(attack, _images, standing);
        }
        finally
        {
            _model.Training = training;
        }
    }

    /// <summary>The logits of the first images as they are, a row for each, again and again: for what they tell of the network.</summary>
    /// <param name="times">How often the network is asked.</param>
    public IReadOnlyList<double[][]> Logits(int times)
    {
        bool training = _model.Training;
        _model.Training = false;
        try
        {
            int[] numbers = [.. Enumerable.Range(0, Math.Min(_size, _images.Count))];
            _source.SetOrder([.. numbers, .. Enumerable.Repeat(0, _images.Count + _size - numbers.Length)]);
            Pursuit clean = new(Attack.Clean(default), [new AttackRound(0, 0)], Seed: 0);
            return [.. Enumerable.Range(0, times).Select(_ => RunBatch(clean, 0, numbers, 0, new Watch()).Images.Logits!.ToDoubles())
                .Select(logits => logits.Chunk(_images.Classes).Take(numbers.Length).ToArray())];
        }
        finally
        {
            _model.Training = training;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _passes.Dispose();
        _source.Dispose();
        _workspace.Dispose();
    }

    private Standing Begin(Attack attack, ulong seed, EvaluationResult? start, Watch watch)
    {
        if (start is not null || attack.Kind.Search is null)
            return Standing.After(start, _images.Count);
        EvaluationResult clean = Run(Attack.Clean(attack.Epsilon), seed, watch: new Watch { Stop = watch.Stop });
        return Standing.After(clean, _images.Count) with { Passes = clean.Passes, Elapsed = clean.Elapsed };
    }

    private Standing RunRound(Pursuit pursuit, Standing standing, Watch watch)
    {
        int[] robust = [.. Enumerable.Range(standing.Next, _images.Count - standing.Next).Where(i => standing.Correct[i])];
        _source.SetOrder([.. robust, .. Enumerable.Repeat(0, _images.Count + _size - robust.Length)]);
        for (int first = 0; first < robust.Length; first += _size)
        {
            if (watch.Stop?.Invoke() == true)
                throw new OperationCanceledException();
            int[] numbers = robust[first..Math.Min(first + _size, robust.Length)];
            long begun = Stopwatch.GetTimestamp();
            PassCounts before = _passes.Counts;
            AttackBatch batch = RunBatch(pursuit, standing.Round, numbers, first, watch);
            Record(batch, numbers, standing, watch);
            standing = standing with
            {
                Next = numbers[^1] + 1,
                Passes = standing.Passes + _passes.Counts - before,
                Elapsed = standing.Elapsed + Stopwatch.GetElapsedTime(begun),
            };
            watch.Save?.Invoke(standing);
            watch.Progress?.Invoke((standing.Round + ((double)standing.Next / _images.Count)) / pursuit.Rounds.Count);
        }

        return standing with { Round = standing.Round + 1, Next = 0 };
    }

    private AttackBatch RunBatch(Pursuit pursuit, int round, int[] numbers, int first, Watch watch)
    {
        AttackBatch batch = BatchOf(numbers.Length);
        using Ledger.Scope scope = _model.Device.Ledger.In(Phase.Evaluation);
        _source.Gather(batch.Images, first);
        batch.Begin(pursuit.Attack, pursuit.Rounds[round], new RandomKey(pursuit.Seed, Purpose.Evaluation, Batch: round), numbers);
        if (pursuit.Attack.Kind.Search is { } search)
        {
            search.Start(batch);
            watch.Step?.Invoke(batch, -1);
            Search(search, batch, step: 0, look: 0, watch);
            batch.SetInput();
        }

        batch.Pass(Losses.CrossEntropy);
        return batch;
    }

    // What is left to do is known on the device; the host looks at growing intervals, because it waits for it.
    private void Search(ISearch search, AttackBatch batch, int step, int look, Watch watch)
    {
        for (; step < batch.Attack.Steps; step++)
        {
            if (step >= look)
            {
                look = step + Math.Max(1, step / 4);
                int[] alive = batch.Alive();
                if (alive.Length == 0)
                    return;
                if (SizeOf(alive.Length) < batch.Images.Count)
                {
                    AttackBatch smaller = BatchOf(alive.Length);
                    batch.MoveTo(smaller, alive);
                    Search(search, smaller, step, look, watch);
                    batch.TakeBack(smaller);
                    return;
                }
            }

            using Ledger.Scope scope = _model.Device.Ledger.In(Phase.Evaluation, step);
            search.Step(batch, step);
            watch.Step?.Invoke(batch, step);
        }

        search.Finish(batch);
    }

    private static void Record(AttackBatch batch, int[] numbers, Standing standing, Watch watch)
    {
        Minibatch images = batch.Images;
        int[] correct = images.Correct.ToArray<int>();
        double[] losses = images.Losses.ToDoubles();
        double[] slopes = batch.HasGradients ? images.Magnitude.ToDoubles() : [];
        double[] deltas = watch.Found is null ? [] : images.Delta.ToDoubles();
        double[] logits = watch.Found is null ? [] : images.Logits!.ToDoubles();
        int classes = images.Logits!.Shape.C;
        int elements = deltas.Length / images.Count;
        for (int place = 0; place < numbers.Length; place++)
        {
            int i = numbers[place];
            bool isCorrect = correct[place] == 1;
            standing.Correct[i] = isCorrect;
            standing.Moved[i] |= !isCorrect || losses[place] > standing.Losses[i];
            standing.Flat[i] |= batch.HasGradients && slopes[place] == 0;
            standing.Losses[i] = Math.Max(standing.Losses[i], losses[place]);
            if (!isCorrect)
                watch.Found?.Invoke(new AdversarialExample(i, deltas[Of(elements)], Largest(logits[Of(classes)])));
            Range Of(int count) => (place * count)..((place + 1) * count);
        }
    }

    private static int Largest(double[] logits) =>
        Array.IndexOf(logits, logits.Any(double.IsNaN) ? double.NaN : logits.Max());

    private static int SizeOf(int images) => (int)BitOperations.RoundUpToPowerOf2((uint)images);

    private AttackBatch BatchOf(int images)
    {
        int size = SizeOf(images);
        if (!_batches.TryGetValue(size, out AttackBatch? batch))
        {
            Shape shape = new(size, _images.Channels, _images.Height, _images.Width);
            batch = new AttackBatch(_workspace, _passes, _normalization, shape, _images.Classes, _model.Type);
            _batches.Add(size, batch);
        }

        return batch;
    }

    private sealed record Pursuit(Attack Attack, IReadOnlyList<AttackRound> Rounds, ulong Seed);
}
