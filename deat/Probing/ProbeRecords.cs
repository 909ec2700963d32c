namespace Deat.Training;

/// <summary>
/// What a probe showed of a network, as means over its images: the object <c>probe</c> in a line of metrics.jsonl. Losses l are
/// cross-entropies in nats, gradients are taken with respect to pixels in [0,1]; norms are Linf for delta and its dual L1 for gradients.
/// </summary>
public sealed record ProbeMetrics
{
    /// <summary>Images.</summary>
    public required int Images { get; init; }

    /// <summary>Wall-clock seconds of the probe.</summary>
    public required double Seconds { get; init; }

    /// <summary>The loss at the images as they are, in nats.</summary>
    public required double CleanLoss { get; init; }

    /// <summary>l(x + delta) - l(x) in nats, for the delta on which the method updates the weights last.</summary>
    public required double TrainingGain { get; init; }

    /// <summary>The same in nats for the delta of PGD-20.</summary>
    public required double StrongGain { get; init; }

    /// <summary>Attack quality: training gain over PGD-20's; null where PGD-20 gains nothing.</summary>
    public double? Quality { get; init; }

    /// <summary>
    /// The L1 norm of the gradient at x + delta of the training, in nats per unit of the pixel range: a lower bound of the local Lipschitz
    /// constant of l with respect to the Linf norm, since l(u + t s) - l(u) = t |g|_1 + o(t) for s = sign(g).
    /// </summary>
    public required double LipschitzBound { get; init; }

    /// <summary>Epsilon times the bound, in nats: what a loss of this slope gains from the centre of the ball to its end.</summary>
    public required double BallPrediction { get; init; }

    /// <summary>
    /// What the method's next step s from x + delta, projected to ball and pixel range, gains to first order: g . s, in nats.
    /// </summary>
    public required double StepPrediction { get; init; }

    /// <summary>What that step gains: l(x + delta + s) - l(x + delta), in nats.</summary>
    public required double StepGain { get; init; }

    /// <summary>
    /// The curvature along the adversarial direction s = sign(g) at x + delta, s . H s, in nats per squared unit of the pixel range: half
    /// of it times t^2 is what a step of size t gains beyond first order.
    /// </summary>
    public required double Curvature { get; init; }
}

/// <summary>The first line of probe.jsonl: what all epochs have in common.</summary>
public sealed record ProbeHeader
{
    /// <summary>The version of the format that this program writes.</summary>
    public const string CurrentFormat = "deat-probe-1";

    /// <summary>The version of the format.</summary>
    public required string Format { get; init; }

    /// <summary>What the images are called.</summary>
    public required string Images { get; init; }

    /// <summary>Their number.</summary>
    public required int Count { get; init; }

    /// <summary>The radius of the ball, in pixel range [0,1].</summary>
    public required double Epsilon { get; init; }

    /// <summary>The step size of PGD-20, in pixel range.</summary>
    public required double StrongStep { get; init; }

    /// <summary>The step size h of the finite differences, in pixel range.</summary>
    public required double CurvatureStep { get; init; }

    /// <summary>Channels, rows and columns of an image.</summary>
    public required IReadOnlyList<int> ImageShape { get; init; }

    /// <summary>Names of the classes, in the order of the labels.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>The images of the strip, which are the first ones.</summary>
    public required IReadOnlyList<StripImage> Strip { get; init; }

    /// <summary>Offsets of the slices along both directions, in pixel range.</summary>
    public required IReadOnlyList<double> SliceOffsets { get; init; }
}

/// <summary>An image of the strip.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Pixels">[C, H, W], 0 to 255.</param>
public sealed record StripImage(int Label, byte[] Pixels);

/// <summary>A further line of probe.jsonl: what one epoch showed, image by image. Holds no time: equal runs have equal lines.</summary>
public sealed record ProbeEpoch
{
    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Iterations of the method's attack.</summary>
    public required int Replays { get; init; }

    /// <summary>Its step size, in pixel range.</summary>
    public required double StepSize { get; init; }

    /// <summary>l(x) of each image, in nats.</summary>
    public required IReadOnlyList<double> CleanLosses { get; init; }

    /// <summary>l(x + delta) at the delta of the training, in nats.</summary>
    public required IReadOnlyList<double> TrainingLosses { get; init; }

    /// <summary>l(x + delta) at the delta of PGD-20, in nats.</summary>
    public required IReadOnlyList<double> StrongLosses { get; init; }

    /// <summary>See <see cref="ProbeMetrics.LipschitzBound"/>.</summary>
    public required IReadOnlyList<double> LipschitzBounds { get; init; }

    /// <summary>See <see cref="ProbeMetrics.StepPrediction"/>.</summary>
    public required IReadOnlyList<double> StepPredictions { get; init; }

    /// <summary>See <see cref="ProbeMetrics.StepGain"/>.</summary>
    public required IReadOnlyList<double> StepGains { get; init; }

    /// <summary>See <see cref="ProbeMetrics.Curvature"/>.</summary>
    public required IReadOnlyList<double> Curvatures { get; init; }

    /// <summary>What the strip's images look like and are taken for.</summary>
    public required IReadOnlyList<StripExample> Strip { get; init; }

    /// <summary>Slices of the first images.</summary>
    public required IReadOnlyList<float[]> Slices { get; init; }

    /// <summary>The means.</summary>
    /// <param name="epsilon">The radius of the ball, in pixel range.</param>
    /// <param name="seconds">Wall-clock seconds of the probe.</param>
    public ProbeMetrics Metrics(double epsilon, double seconds)
    {
        double clean = CleanLosses.Average();
        (double training, double strong) = (TrainingLosses.Average() - clean, StrongLosses.Average() - clean);
        return new ProbeMetrics
        {
            Images = CleanLosses.Count,
            Seconds = seconds,
            CleanLoss = clean,
            TrainingGain = training,
            StrongGain = strong,
            Quality = strong > 0 ? training / strong : null,
            LipschitzBound = LipschitzBounds.Average(),
            BallPrediction = epsilon * LipschitzBounds.Average(),
            StepPrediction = StepPredictions.Average(),
            StepGain = StepGains.Average(),
            Curvature = Curvatures.Average(),
        };
    }
}

/// <summary>An image of the strip in one epoch.</summary>
public sealed record StripExample
{
    /// <summary>The most probable class of the image as it is.</summary>
    public required int Prediction { get; init; }

    /// <summary>Its probability.</summary>
    public required double Confidence { get; init; }

    /// <summary>The most probable class of the adversarial example.</summary>
    public required int AdversarialPrediction { get; init; }

    /// <summary>Its probability.</summary>
    public required double AdversarialConfidence { get; init; }

    /// <summary>What a unit of <see cref="Delta"/> is, in pixel range.</summary>
    public required double DeltaUnit { get; init; }

    /// <summary>The delta of the training [C, H, W] in units, 128 added: the adversarial pixels are those of the image and delta.</summary>
    public required byte[] Delta { get; init; }
}
