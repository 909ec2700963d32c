using Deat.Engine;

namespace Deat.Training;

/// <summary>The price of some launches together.</summary>
/// <param name="Launches">How many.</param>
/// <param name="Nanoseconds">Device time.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="Bytes">Bytes that had to be read and written.</param>
public readonly record struct CostSum(long Launches, double Nanoseconds, double Flops, double Bytes)
{
    /// <summary>Device time, milliseconds.</summary>
    public double Milliseconds => Nanoseconds / 1e6;

    /// <summary>10^9 floating-point operations.</summary>
    public double Gigaflops => Flops / 1e9;

    /// <summary>10^9 floating-point operations per second of device time; null without time.</summary>
    public double? GigaflopsPerSecond => Nanoseconds > 0 ? Flops / Nanoseconds : null;

    /// <summary>10^9 bytes per second of device time; null without time.</summary>
    public double? GigabytesPerSecond => Nanoseconds > 0 ? Bytes / Nanoseconds : null;

    /// <summary>Floating-point operations for each byte; null without bytes.</summary>
    public double? Intensity => Bytes > 0 ? Flops / Bytes : null;

    /// <summary>The sum over launches.</summary>
    public static CostSum Of(IEnumerable<LaunchRecord> launches) => launches.Aggregate(
        default(CostSum), (sum, launch) => sum + new CostSum(1, launch.Duration, launch.Flops, launch.Bytes));

    /// <summary>Both together.</summary>
    public static CostSum operator +(CostSum left, CostSum right) => new(
        left.Launches + right.Launches, left.Nanoseconds + right.Nanoseconds, left.Flops + right.Flops, left.Bytes + right.Bytes);

    /// <summary>Time, operations and bytes times a factor; the launches are rounded.</summary>
    public static CostSum operator *(CostSum sum, double factor) => new(
        (long)Math.Round(sum.Launches * factor), sum.Nanoseconds * factor, sum.Flops * factor, sum.Bytes * factor);
}

/// <summary>What a launch does in training: its phase, and in passes over the network the derivative.</summary>
/// <param name="Phase">Part of training.</param>
/// <param name="Direction">Which derivative; Forward outside passes.</param>
public readonly record struct WorkPart(Phase Phase, Direction Direction)
{
    private static readonly string[] Directions = ["forward", "input gradient", "weight gradient"];

    /// <summary>For people, such as "attack input gradient".</summary>
    public string Title => Phase switch
    {
        Phase.Step => "step and projection",
        Phase.Setup or Phase.Data or Phase.Optimizer => Phase.ToString().ToLowerInvariant(),
        _ => $"{Phase.ToString().ToLowerInvariant()} {NameOf(Direction)}",
    };

    /// <summary>For people, such as "input gradient".</summary>
    public static string NameOf(Direction direction) => Directions[(int)direction];

    /// <summary>The part that a launch belongs to.</summary>
    public static WorkPart Of(LaunchRecord launch) => new(
        launch.Phase, launch.Phase is Phase.Attack or Phase.Update or Phase.Evaluation ? launch.Direction : Direction.Forward);

    /// <summary>The adversarial iteration of a launch, from 0; null for what a batch needs once.</summary>
    public static int? IterationOf(LaunchRecord launch) => launch.Phase is Phase.Setup or Phase.Data ? null : launch.Iteration;
}

/// <summary>Launches summed by two properties.</summary>
/// <typeparam name="TRow">What rows are.</typeparam>
/// <typeparam name="TColumn">What columns are.</typeparam>
public sealed record CostMatrix<TRow, TColumn>
{
    private readonly Dictionary<(TRow, TColumn), CostSum> _cells;

    internal CostMatrix(Dictionary<(TRow, TColumn), CostSum> cells, IReadOnlyList<TRow> rows, IReadOnlyList<TColumn> columns) =>
        (_cells, Rows, Columns) = (cells, rows, columns);

    /// <summary>The rows, in order.</summary>
    public IReadOnlyList<TRow> Rows { get; }

    /// <summary>The columns, in order.</summary>
    public IReadOnlyList<TColumn> Columns { get; }

    /// <summary>The sum of a cell; nothing where there are no launches.</summary>
    public CostSum this[TRow row, TColumn column] => _cells.GetValueOrDefault((row, column));

    /// <summary>The sum of a row.</summary>
    public CostSum Row(TRow row) => Columns.Aggregate(default(CostSum), (sum, column) => sum + this[row, column]);

    /// <summary>The sum of a column.</summary>
    public CostSum Column(TColumn column) => Rows.Aggregate(default(CostSum), (sum, row) => sum + this[row, column]);

    /// <summary>The sum of everything.</summary>
    public CostSum Total => Rows.Aggregate(default(CostSum), (sum, row) => sum + Row(row));
}

/// <summary>The matrices of a profile.</summary>
public static class CostMatrix
{
    /// <summary>What each part of training costs in each iteration; the column without a number is what a batch needs once.</summary>
    public static CostMatrix<WorkPart, int?> PartsByIteration(IEnumerable<LaunchRecord> launches) =>
        Of(launches, WorkPart.Of, WorkPart.IterationOf, part => ((int)part.Phase * 3) + (int)part.Direction, iteration => iteration ?? -1);

    /// <summary>What each layer costs in each part of training, layers in the order of their first launch.</summary>
    public static CostMatrix<string, WorkPart> LayersByPart(IReadOnlyCollection<LaunchRecord> launches)
    {
        Dictionary<string, int> order = launches.Select(launch => launch.Layer).Distinct()
            .Select((layer, i) => (layer, i)).ToDictionary(pair => pair.layer, pair => pair.i);
        return Of(
            launches, launch => launch.Layer, WorkPart.Of, layer => layer.Length == 0 ? int.MaxValue : order[layer],
            part => ((int)part.Phase * 3) + (int)part.Direction);
    }

    private static CostMatrix<TRow, TColumn> Of<TRow, TColumn>(
        IEnumerable<LaunchRecord> launches, Func<LaunchRecord, TRow> row, Func<LaunchRecord, TColumn> column, Func<TRow, int> rowOrder,
        Func<TColumn, int> columnOrder)
    {
        Dictionary<(TRow Row, TColumn Column), CostSum> cells = launches.GroupBy(launch => (row(launch), column(launch)))
            .ToDictionary(group => group.Key, CostSum.Of);
        return new CostMatrix<TRow, TColumn>(
            cells,
            [.. cells.Keys.Select(key => key.Row).Distinct().OrderBy(rowOrder)],
            [.. cells.Keys.Select(key => key.Column).Distinct().OrderBy(columnOrder)]);
    }
}
