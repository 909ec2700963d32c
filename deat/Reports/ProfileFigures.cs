using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>The figures of a profile: where the time of a batch goes. Times are of one batch, the mean over the timed ones.</summary>
internal static class ProfileFigures
{
    /// <summary>All figures of a profile with timed launches.</summary>
    public static IEnumerable<Figure> Of(CostProfile profile)
    {
        yield return Prices(profile);
        if (Layers(profile) is { } layers)
            yield return layers;
        yield return RooflineFigure.Of(profile);
        yield return FlameFigure.Of(profile);
        if (MemoryFigure.Of(profile) is { } memory)
            yield return memory;
        yield return KernelFigure.Of(profile);
        if (DiscardedWork.Of(profile) is { Discarded.Launches: > 0 } work)
            yield return Discarded(profile, work);
    }

    /// <summary>What a profile is of, one line each.</summary>
    public static IReadOnlyList<string> Facts(CostProfile profile)
    {
        TimeSplit split = TimeSplit.Of(profile);
        string Share(long part) => Percent(part / (double)split.Wall);
        string Fact(string name) => profile.Environment[name]?.ToString() ?? "n/a";
        string[] cut = profile.Missed == 0
            ? []
            : [
                $"--max-launches was reached: {profile.Missed} launches were not timed"
                    + (profile.IsCut ? ", the only batch is cut off" : ""),
            ];
        return
        [
            $"{Work(profile)}, on {Fact("device")} ({profile.Device}), "
                + profile.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            $"driver {Fact("driver")}, backend {Fact("backend")}, cpu {Fact("cpu")}, deat {Fact("deat")}, commit {Fact("commit")}",
            $"{DeviceText.Peaks(profile.Peaks)}, measured",
            Timing(profile),
            .. cut,
            $"the device ran kernels {Share(split.Kernels)} of the time, waited for the host {Share(split.WaitingForHost)}, "
                + $"had a kernel that had not begun {Share(split.WaitingForKernel)}",
            profile.Joules is { } joules
                ? string.Create(CultureInfo.InvariantCulture, $"{joules / profile.Batches.Count:0.##} J a batch, {profile.EnergySource}")
                : $"energy {profile.EnergySource}",
        ];
    }

    /// <summary>What was trained, in one line.</summary>
    public static string Work(CostProfile profile)
    {
        return $"{Option("method")}, batches of {profile.BatchSize} images, {Option("model")} of width {Option("width")}, "
            + $"precision {Option("precision")} (attack passes {Option("attack-precision")}), seed {Option("seed")}"
            + (profile.Preset is { } preset ? $", preset {preset}" : "");
        string Option(string name) => profile.Options[name]?.ToString() ?? "n/a";
    }

    private static string Timing(CostProfile profile)
    {
        string timed = profile.IsCut ? "n/a" : Milliseconds([.. profile.Batches.Select(batch => batch.Duration / 1e6)]);
        string untimed = profile.UntimedMilliseconds.Count == 0 ? "not measured" : Milliseconds(profile.UntimedMilliseconds);
        string costs = profile.Overhead() is { } overhead ? Percent(overhead) : "n/a";
        return $"{timed} a batch with all launches timed ({profile.TimingMethod}), {untimed} without: timing costs {costs}; "
            + $"after {profile.WarmUps} warm-ups";
    }

    /// <summary>What each iteration adds to a batch, by the parts of training.</summary>
    private static Figure Prices(CostProfile profile)
    {
        int batches = profile.Batches.Count;
        CostMatrix<WorkPart, int?> parts = CostMatrix.PartsByIteration(profile.Launches);
        IReadOnlyList<IterationPrice> prices = IterationPrice.Of(profile);
        WorkPart[] rows = [.. parts.Rows.OrderByDescending(part => parts.Row(part).Nanoseconds)];
        WorkPart[] single = rows.Length < SvgDrawing.Series ? rows : rows[..(SvgDrawing.Series - 2)];
        List<Series> series = [.. single.Select(part => Stack(part.Title, price => parts[part, price.Iteration].Milliseconds))];
        if (rows.Length > single.Length)
            series.Add(Stack("other parts", price => rows[single.Length..].Sum(part => parts[part, price.Iteration].Milliseconds)));
        series.Add(Stack("waits", price => (price.Split.WaitingForHost + price.Split.WaitingForKernel) / 1e6));
        return Figure.Of(
            new LineChart("Price of an adversarial iteration", "iteration", [new Panel("a batch", "ms", series)])
            {
                XText = x => x == 0 ? "once" : Axis.Text(x),
            },
            "What a batch needs whatever the iterations stands first. After an attack, the update is the last iteration.");

        Series Stack(string name, Func<IterationPrice, double> value) => new(
            name, Mark.Stack, prices.Select(price => ((double)((price.Iteration ?? -1) + 1), (double?)(value(price) / batches))));
    }

    /// <summary>What each layer costs in each part of a pass; null for a profile that was cut off before the first of them.</summary>
    private static Figure? Layers(CostProfile profile)
    {
        CostMatrix<string, WorkPart> layers = CostMatrix.LayersByPart([.. profile.Launches]);
        WorkPart[] parts = [.. layers.Columns.Where(part => part.Phase is Phase.Attack or Phase.Update)];
        string[] rows = [.. layers.Rows.Where(layer => layer.Length > 0)];
        if (rows.Length == 0)
            return null;
        double Cell(string row, WorkPart part) =>
            layers[row, part] is { Launches: > 0 } sum ? sum.Milliseconds / profile.Batches.Count : double.NaN;
        HeatGrid grid = new(
            "kernels only", [.. parts.Select(Short)], rows, [.. rows.SelectMany(row => parts.Select(part => Cell(row, part)))])
        {
            ShowsValues = true,
        };
        return Figure.Of(
            new HeatMap("Layer and phase", "phase and derivative", "layer", "ms of a batch", [grid]),
            "dx is the gradient of a layer's input, dw that of its weights.");
    }

    private static Figure Discarded(CostProfile profile, DiscardedWork work)
    {
        IReadOnlyList<string> Row(string name, CostSum sum) =>
        [
            name, Three(sum.Milliseconds / profile.Batches.Count), Three(sum.Gigaflops / profile.Batches.Count),
            Three(sum.Bytes / 1e9 / profile.Batches.Count),
        ];
        DataTable table = new(
            "Kernels of a batch", ["", "ms", "GFLOP", "GB"],
            [
                Row("needed", work.Necessary), Row("weight gradients of attack passes, discarded", work.Discarded),
                Row("as scripts compute it", work.Published),
            ]);
        return new Figure("Computed and thrown away", null, [table])
        {
            Note = work.IsMeasured
                ? "Measured."
                : "Estimated layer by layer from the update; deat profile --attack-weight-gradients on measures it.",
        };
    }

    /// <summary>A part of a pass in a few letters.</summary>
    internal static string Short(WorkPart part) => $"{part.Phase.ToString().ToLowerInvariant()} {part.Direction switch
    {
        Direction.Forward => "forward",
        Direction.InputGradient => "dx",
        _ => "dw",
    }}";

    /// <summary>A number with three digits.</summary>
    internal static string Three(double? value) => value is { } number && double.IsFinite(number)
        ? number.ToString(
            Math.Abs(number) switch { >= 100 => "#,0", >= 10 => "0.0", >= 1 => "0.00", _ => "0.###" }, CultureInfo.InvariantCulture)
        : "";

    private static string Percent(double value) => string.Create(CultureInfo.InvariantCulture, $"{100 * value:0.#} %");

    private static string Milliseconds(IReadOnlyCollection<double> values) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Quantiles.Median(values):#,0.##} ms "
        + $"({(values.Count == 1 ? "one batch" : $"median of {values.Count}, spread {Spread(values)}")})");

    private static string Spread(IReadOnlyCollection<double> values) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * Quantiles.Spread(values):0} %");
}
