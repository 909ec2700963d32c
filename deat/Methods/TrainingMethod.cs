namespace Deat.Training;

/// <summary>
/// A training method as a composition: where delta starts x what happens to a minibatch (and when the weights are updated) x what the
/// adversary raises and the training lowers x how many iterations in which epoch.
/// </summary>
/// <param name="Name">What --method takes.</param>
/// <param name="Title">One line for people.</param>
public sealed record TrainingMethod(string Name, string Title) : IPart
{
    /// <summary>What happens to a minibatch.</summary>
    public required InnerLoop Loop { get; init; }

    /// <summary>What the adversary raises and the training lowers.</summary>
    public ObjectiveRule Objective { get; init; } = Objectives.CrossEntropy;

    /// <summary>How many iterations in which epoch, and with what step size.</summary>
    public required ScheduleRule Schedule { get; init; }

    /// <summary>The published values of the options that the method takes; those it does not take are null.</summary>
    public required AdversaryOptions Defaults { get; init; }

    /// <summary>Whether a step may leave the ball of radius epsilon, but not the valid pixels.</summary>
    public bool LeavesBall { get; init; }

    /// <summary>Whether training images are perturbed at all.</summary>
    public bool HasAdversary => Defaults.Start is not null;

    /// <summary>
    /// Whether versions of the authors' scripts differ in the method: in what M+ schedules watch and how they step, and in how often the
    /// loss of TRADES runs the network.
    /// </summary>
    public bool HasVersions => Schedule.WatchesMagnitude || Objective == Objectives.Trades;

    /// <summary>
    /// Whether the pass that updates the weights after an attack takes the gradient of the images too: its magnitude is what the schedule
    /// watches. The scripts behind the paper's Table 1 take that of the last attack step instead.
    /// </summary>
    /// <param name="compatibility">Which version of the authors' scripts is asked for.</param>
    public bool MeasuresUpdate(Compatibility compatibility) =>
        Schedule.WatchesMagnitude && Loop.HasAttack && compatibility != Compatibility.Table1;

    /// <summary>
    /// Whether the magnitude of an epoch is that of its last minibatch alone, as in the scripts of M+TRADES and M+MART behind Table 1.
    /// </summary>
    /// <param name="compatibility">Which version of the authors' scripts is asked for.</param>
    public bool MeasuresLastBatch(Compatibility compatibility) =>
        Schedule.WatchesMagnitude && Loop.HasAttack && Objective != Objectives.CrossEntropy && compatibility == Compatibility.Table1;
}

/// <summary>Which version of the authors' scripts a run follows where they differ.</summary>
public enum Compatibility
{
    /// <summary>
    /// The newest as it is meant: M+PGD, M+TRADES and M+MART watch the gradient of the training loss, over all minibatches, and their step
    /// size follows the number of steps.
    /// </summary>
    None,

    /// <summary>
    /// The one that made Table 1 of the paper: they watch the gradient of the last attack step, M+TRADES and M+MART that of the last
    /// minibatch of the epoch, the step size is constant, and steps are added until together they reach the surface of the ball.
    /// </summary>
    Table1,
}
