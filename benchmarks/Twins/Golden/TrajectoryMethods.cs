namespace Deat.Twins;

/// <summary>The table of golden trajectories.</summary>
internal static class TrajectoryMethods
{
    private static readonly int[] Pairs = [2, 2, 2, 2];

    public static readonly TrajectoryMethod[] All =
    [
        Table("pgd7", 2, [7]) with { Start = TrajectoryStart.Uniform },
        Table("free4", 8, [4]) with { Loop = TrajectoryLoop.Replay },
        Replayed("mdeat", Paces.ByMagnitude(0.85, 1, 3, Levels(10))) with { ClampStart = true },
        Table("trades3", 2, [3]) with { Start = TrajectoryStart.Uniform, Loss = TrajectoryLoss.Trades },
        Valid("mart3", 2, Paces.Table([3], _ => Levels(2))) with { HasTable = true, Loss = TrajectoryLoss.Mart },
        Measured("mtrades", gamma: 0.85) with { ClampStart = false, Loss = TrajectoryLoss.Trades },
        new("natural", 0, Paces.Fixed(0, 0)),
        new("fgsm", Levels(8), Paces.Fixed(1, Levels(8))),
        Valid("u-fgsm", 10, Paces.Fixed(1, Levels(10))),
        Valid("n-fgsm", 8, Paces.Fixed(1, Levels(8))) with { Tau = Levels(16), Radius = 1 },
        new("free-previous", Levels(8), Paces.Fixed(2, Levels(8))) { Start = TrajectoryStart.Previous, Loop = TrajectoryLoop.Replay },
        Valid("yopo", 2, Paces.Fixed(2, Levels(2))) with { Loop = TrajectoryLoop.FirstLayer, FirstSteps = 2 },
        Valid("fat", 2, Paces.Fixed(3, Levels(2))) with { Patience = 1 },
        // Further off: in evaluation mode the divergence at 8/255 is so small that it comes near its own rounding.
        Valid("ftrades", 2, Paces.Fixed(3, Levels(2))) with { Patience = 1, Loss = TrajectoryLoss.Trades, Tau = Levels(64) },
        Valid("fmart", 2, Paces.Fixed(3, Levels(2))) with { Patience = 1, Loss = TrajectoryLoss.Mart },
        new("amata", Levels(5), Paces.Ramp(1, 4, Pairs.Length, Levels(20))) { Epochs = Pairs },
        Replayed("deat-d", Paces.Delayed(1, 3, Levels(10))),
        Replayed("deat-p", Paces.ByAccuracy(0.1, 1, 3, Levels(10))),
        Measured("mpgd", gamma: 0.85),
        Measured("mmart", gamma: 0.75) with { Loss = TrajectoryLoss.Mart },
        AsInTable1("mpgd-table1", 1.01),
        AsInTable1("mtrades-table1", 1.01) with
        {
            ClampStart = false, Loss = TrajectoryLoss.Trades, NaturalTwice = true, MeasureLastBatch = true,
        },
        AsInTable1("mmart-table1", 1.01) with { Loss = TrajectoryLoss.Mart, MeasureLastBatch = true },
        new("cat", Levels(2), Paces.ByAccuracy(0.1, 0, 3, Levels(2))) { Epochs = Pairs },
        Valid("fosc", 2, Paces.Fixed(3, Levels(2))) with { Epochs = Pairs, Stationarity = 1.2 },
        new("awp", Levels(2), Paces.Fixed(2, Levels(2))) { Start = TrajectoryStart.Uniform, WeightStep = 0.01 },
        Valid("grad-align", 10, Paces.Fixed(1, Levels(10))) with { Alignment = 0.2 },
    ];

    private static TrajectoryMethod Table(string name, int alpha, int[] steps) =>
        new(name, Levels(alpha), Paces.Table(steps, _ => Levels(alpha))) { HasTable = true };

    /// <summary>From a uniform start whose images are valid.</summary>
    private static TrajectoryMethod Valid(string name, int alpha, Pace pace) =>
        new(name, Levels(alpha), pace) { Start = TrajectoryStart.Uniform, ClampStart = true };

    /// <summary>M+ in the clean mode: the gradient of the training pass, and steps that reach the surface.</summary>
    private static TrajectoryMethod Measured(string name, double gamma) =>
        Valid(name, 2, Paces.ByMagnitude(gamma, 0, 3, Levels(2))) with { Epochs = Pairs, MeasureUpdate = true };

    /// <summary>M+ behind Table 1: the gradient of the last attack step, and a constant step.</summary>
    private static TrajectoryMethod AsInTable1(string name, double gamma) =>
        Valid(name, 2, Paces.ByMagnitude(gamma, 0, 3, Levels(2), isTable1: true)) with { Epochs = Pairs };

    private static TrajectoryMethod Replayed(string name, Pace pace) =>
        new(name, Levels(10), pace) { Epochs = Pairs, Start = TrajectoryStart.Uniform, Loop = TrajectoryLoop.Replay };

    private static double Levels(int count) => count / 255.0;
}
