using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>The numbers of the timed training steps; those of DEAT's scripts for CIFAR-10.</summary>
public static class StepSettings
{
    /// <summary>Radius of the ball, pixel range.</summary>
    public const double Epsilon = 8 / 255.0;

    /// <summary>Step size of a replay, pixel range.</summary>
    public const double ReplayAlpha = 10 / 255.0;

    /// <summary>Step size of PGD, pixel range.</summary>
    public const double PgdAlpha = 2 / 255.0;

    /// <summary>Attack steps of PGD-7.</summary>
    public const int PgdSteps = 7;

    /// <summary>Learning rate.</summary>
    public const double LearningRate = 0.01;

    /// <summary>Momentum.</summary>
    public const double Momentum = 0.9;

    /// <summary>Weight decay.</summary>
    public const double WeightDecay = 5e-4;

    /// <summary>What a DEAT replay is called in reports.</summary>
    public const string Replay = "DEAT replay";

    /// <summary>What a PGD-7 training step is called in reports.</summary>
    public const string Pgd = "PGD-7 training step";

    /// <summary>What a training step without an adversary is called in reports.</summary>
    public const string Natural = "natural training step";

    /// <summary>CIFAR-10's mean and standard deviation.</summary>
    public static Normalization Normalization { get; } = new() { Mean = [0.4914, 0.4822, 0.4465], Std = [0.2471, 0.2435, 0.2616] };
}
