using Deat.Engine;

namespace Deat.Training;

/// <summary>What was rented from the pool during the first timed batch, category on category.</summary>
internal static class MemoryFigure
{
    private const double Left = 78, Right = 736, Top = 62, Bottom = 300;
    private const int Columns = 220;

    /// <summary>The figure; null where nothing was recorded.</summary>
    public static Figure? Of(CostProfile profile)
    {
        if (profile.Memory.Count == 0 || profile.Batches.Count == 0 || profile.Launches.Count == 0)
            return null;
        TimedBatch batch = profile.Batches[0];
        MemoryCategory[] categories = [.. profile.Memory.Select(sample => sample.Category).Distinct().Order()];
        long[][] columns = Sample([.. OnDevice(profile)], batch, categories);
        MemoryPeak peak = MemoryPeak.Of(profile.Memory);
        DataTable table = new(
            "Memory at the peak", ["category", "MB"],
            [
                .. peak.Live.OrderByDescending(pair => pair.Value).Select(pair => (IReadOnlyList<string>)
                    [Name(pair.Key), ProfileFigures.Three(pair.Value / 1e6)]),
                ["all", ProfileFigures.Three(peak.Total / 1e6)],
            ]);
        const string When = "Each change stands where the device came to what was launched next; the host is ahead of it. ";
        string note = When + (profile.MemoryNeed is { } need ? $"{need.Describe(ProfileFigures.Three)}." : "");
        return new Figure("Memory during a batch", Draw(batch, categories, columns), [table]) { Note = note };
    }

    // Memory is rented and given back by the host, ahead of the device.
    private static IEnumerable<MemorySample> OnDevice(CostProfile profile)
    {
        IReadOnlyList<LaunchRecord> launches = profile.Launches;
        int next = 0;
        foreach (MemorySample sample in profile.Memory)
        {
            while (next < launches.Count && launches[next].Submitted < sample.Time)
                next++;
            yield return sample with { Time = next < launches.Count ? launches[next].Start : Math.Max(sample.Time, launches[^1].End) };
        }
    }

    // In each column the moment when most was rented, so that no peak is lost.
    private static long[][] Sample(IReadOnlyList<MemorySample> samples, TimedBatch batch, MemoryCategory[] categories)
    {
        long[] live = new long[categories.Length];
        long[][] columns = new long[Columns][];
        int next = 0;
        for (int c = 0; c < Columns; c++)
        {
            long until = batch.Start + (batch.Duration * (c + 1) / Columns);
            long[]? most = c > 0 && (next == samples.Count || samples[next].Time > until) ? [.. live] : null;
            for (; next < samples.Count && samples[next].Time <= until; next++)
            {
                live[Array.IndexOf(categories, samples[next].Category)] = samples[next].LiveBytes;
                if (most is null || live.Sum() > most.Sum())
                    most = [.. live];
            }

            columns[c] = most ?? [.. live];
        }

        return columns;
    }

    private static string Draw(TimedBatch batch, MemoryCategory[] categories, long[][] columns)
    {
        SvgDrawing svg = new();
        svg.Text("title", Left, 24, "Memory during a batch, MB");
        svg.Legend(Left, 46, categories.Select((category, i) => (i, Name(category))));
        Axis x = new(0, batch.Duration / 1e6, Left, Right);
        Axis y = new(0, Math.Max(1, columns.Max(column => column.Sum()) / 1e6) * 1.08, Bottom, Top);
        foreach (double tick in y.Ticks(6, whole: false))
        {
            svg.Path("grid", [(Left, y.At(tick)), (Right, y.At(tick))]);
            svg.Text("text end", Left - 8, y.At(tick) + 4, Axis.Text(tick));
        }

        for (int category = 0; category < categories.Length; category++)
        {
            IEnumerable<(double, double)> Edge(int below) => columns.SelectMany((column, i) =>
            {
                double height = y.At(column.Take(below).Sum() / 1e6);
                return new[] { (Place(i), height), (Place(i + 1), height) };
            });
            svg.Path($"area f{category % SvgDrawing.Series}", Edge(category + 1).Concat(Edge(category).Reverse()));
        }

        svg.Path("axis", [(Left, Top), (Left, Bottom), (Right, Bottom)]);
        foreach (double tick in x.Ticks(10, whole: false))
            svg.Text("text middle", x.At(tick), Bottom + 20, Axis.Text(tick));
        svg.Text("text middle", (Left + Right) / 2, Bottom + 44, "ms since the batch began");
        return svg.Finish("Memory during a batch", Bottom + 58);
        static double Place(int column) => Left + ((Right - Left) * column / Columns);
    }

    private static string Name(MemoryCategory category) => category.ToString().ToLowerInvariant();
}
