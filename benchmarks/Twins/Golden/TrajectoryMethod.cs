namespace Deat.Twins;

/// <summary>What an adversary raises and a network lowers.</summary>
internal enum TrajectoryLoss
{
    /// <summary>Cross-entropy at x + delta.</summary>
    CrossEntropy,

    /// <summary>Summed divergence in the attack, the loss of TRADES in training.</summary>
    Trades,

    /// <summary>Cross-entropy in the attack, the loss of MART in training.</summary>
    Mart,
}

/// <summary>What an adversarial step is.</summary>
internal enum TrajectoryLoop
{
    /// <summary>A pass that moves delta; after all of them one that trains (PGD).</summary>
    Attack,

    /// <summary>A pass that moves delta and trains (FREE, DEAT).</summary>
    Replay,

    /// <summary>A pass whose gradient is added up, and then steps by the first layer (YOPO).</summary>
    FirstLayer,
}

/// <summary>Where delta starts.</summary>
internal enum TrajectoryStart
{
    /// <summary>At zero.</summary>
    Zero,

    /// <summary>At <see cref="GoldenWeights.UniformDelta"/>.</summary>
    Uniform,

    /// <summary>Where it is after the batch before; at zero in the first.</summary>
    Previous,
}

/// <summary>A training method as the golden trajectories run it.</summary>
/// <param name="Name">File name without extension.</param>
/// <param name="Alpha">Step size that the method is configured with, pixel range [0,1].</param>
/// <param name="Pace">Steps per batch and their size, by epoch.</param>
internal sealed record TrajectoryMethod(string Name, double Alpha, Pace Pace)
{
    /// <summary>Batches of each epoch, eight together.</summary>
    public int[] Epochs { get; init; } = [8];

    /// <summary>Whether a table stands for the decisions of the schedule.</summary>
    public bool HasTable { get; init; }

    public TrajectoryStart Start { get; init; }

    /// <summary>The size of a uniform start, pixel range.</summary>
    public double Tau { get; init; } = Trajectory.Epsilon;

    /// <summary>Clamp the start so that x + delta is in [0,1].</summary>
    public bool ClampStart { get; init; }

    /// <summary>The radius to which steps are projected, pixel range; 1 does not bound valid images.</summary>
    public double Radius { get; init; } = Trajectory.Epsilon;

    public TrajectoryLoop Loop { get; init; }

    public TrajectoryLoss Loss { get; init; }

    /// <summary>The training loss of TRADES runs the network on the images twice (behind Table 1).</summary>
    public bool NaturalTwice { get; init; }

    /// <summary>Steps by the first layer after each full pass of YOPO.</summary>
    public int FirstSteps { get; init; }

    /// <summary>FAT's tau: the attack, in evaluation mode, leaves an image that was classified wrongly once more than so often.</summary>
    public int? Patience { get; init; }

    /// <summary>The first-order stationary condition of epoch 0 at or below which the attack leaves an image.</summary>
    public double? Stationarity { get; init; }

    /// <summary>The training pass takes the gradient of the images too (M+PGD and the like).</summary>
    public bool MeasureUpdate { get; init; }

    /// <summary>The magnitude of an epoch is that of its last batch (M+TRADES and M+MART behind Table 1).</summary>
    public bool MeasureLastBatch { get; init; }

    /// <summary>AWP's gamma.</summary>
    public double? WeightStep { get; init; }

    /// <summary>GradAlign's lambda.</summary>
    public double? Alignment { get; init; }
}
