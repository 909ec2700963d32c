using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// A training method as a composition: where delta starts x what happens to a minibatch (and when the weights are updated) x the
/// loss x how many iterations in which epoch.
/// </summary>
/// <param name="Name">What --method takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record TrainingMethod(string Name, string Title)
{
    /// <summary>What happens to a minibatch, given the number of iterations: the inner loop and its update policy.</summary>
    public required Action<AdversarialPass, int> Loop { get; init; }

    /// <summary>The loss that the adversary raises and the training lowers.</summary>
    public required Loss Loss { get; init; }

    /// <summary>How many iterations in which epoch, and with what step size.</summary>
    public required Func<AdversaryOptions, IReplaySchedule> Schedule { get; init; }

    /// <summary>The published values of the options that the method takes; those it does not take are null.</summary>
    public required AdversaryOptions Defaults { get; init; }

    /// <summary>Whether x + delta is clamped to [0,1] at the start already and not only after each step.</summary>
    public bool ClampsStart { get; init; }

    /// <summary>Whether training images are perturbed at all.</summary>
    public bool HasAdversary => Defaults.Start is not null;

    /// <summary>Whether --replays sets the number of iterations; otherwise the method decides.</summary>
    public bool HasFixedCount => Defaults.MaxReplays is null;
}

/// <summary>What happens to one minibatch of a training method.</summary>
public static class InnerLoops
{
    /// <summary>
    /// Every pass moves delta and updates the weights, with one and the same backward pass: FREE (Shafahi et al., Adversarial Training
    /// for Free!, NeurIPS 2019, algorithm 1) and the DEAT family. The last delta is not used.
    /// </summary>
    public static void Replay(AdversarialPass pass, int count)
    {
        for (int i = 0; i < count; i++)
            pass.Run(Wanted.Both, i);
    }

    /// <summary>
    /// Passes that only move delta and compute no gradient of a weight, then one that updates the weights on the result: PGD (Madry
    /// et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018). With no iterations this is natural training.
    /// </summary>
    public static void AttackThenUpdate(AdversarialPass pass, int count)
    {
        for (int i = 0; i < count; i++)
            pass.Run(Wanted.Input, i);
        pass.Run(Wanted.Parameters, count);
    }
}
