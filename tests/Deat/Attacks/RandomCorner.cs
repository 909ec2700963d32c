using Deat.Engine;
using Deat.Training;

namespace Deat.Tests;

/// <summary>An attack that goes to a random corner of the ball and stays there.</summary>
internal sealed class RandomCorner : ISearch
{
    public static Attack Attack(Pixels epsilon, int restarts = 1) => new()
    {
        Kind = new AttackKind("noise", "Noise") { Search = new RandomCorner(), IsBlackBox = true },
        Steps = 1,
        Epsilon = epsilon,
        StepSize = default,
        Restarts = restarts,
    };

    public void Start(AttackBatch batch)
    {
        batch.Start(DeltaInit.Bernoulli);
        batch.SetInput();
    }

    public void Step(AttackBatch batch, int step)
    {
    }
}
