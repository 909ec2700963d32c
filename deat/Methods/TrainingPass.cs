using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>The passes of a training run, as its options say.</summary>
public static class TrainingPass
{
    /// <summary>What trains a network.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="model">The network.</param>
    /// <param name="normalization">From pixels to the network's input.</param>
    /// <param name="batch">The first minibatch, with the images as they are where the objective sees them.</param>
    /// <param name="update">Updates the weights.</param>
    /// <param name="parts">What goes around the updates: <see cref="Parts"/>, or nothing.</param>
    public static AdversarialPass Create(
        TrainOptions options, Module model, Normalization normalization, Minibatch batch, Action update,
        IReadOnlyList<IUpdatePart>? parts = null)
    {
        Objective objective = options.Objective();
        return new AdversarialPass(model, objective.Training, normalization)
        {
            Batch = batch,
            AttackLoss = objective.Attack,
            AttackNorm = options.Adversary.AttackNorm,
            ComputesDiscarded = options.Adversary.ComputesDiscarded ?? false,
            Patience = options.Adversary.Patience,
            FirstLayerSteps = options.Adversary.FirstSteps ?? 1,
            UpdateWants = options.Method.MeasuresUpdate(options.Compatibility) ? Wanted.Both : Wanted.Parameters,
            UpdatePrecision = options.Precision,
            AttackPrecision = options.AttackPrecision,
            Parts = parts ?? [],
            Update = update,
        };
    }

    /// <summary>What goes around the updates of a run. It is disposed before the model.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="model">The network.</param>
    /// <param name="normalization">From pixels to the network's input.</param>
    public static IReadOnlyList<IUpdatePart> Parts(TrainOptions options, Module model, Normalization normalization) =>
    [
        .. options.Alignment is { } strength
            ? new IUpdatePart[] { new GradientAlignment(model, normalization, options.Adversary.Epsilon.Value, strength) }
            : [],
        .. options.Perturbation is { } gamma ? new IUpdatePart[] { new AdversarialWeights(model, gamma) } : [],
    ];

    /// <summary>Sets the ball, and delta to its start.</summary>
    /// <param name="pass">What trains the network, with the minibatch.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="stepSize">The step size alpha in pixel range [0,1].</param>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="key">The random stream of the start.</param>
    /// <param name="images">[N, 1, 1, 1] Int32: the images' numbers, where each has a stream of its own.</param>
    /// <param name="previous">[at least N, C, H, W]: the delta of the minibatch before, where the start is that.</param>
    public static void Start(
        AdversarialPass pass, TrainOptions options, double stepSize, int epoch, RandomKey key, Tensor? images = null,
        Tensor? previous = null)
    {
        AdversaryOptions adversary = options.Adversary;
        pass.Ball = new LinfBall { Epsilon = options.Method.LeavesBall ? 1 : adversary.Epsilon.Value, Alpha = stepSize };
        pass.Criterion = adversary.Criterion is { } largest ? InnerLoops.StationarityLimit(largest, epoch, options.Epochs) : null;
        pass.Start(
            adversary.Start ?? DeltaInit.Zero, adversary.Tau?.Value ?? 0, adversary.ClampsStart ?? false, key, images);
        if (previous is not null)
            pass.GoOnFrom(previous);
    }
}
