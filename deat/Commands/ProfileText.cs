using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>A profile as tables for people. Times are of one batch, the mean over the timed ones, unless said otherwise.</summary>
internal static class ProfileText
{
    public static void Show(CostProfile profile, Screen screen)
    {
        ShowHead(profile, screen);
        if (profile.Launches.Count == 0)
            return;
        ShowParts(profile, screen);
        ShowIterations(profile, screen);
        ShowKernels(profile, screen);
        ShowLayers(profile, screen);
        ShowDiscarded(profile, screen);
        ShowMemory(profile, screen);
    }

    private static void ShowHead(CostProfile profile, Screen screen)
    {
        DevicePeaks peaks = profile.Peaks;
        screen.Line($"work   {ProfileFigures.Work(profile)}; after {Batches(profile.WarmUps)} of warming up");
        screen.Line($"roofs  {DeviceText.Peaks(peaks)}");
        screen.Line($"times  {profile.TimingMethod}"
            + (profile.Waits > 0 ? $"; the device was waited for {profile.Waits} times to read them" : ""));
        if (profile.Missed > 0)
            screen.Line($"note: --max-launches was reached: {profile.Missed} launches were not timed; what follows is of those before");
        double[] timed = [.. profile.Batches.Select(batch => batch.Duration / 1e6)];
        if (profile.GraphMilliseconds.Count > 0)
            screen.Line($"batch  {Summary(profile.GraphMilliseconds)} as graphs");
        screen.Line($"batch  {Summary(profile.UntimedMilliseconds)}, " + (profile.IsCut
            ? "cut off with launches timed: timing costs n/a, as --max-launches is less than the launches of a batch"
            : $"{Summary(timed)} with all launches timed: timing costs {Percent(profile.Overhead())}"));
        screen.Line($"batch  {Summary(profile.TrainingMilliseconds)} in training, where none waits for the one before");
        if (profile.Batches.Count == 0)
            return;
        TimeSplit split = TimeSplit.Of(profile);
        screen.Line($"device {Percent(split.Kernels / (double)split.Wall)} in kernels, "
            + $"{Percent(split.WaitingForHost / (double)split.Wall)} waiting for the host, "
            + $"{Percent(split.WaitingForKernel / (double)split.Wall)} waiting for a kernel to begin");
        double brief = profile.Launches.Count(launch => launch.Duration < 1e3 * peaks.LaunchMicroseconds);
        if (profile.Launches.Count > 0)
            screen.Line($"launch {Count(profile.Launches.Count / profile.Batches.Count)} a batch, "
                + $"{Percent(brief / profile.Launches.Count)} of the kernels shorter than a launch costs; of the kernels' time "
                + $"{Lone(profile):0.000} % in launches of a single work-group, which no second core helps");
        string energy = profile.Joules is { } joules ? $"{Number(joules / profile.Batches.Count)} J a batch, " : "";
        screen.Line($"energy {energy}{profile.EnergySource}");
    }

    private static double Lone(CostProfile profile) =>
        100.0 * profile.Launches.Where(launch => launch.Groups == 1).Sum(launch => launch.Duration)
        / profile.Launches.Sum(launch => launch.Duration);

    private static void ShowParts(CostProfile profile, Screen screen)
    {
        int batches = profile.Batches.Count;
        CostMatrix<WorkPart, int?> parts = CostMatrix.PartsByIteration(profile.Launches);
        IReadOnlyList<IterationPrice> prices = IterationPrice.Of(profile);
        double wall = prices.Sum(price => price.Split.Wall);
        ConsoleTable table = new(
            ["ms of a batch", .. prices.Select(price => Name(price.Iteration)), "all", "share", "launches", "GFLOP", "GFLOP/s", "GB/s"]);
        foreach (WorkPart part in parts.Rows)
        {
            CostSum sum = parts.Row(part);
            table.Add([
                part.Title, .. prices.Select(price => Blank(parts[part, price.Iteration].Milliseconds / batches)),
                Number(sum.Milliseconds / batches), Percent(sum.Nanoseconds / wall), Count(sum.Launches / batches),
                Blank(sum.Gigaflops / batches), Blank(sum.GigaflopsPerSecond), Blank(sum.GigabytesPerSecond)]);
        }

        AddWaits("waiting for the host", split => split.WaitingForHost);
        AddWaits("waiting for a kernel", split => split.WaitingForKernel);
        table.Add(["all", .. prices.Select(price => Number(price.Split.Wall / 1e6 / batches)), Number(wall / 1e6 / batches), "100%"]);
        table.Show("phase x iteration", screen);

        void AddWaits(string title, Func<TimeSplit, long> part)
        {
            double sum = prices.Sum(price => part(price.Split));
            table.Add([
                title, .. prices.Select(price => Blank(part(price.Split) / 1e6 / batches)), Number(sum / 1e6 / batches),
                Percent(sum / wall)]);
        }
    }

    private static void ShowIterations(CostProfile profile, Screen screen)
    {
        IReadOnlyList<IterationPrice> prices = IterationPrice.Of(profile);
        double wall = prices.Sum(price => price.Split.Wall);
        int batches = profile.Batches.Count;
        ConsoleTable table = new("iteration", "ms", "spread", "share", "launches", "GFLOP", "GFLOP/s", "GB/s");
        foreach (IterationPrice price in prices)
        {
            table.Add(
                Name(price.Iteration), Number(Quantiles.Median(price.Milliseconds)), Spread(price.Milliseconds),
                Percent(price.Split.Wall / wall), Count(price.Kernels.Launches / batches), Number(price.Kernels.Gigaflops / batches),
                Number(price.Kernels.GigaflopsPerSecond), Number(price.Kernels.GigabytesPerSecond));
        }

        table.Show(
            $"marginal price of an iteration, kernels and gaps: median of {Batches(batches)}, range of the middle half over it", screen);
    }

    private static void ShowKernels(CostProfile profile, Screen screen)
    {
        ConsoleTable table = new(
            "kernel", "calls", "ms", "share", "us mean", "p50", "p95", "GFLOP", "GB", "FLOP/B", "GFLOP/s", "GB/s", "of roof", "bound by",
            "groups", "items", "registers", "spilled B", "shared B", "occupancy");
        foreach (KernelCost kernel in KernelCost.Of(profile))
        {
            KernelResources resources = kernel.Resources;
            table.Add(
                kernel.Kernel, Count(kernel.Sum.Launches), Number(kernel.Sum.Milliseconds), Percent(kernel.Share), Number(kernel.Mean),
                Number(kernel.P50), Number(kernel.P95), Blank(kernel.Sum.Gigaflops), Number(kernel.Sum.Bytes / 1e9),
                Blank(kernel.Sum.Intensity), Blank(kernel.Sum.GigaflopsPerSecond), Number(kernel.Sum.GigabytesPerSecond),
                Percent(kernel.RoofShare), kernel.Bound.ToString().ToLowerInvariant(),
                kernel.Groups.Least == kernel.Groups.Most ? Count(kernel.Groups.Least) : $"{kernel.Groups.Least}-{kernel.Groups.Most}",
                Count(kernel.GroupSize), Known(resources.Registers), Known(resources.SpilledBytes), Known(resources.SharedBytes),
                resources.Occupancy is { } occupancy ? Percent(occupancy) : "n/a");
        }

        table.Show($"kernels of {Batches(profile.Batches.Count)} together", screen);
    }

    private static void ShowLayers(CostProfile profile, Screen screen)
    {
        CostMatrix<string, WorkPart> layers = CostMatrix.LayersByPart([.. profile.Launches]);
        int batches = profile.Batches.Count;
        WorkPart[] parts = [.. layers.Columns.Where(part => part.Phase is Phase.Attack or Phase.Update)];
        ConsoleTable table = new(["ms of a batch", .. parts.Select(part => part.Title), "all", "share", "GFLOP", "GFLOP/s"]);
        foreach (string layer in layers.Rows.Where(layer => layer.Length > 0))
        {
            CostSum sum = layers.Row(layer);
            table.Add([
                layer, .. parts.Select(part => Blank(layers[layer, part].Milliseconds / batches)), Number(sum.Milliseconds / batches),
                Percent(sum.Nanoseconds / layers.Total.Nanoseconds), Blank(sum.Gigaflops / batches), Blank(sum.GigaflopsPerSecond)]);
        }

        table.Show("layer x phase, kernels only", screen);
    }

    private static void ShowDiscarded(CostProfile profile, Screen screen)
    {
        DiscardedWork work = DiscardedWork.Of(profile);
        if (work.Discarded.Launches == 0)
            return;
        int batches = profile.Batches.Count;
        ConsoleTable table = new("kernels of a batch", "ms", "GFLOP", "GB");
        foreach ((string name, CostSum sum) in ((string, CostSum)[])
            [("necessary", work.Necessary), ("computed and discarded", work.Discarded), ("published", work.Published)])
            table.Add(name, Number(sum.Milliseconds / batches), Number(sum.Gigaflops / batches), Number(sum.Bytes / 1e9 / batches));
        table.Show(
            "weight gradients in passes that only attack, as scripts compute them that call loss.backward(): "
            + (work.IsMeasured ? "measured" : "estimated from passes that update; --attack-weight-gradients on computes them"), screen);
    }

    private static void ShowMemory(CostProfile profile, Screen screen)
    {
        MemoryPeak peak = MemoryPeak.Of(profile.Memory);
        ConsoleTable table = new("memory at the peak", "MB");
        foreach ((MemoryCategory category, long bytes) in peak.Live.OrderByDescending(pair => pair.Value))
            table.Add(category.ToString().ToLowerInvariant(), Number(bytes / 1e6));
        table.Add("all", Number(peak.Total / 1e6));
        string largest = profile.MemoryNeed is { } need ? $"; {need.Describe(Number)}" : "";
        table.Show($"memory of a batch of {profile.BatchSize}{largest}", screen);
    }

    private static string Name(int? iteration) => iteration is { } i ? Count(i + 1) : "once";

    private static string Summary(IReadOnlyCollection<double> milliseconds) => milliseconds.Count == 0
        ? "not measured"
        : $"{Number(Quantiles.Median(milliseconds))} ms "
            + $"({Batches(milliseconds.Count)}, spread {Spread(milliseconds)})";

    private static string Batches(int count) => count == 1 ? "1 batch" : $"{Count(count)} batches";

    // One batch has none.
    private static string Spread(IReadOnlyCollection<double> milliseconds) =>
        Percent(milliseconds.Count > 1 ? Quantiles.Spread([.. milliseconds]) : null);

    private static string Known(int? value) => value is { } number ? Count(number) : "n/a";

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(double? value) =>
        value is { } number ? string.Create(CultureInfo.InvariantCulture, $"{100 * number:F1}%") : "n/a";

    private static string Blank(double? value) => value is null or 0 ? "" : Number(value);

    // Three digits, whatever the size.
    private static string Number(double? value) => value switch
    {
        null => "n/a",
        { } number when Math.Abs(number) >= 100 => number.ToString("N0", CultureInfo.InvariantCulture),
        { } number when Math.Abs(number) >= 10 => number.ToString("F1", CultureInfo.InvariantCulture),
        { } number when Math.Abs(number) >= 1 => number.ToString("F2", CultureInfo.InvariantCulture),
        { } number => number.ToString("F3", CultureInfo.InvariantCulture),
    };
}
