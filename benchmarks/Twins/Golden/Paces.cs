namespace Deat.Twins;

/// <summary>What an epoch did and showed.</summary>
/// <param name="Steps">Adversarial steps per batch.</param>
/// <param name="Magnitude">Sum over its batches of the sum of |dloss/dz| that was taken last.</param>
/// <param name="Accuracy">The part of the adversarial examples that the last full pass of each batch classified correctly.</param>
internal sealed record EpochShown(int Steps, double Magnitude, double Accuracy);

/// <summary>How many adversarial steps the next epoch makes and how large they are, given all earlier epochs.</summary>
internal delegate (int Steps, double Size) Pace(IReadOnlyList<EpochShown> earlier);

/// <summary>The replay schedules, each computed anew from the first epoch on.</summary>
internal static class Paces
{
    public static Pace Fixed(int steps, double size) => _ => (steps, size);

    /// <summary>DEAT-d: min(epoch / delay + 1, most).</summary>
    public static Pace Delayed(int delay, int most, double size) => earlier => (Math.Min((earlier.Count / delay) + 1, most), size);

    /// <summary>DEAT-p and curriculum: one more after an epoch whose accuracy is above a limit.</summary>
    public static Pace ByAccuracy(double limit, int first, int most, double size) => earlier =>
        (earlier.Aggregate(first, (steps, epoch) => epoch.Accuracy > limit && steps < most ? steps + 1 : steps), size);

    /// <summary>Amata: linear from least towards most; steps of epoch 0 would make the same way in all epochs.</summary>
    public static Pace Ramp(int least, int most, int epochs, double way) => earlier =>
    {
        int steps = least + (int)Math.Floor((double)(most - least) * earlier.Count / epochs);
        return (steps, way / steps);
    };

    /// <summary>
    /// M+: one more after epoch 0; epoch 1 sets the mark to gamma times its magnitude; later epochs above the mark replace it and add one.
    /// The size is max(epsilon / steps, size) from epoch 1 on, or constant, and then steps are added too, whatever the magnitude, while
    /// all together do not reach the surface of the ball (the version behind Table 1).
    /// </summary>
    public static Pace ByMagnitude(double gamma, int first, int most, double size, bool isTable1 = false) => earlier =>
    {
        int steps = first;
        double mark = 0;
        foreach ((int epoch, EpochShown shown) in earlier.Index())
        {
            bool isShort = isTable1 && Math.Round(255 * size) * steps < Math.Round(255 * Trajectory.Epsilon);
            bool isAbove = epoch > 1 && ((shown.Magnitude > mark && steps < most) || isShort);
            if (epoch == 1 || isAbove) mark = gamma * shown.Magnitude;
            if (epoch == 0 || isAbove) steps++;
        }

        return (steps, isTable1 || earlier.Count == 0 ? size : Math.Max(Trajectory.Epsilon / steps, size));
    };

    /// <summary>Steps by a table, which decides nothing by what it sees.</summary>
    public static Pace Table(int[] steps, Func<int, double> size) => earlier => (steps[earlier.Count], size(steps[earlier.Count]));
}
