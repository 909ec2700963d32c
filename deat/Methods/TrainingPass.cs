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
    public static AdversarialPass Create(
        TrainOptions options, Module model, Normalization normalization, Minibatch batch, Action update)
    {
        Objective objective = options.Objective();
        return new AdversarialPass(model, objective.Training, normalization)
        {
            Batch = batch,
            AttackLoss = objective.Attack,
            AttackNorm = options.Adversary.AttackNorm,
            Patience = options.Adversary.Patience,
            FirstLayerSteps = options.Adversary.FirstSteps ?? 1,
            UpdateWants = options.Method.MeasuresUpdate(options.Compatibility) ? Wanted.Both : Wanted.Parameters,
            UpdatePrecision = options.Precision,
            AttackPrecision = options.AttackPrecision,
            Update = update,
        };
    }

    /// <summary>Sets the ball, and delta to its start.</summary>
    /// <param name="pass">What trains the network, with the minibatch.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="stepSize">The step size alpha in pixel range [0,1].</param>
    /// <param name="key">The random stream of the start.</param>
    /// <param name="firstImage">The index of the first image where several minibatches share a stream.</param>
    public static void Start(AdversarialPass pass, TrainOptions options, double stepSize, RandomKey key, int firstImage = 0)
    {
        AdversaryOptions adversary = options.Adversary;
        pass.Ball = new LinfBall { Epsilon = options.Method.LeavesBall ? 1 : adversary.Epsilon.Value, Alpha = stepSize };
        pass.Start(
            adversary.Start ?? DeltaInit.Zero, adversary.Tau?.Value ?? 0, options.Method.ClampsStart, key, firstImage);
    }
}
