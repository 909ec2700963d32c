using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// Measures what the theory behind M+DEAT speaks of, on a fixed set of images and without changing anything: how steep and how curved the
/// loss is at the method's adversarial examples, what its attack gains and what a strong one would, and slices of the loss surface. Batch
/// normalisation uses its running statistics, as in evaluation, also in the method's own attack. Random starts and directions
/// are the same in all epochs.
/// </summary>
internal sealed class SurfaceProbe : IDisposable
{
    private const int StrongSteps = 20, StripImages = 8, SlicedImages = 4, SliceSteps = 8;

    // Of the finite differences, as a part of epsilon: one grey level at 8/255.
    private const double CurvaturePart = 1.0 / 8;

    private readonly Module _model;
    private readonly TrainOptions _options;
    private readonly ImageSet _images;
    private readonly LossSurface _surface;
    private readonly AdversarialPass _attack;
    private readonly int[] _all;

    /// <summary>Copies the images to the model's device.</summary>
    /// <param name="model">A placed model, in any mode.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="images">The images, see <see cref="Choose"/>.</param>
    /// <param name="loss">The loss of the surface, a mean over the batch; cross-entropy if null.</param>
    /// <param name="stop">Is asked between batches whether to give up.</param>
    public SurfaceProbe(Module model, TrainOptions options, ImageSet images, Loss? loss = null, Func<bool>? stop = null)
    {
        (_model, _options, _images) = (model, options, images);
        Objective objective = options.Objective();
        Normalization normalization = options.Data.NormalizationOf(images);
        _surface = new LossSurface(model, images, normalization, options.BatchSize, loss, objective.SeesNatural, stop);
        Loss moves = options.Method.Loop.HasAttack ? objective.Attack : objective.Training;
        _attack = new AdversarialPass(model, objective.Training, normalization)
        {
            Batch = _surface.Batch,
            AttackLoss = moves,
            Patience = options.Adversary.Patience,
            FirstLayerSteps = options.Adversary.FirstSteps ?? 1,
            Phase = Phase.Probe,
            Update = () => { },
        };
        _all = [.. Enumerable.Range(0, images.Count)];
        double epsilon = options.Adversary.Epsilon.Value;
        Header = new ProbeHeader
        {
            Format = ProbeHeader.CurrentFormat,
            Images = images.Name,
            Count = images.Count,
            Epsilon = epsilon,
            StrongStep = options.AttackStep.Value,
            CurvatureStep = CurvaturePart * epsilon,
            ImageShape = [images.Channels, images.Height, images.Width],
            ClassNames = images.ClassNames,
            Strip = [.. _all.Take(StripImages).Select(i => new StripImage(images.Labels[i], PixelsOf(i)))],
            SliceOffsets = [.. Enumerable.Range(-SliceSteps, (2 * SliceSteps) + 1).Select(i => 2 * epsilon * i / SliceSteps)],
        };
    }

    /// <summary>What all epochs have in common.</summary>
    public ProbeHeader Header { get; }

    /// <summary>The images that are probed: held out for validation if there are any, otherwise training images as they are.</summary>
    /// <param name="count">How many, in equal parts by class; none for 0.</param>
    /// <param name="data">The images of a run.</param>
    /// <param name="option">The option that says how many, for the message.</param>
    /// <exception cref="UsageException">There are fewer.</exception>
    public static ImageSet? Choose(int count, (ImageSet Train, ImageSet? Validation, ImageSet Test) data, string option)
    {
        ImageSet images = data.Validation ?? data.Train;
        if (count == 0)
            return null;
        return count <= images.Count
            ? images.TakeBalanced(count)
            : throw new UsageException($"--{option} {count} is more than the {images.Count} images of {images.Name}");
    }

    /// <summary>Probes the network as it is.</summary>
    /// <param name="epoch">The epoch, for the record.</param>
    /// <param name="replays">Iterations of the method's attack.</param>
    /// <param name="stepSize">Its step size, in pixel range.</param>
    /// <exception cref="NumericException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was asked to give up.</exception>
    public ProbeEpoch Measure(int epoch, int replays, double stepSize)
    {
        bool training = _model.Training;
        _model.Training = false;
        try
        {
            ProbeEpoch shown = Measured(epoch, replays, stepSize);
            RequireFinite(shown);
            return shown;
        }
        finally
        {
            _model.Training = training;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _attack.Dispose();
        _surface.Dispose();
    }

    private ProbeEpoch Measured(int epoch, int replays, double stepSize)
    {
        double[] zero = new double[_images.Count * _images.ImageBytes];
        (double[] cleanLosses, double[] cleanGradients) = _surface.At(_all, zero, wantsGradients: true);
        double[] deltas = TrainingDeltas(epoch, replays, stepSize);
        (double[] losses, double[] gradients) = _surface.At(_all, deltas, wantsGradients: true);
        double[] next = NextDeltas(deltas, gradients, stepSize);
        double[] nextLosses = _surface.At(_all, next, wantsGradients: false).Losses;
        double[] signs = Array.ConvertAll(gradients, Sign);
        return new ProbeEpoch
        {
            Epoch = epoch,
            Replays = replays,
            StepSize = stepSize,
            CleanLosses = cleanLosses,
            TrainingLosses = losses,
            StrongLosses = _surface.At(_all, StrongDeltas(), wantsGradients: false).Losses,
            LipschitzBounds = Products(gradients, signs),
            StepPredictions = Products(gradients, [.. next.Zip(deltas, (to, from) => to - from)]),
            StepGains = [.. nextLosses.Zip(losses, (to, from) => to - from)],
            Curvatures = Curvatures(deltas, signs),
            Strip = Strip(deltas),
            Slices = [.. _all.Take(SlicedImages).Select(i => Slice(i, cleanGradients))],
        };
    }

    private double[] TrainingDeltas(int epoch, int replays, double stepSize) => _surface.Attacked(_all, () =>
    {
        TrainingPass.Start(_attack, _options, stepSize, epoch, Key(2), _surface.Numbers);
        if (_options.Method.HasAdversary)
            _options.Method.Loop.Perturb(_attack, replays);
    });

    private double[] StrongDeltas() => _surface.Attacked(_all, () =>
    {
        _surface.Pass.Ball = new LinfBall { Epsilon = Header.Epsilon, Alpha = Header.StrongStep };
        _surface.Pass.Start(DeltaInit.Uniform, Header.Epsilon, clampPixels: true, Key(1), _surface.Numbers);
        for (int i = 0; i < StrongSteps; i++)
            _surface.Pass.Run(Wanted.Input, i);
    });

    // As LinfStep does it. A method without a step of its own would go to the end of the ball.
    private double[] NextDeltas(double[] deltas, double[] gradients, double stepSize)
    {
        double step = stepSize > 0 ? stepSize : Header.Epsilon;
        double radius = _options.Method.LeavesBall ? 1 : Header.Epsilon;
        double[] next = new double[deltas.Length];
        for (int i = 0; i < next.Length; i++)
        {
            double x = _images.Pixels[i] / (double)byte.MaxValue;
            double moved = Math.Clamp(deltas[i] + (step * Sign(gradients[i])), -radius, radius);
            next[i] = Math.Clamp(moved, -x, 1 - x);
        }

        return next;
    }

    /// <summary>
    /// s . (g(delta + h s) - g(delta - h s)) / 2h for each image: the mean of s . H s over the segment between both points, exact where the
    /// loss is of third degree or less. Otherwise it differs from s . H s at delta by h^2/6 times the fourth derivative along s, and by
    /// rounding: about u |g|_1 / h, where u is the relative error of a gradient. The points may lie outside of ball and pixel range.
    /// </summary>
    private double[] Curvatures(double[] deltas, double[] signs)
    {
        double h = Header.CurvatureStep;
        double[] ahead = Products(_surface.At(_all, Moved(h), wantsGradients: true).Gradients, signs);
        double[] behind = Products(_surface.At(_all, Moved(-h), wantsGradients: true).Gradients, signs);
        return [.. ahead.Zip(behind, (a, b) => (a - b) / (2 * h))];

        double[] Moved(double step) => [.. deltas.Zip(signs, (delta, sign) => delta + (step * sign))];
    }

    // The loss at x + a s + b r: s the sign of the gradient at x, r random signs. Rows follow b, columns a.
    private float[] Slice(int image, double[] cleanGradients)
    {
        IReadOnlyList<double> offsets = Header.SliceOffsets;
        int size = _images.ImageBytes;
        RandomKey key = Key(0) with { Epoch = image };
        double[] points = new double[offsets.Count * offsets.Count * size];
        for (int i = 0; i < size; i++)
        {
            double along = Sign(cleanGradients[(image * size) + i]);
            double across = Philox.Word(key, i) >> 31 == 0 ? -1 : 1;
            for (int place = 0; place < points.Length / size; place++)
                points[(place * size) + i] = (offsets[place % offsets.Count] * along) + (offsets[place / offsets.Count] * across);
        }

        int[] images = [.. Enumerable.Repeat(image, points.Length / size)];
        return Array.ConvertAll(_surface.At(images, points, wantsGradients: false).Losses, loss => (float)loss);
    }

    private StripExample[] Strip(double[] deltas)
    {
        int size = _images.ImageBytes;
        int[] images = [.. _all.Take(StripImages)];
        double[][] clean = _surface.Probabilities(images, new double[images.Length * size]);
        double[][] adversarial = _surface.Probabilities(images, deltas[..(images.Length * size)]);
        return [.. images.Select(i =>
        {
            double[] delta = deltas[(i * size)..((i + 1) * size)];
            double unit = delta.Max(Math.Abs) / sbyte.MaxValue;
            return new StripExample
            {
                Prediction = Array.IndexOf(clean[i], clean[i].Max()),
                Confidence = clean[i].Max(),
                AdversarialPrediction = Array.IndexOf(adversarial[i], adversarial[i].Max()),
                AdversarialConfidence = adversarial[i].Max(),
                DeltaUnit = unit,
                Delta = Array.ConvertAll(delta, d => (byte)(128 + (unit > 0 ? (int)Math.Round(d / unit) : 0))),
            };
        })];
    }

    private byte[] PixelsOf(int image) => _images.Pixels[(image * _images.ImageBytes)..((image + 1) * _images.ImageBytes)];

    // A gradient that is no number has no sign: its product with this one shows it.
    private static double Sign(double gradient) => gradient > 0 ? 1 : gradient < 0 ? -1 : 0;

    // a . b of each image.
    private double[] Products(double[] a, double[] b)
    {
        double[] sums = new double[_images.Count];
        for (int i = 0; i < a.Length; i++)
            sums[i / _images.ImageBytes] += a[i] * b[i];
        return sums;
    }

    // Each image has its own stream: its number goes to the place of the epoch.
    private RandomKey Key(int use) => new(_options.Seed, Purpose.Probe, Epoch: 0, use);

    private static void RequireFinite(ProbeEpoch shown)
    {
        (string Name, IEnumerable<double> Values)[] all =
        [
            ("loss", [.. shown.CleanLosses, .. shown.TrainingLosses, .. shown.StrongLosses, .. shown.StepGains]),
            ("gradient", [.. shown.LipschitzBounds, .. shown.StepPredictions]),
            ("curvature", shown.Curvatures),
            ("loss on a slice", shown.Slices.SelectMany(slice => slice).Select(loss => (double)loss)),
        ];
        foreach ((string name, IEnumerable<double> values) in all)
            if (values.Any(value => !double.IsFinite(value)))
                throw new NumericException($"{name} is not finite in the probe of epoch {shown.Epoch}");
    }
}
