namespace Deat.Nn;

/// <summary>
/// The learning rate and the momentum of each optimizer step, as a pure function of the step: nothing to save, nothing to
/// resume. Values are float64, as PyTorch's schedulers compute them.
/// </summary>
public interface ILearningRateSchedule
{
    /// <summary>What the optimizer uses in this step, counted in minibatches from 0.</summary>
    (double LearningRate, double Momentum) At(int step);
}

/// <summary>The same learning rate in every step.</summary>
/// <param name="learningRate">The learning rate.</param>
/// <param name="momentum">The momentum.</param>
public sealed class FlatSchedule(double learningRate, double momentum) : ILearningRateSchedule
{
    /// <inheritdoc/>
    public (double LearningRate, double Momentum) At(int step) => (learningRate, momentum);
}

/// <summary>
/// A tenth of the learning rate from each milestone on, as PyTorch's MultiStepLR with gamma 0.1. A milestone between two steps
/// takes effect at the later one. MultiStepLR compares for equality instead, so that with an odd number of steps the authors'
/// first drop never happens; this is not reproduced, because their published runs (50 epochs of 391 minibatches) have whole
/// milestones and come out the same.
/// </summary>
/// <param name="learningRate">The learning rate before the first milestone.</param>
/// <param name="momentum">The momentum.</param>
/// <param name="milestones">Steps, in any order; a milestone given twice counts twice.</param>
public sealed class MultiStepSchedule(double learningRate, double momentum, params double[] milestones) : ILearningRateSchedule
{
    private const double Drop = 0.1;

    /// <summary>Milestones at 1/2 and 4/5 of the run. Source: TrustAI/DEAT, the CIFAR-10 scripts.</summary>
    /// <param name="learningRate">The learning rate before the first milestone.</param>
    /// <param name="momentum">The momentum.</param>
    /// <param name="steps">Epochs times minibatches per epoch.</param>
    public static MultiStepSchedule Standard(double learningRate, double momentum, int steps) =>
        new(learningRate, momentum, steps / 2.0, steps * 4.0 / 5.0);

    /// <inheritdoc/>
    public (double LearningRate, double Momentum) At(int step)
    {
        // One product after the other, as the scheduler's recursion rounds it: 0.05 * 0.1 * 0.1 is not 0.05 * 0.01.
        var rate = learningRate;
        foreach (var milestone in milestones)
            if (step >= milestone)
                rate *= Drop;
        return (rate, momentum);
    }
}

/// <summary>
/// One triangle: the learning rate rises from its minimum to its maximum in the first half of the run and falls back in the
/// second, while the momentum moves the other way, 0.9 to 0.8 to 0.9. The formula and its rounding are those of PyTorch's CyclicLR in
/// mode "triangular" with cycle_momentum, its default; steps beyond the run begin the next triangle. The very first step has
/// the minimal rate, in the authors' scripts 0.
/// </summary>
/// <param name="maximum">The learning rate in the middle of the run.</param>
/// <param name="steps">Epochs times minibatches per epoch.</param>
/// <param name="minimum">The learning rate at both ends.</param>
public sealed class CyclicSchedule(double maximum, int steps, double minimum = 0) : ILearningRateSchedule
{
    private const double MinimalMomentum = 0.8;
    private const double MaximalMomentum = 0.9;

    // The two halves of the cycle, steps / 2 each, add up to this exactly.
    private readonly double _cycle = steps > 0 ? steps : throw new ArgumentOutOfRangeException(nameof(steps));

    /// <inheritdoc/>
    public (double LearningRate, double Momentum) At(int step)
    {
        var cycle = Math.Floor(1 + step / _cycle);
        var x = 1.0 + step / _cycle - cycle;
        var scale = x <= 0.5 ? x / 0.5 : (x - 1) / (0.5 - 1);
        return (minimum + (maximum - minimum) * scale, MaximalMomentum - (MaximalMomentum - MinimalMomentum) * scale);
    }
}

/// <summary>
/// Half a cosine from the maximum to the minimum over the run: minimum + (maximum - minimum) (1 + cos(pi step / steps)) / 2. The closed
/// form of PyTorch's CosineAnnealingLR with T_max = steps. Source: Loshchilov and Hutter, SGDR (ICLR 2017), equation 5, without restarts.
/// </summary>
/// <param name="maximum">The learning rate of the first step.</param>
/// <param name="momentum">The momentum.</param>
/// <param name="steps">Epochs times minibatches per epoch.</param>
/// <param name="minimum">The learning rate that the step after the last would have.</param>
public sealed class CosineSchedule(double maximum, double momentum, int steps, double minimum = 0) : ILearningRateSchedule
{
    private readonly double _steps = steps > 0 ? steps : throw new ArgumentOutOfRangeException(nameof(steps));

    /// <inheritdoc/>
    public (double LearningRate, double Momentum) At(int step) =>
        (minimum + (maximum - minimum) * (1 + Math.Cos(Math.PI * step / _steps)) / 2, momentum);
}

/// <summary>
/// One rise and one fall, both half cosines: over the first 30 % of the run from a 25th of the maximum to the maximum, then down to a
/// 250,000th, while the momentum moves from 0.95 to 0.85 and back. The formula and the constants are those of PyTorch's OneCycleLR with its
/// defaults. Source: Smith and Topin, Super-Convergence (arXiv 1708.07120).
/// </summary>
/// <param name="maximum">The largest learning rate.</param>
/// <param name="steps">Epochs times minibatches per epoch.</param>
public sealed class OneCycleSchedule(double maximum, int steps) : ILearningRateSchedule
{
    private const double MinimalMomentum = 0.85;
    private const double MaximalMomentum = 0.95;
    private const double Rise = 0.3;

    private readonly double _initial = maximum / 25;
    private readonly double _final = maximum / 25 / 1e4;
    private readonly double _top = (Rise * (steps > 0 ? steps : throw new ArgumentOutOfRangeException(nameof(steps)))) - 1;

    /// <inheritdoc/>
    public (double LearningRate, double Momentum) At(int step)
    {
        if (step <= _top)
        {
            double rise = step / _top;
            return (Between(_initial, maximum, rise), Between(MaximalMomentum, MinimalMomentum, rise));
        }

        double fall = (step - _top) / (steps - 1 - _top);
        return (Between(maximum, _final, fall), Between(MinimalMomentum, MaximalMomentum, fall));
    }

    private static double Between(double start, double end, double part) => end + (start - end) / 2 * (Math.Cos(Math.PI * part) + 1);
}
