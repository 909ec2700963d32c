using Deat.Engine;

namespace Deat.Training;

/// <summary>What happens to a minibatch, given the number of iterations: the inner loop and its update policy.</summary>
/// <param name="Name">What --loop takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record InnerLoop(string Name, string Title) : IPart
{
    /// <summary>Runs the passes.</summary>
    public required Action<AdversarialPass, int> Run { get; init; }

    /// <summary>
    /// Moves delta to where the last update of the weights sees it: <see cref="Run"/> for a pass whose update does nothing, without
    /// what follows that point.
    /// </summary>
    public required Action<AdversarialPass, int> Perturb { get; init; }

    /// <summary>The least number of iterations with which the weights are updated.</summary>
    public required int Least { get; init; }

    /// <summary>Whether the attack leaves images that are classified wrongly as they are.</summary>
    public bool IsFriendly { get; init; }

    /// <summary>Whether the attack leaves images whose perturbation is as good as stationary as they are.</summary>
    public bool MindsStationarity { get; init; }

    /// <summary>Whether steps of delta run the first layer alone.</summary>
    public bool StepsByFirstLayer { get; init; }

    /// <summary>How batch normalisation usually behaves in passes that only move delta; null where there are none.</summary>
    public BatchNormMode? AttackNorm { get; init; }

    /// <summary>Whether some passes only move delta.</summary>
    public bool HasAttack => AttackNorm is not null;
}

/// <summary>The table of inner loops.</summary>
public static class InnerLoops
{
    /// <summary>
    /// Every pass moves delta and updates the weights, with one and the same backward pass: FREE (Shafahi et al., Adversarial Training
    /// for Free!, NeurIPS 2019, algorithm 1) and the DEAT family. The last delta is not used.
    /// </summary>
    public static InnerLoop Replay { get; } = new("replay", "each iteration is an attack step and an update")
    {
        Least = 1,
        Run = (pass, count) =>
        {
            for (int i = 0; i < count; i++)
                pass.Run(Wanted.Both, i);
        },
        Perturb = (pass, count) => Steps(pass, count - 1),
    };

    /// <summary>
    /// Passes that only move delta and compute no gradient of a weight, then one that updates the weights on the result: PGD (Madry
    /// et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018). With no iterations this is training on the
    /// start of delta.
    /// </summary>
    public static InnerLoop Attack { get; } = new("attack", "each iteration is an attack step, then comes one update")
    {
        Least = 0,
        AttackNorm = BatchNormMode.Train,
        Run = (pass, count) =>
        {
            Steps(pass, count);
            pass.Run(pass.UpdateWants, count);
        },
        Perturb = Steps,
    };

    /// <summary>
    /// The same, but an image whose adversarial example was classified wrongly often enough keeps it: FAT (Zhang et al., Attacks Which Do
    /// Not Kill Training Make Adversarial Learning Stronger, ICML 2020, algorithm 1), without its noise of 0.001 in each step. Images that
    /// are done stay in the batch and cost what they cost.
    /// </summary>
    public static InnerLoop Friendly { get; } = Attack with
    {
        Name = "friendly",
        Title = "as attack, but an image stands still after --patience wrong predictions and one more",
        IsFriendly = true,
        AttackNorm = BatchNormMode.Eval,
    };

    /// <summary>
    /// The same, but an image whose adversarial example meets the first-order stationary condition up to a limit keeps it, from the second
    /// step on. The limit falls to zero over the run: see <see cref="StationarityLimit"/>. Source: Wang et al., On the Convergence and
    /// Robustness of Adversarial Training (ICML 2019), algorithm 1, without the weights that its code (YisenWang/dynamic_adv_training)
    /// gives to images by their losses. Images that are done stay in the batch and cost what they cost.
    /// </summary>
    public static InnerLoop Stationary { get; } = Attack with
    {
        Name = "fosc",
        Title = "as attack, but an image stands still once it is stationary up to --fosc, which falls to 0",
        MindsStationarity = true,
    };

    /// <summary>
    /// Full passes whose gradients are summed for one update, each followed by steps that run the first layer alone: YOPO (Zhang et al.,
    /// You Only Propagate Once, NeurIPS 2019, algorithm 1; the code's sum of gradients over the rounds, not their mean).
    /// </summary>
    public static InnerLoop Propagate { get; } = new(
        "propagate", "each iteration is a full pass and --first-steps steps by the first layer alone, then comes one update")
    {
        Least = 1,
        StepsByFirstLayer = true,
        Run = (pass, count) => pass.PropagateOnce(count),
        Perturb = (pass, count) => pass.PropagateOnce(count),
    };

    /// <summary>All inner loops, in the order of the help.</summary>
    public static IReadOnlyList<InnerLoop> All { get; } = [Replay, Attack, Friendly, Stationary, Propagate];

    /// <summary>
    /// The limit of the stationary condition in an epoch: linear from its largest value to 0 at 5/6 of the run, as in the published runs
    /// (0.5 to 0 in 100 of 120 epochs), and then 0.
    /// </summary>
    /// <param name="largest">The limit in epoch 0.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="epochs">Epochs of the run.</param>
    public static double StationarityLimit(double largest, int epoch, int epochs) =>
        Math.Max(0, largest * (1 - (6.0 * epoch / (5.0 * epochs))));

    private static void Steps(AdversarialPass pass, int count)
    {
        for (int i = 0; i < count; i++)
            pass.Run(Wanted.Input, i);
    }
}
