using System.Globalization;

namespace Deat.Training;

/// <summary>The kernels of a profile, as a table of their times, work and resources.</summary>
internal static class KernelFigure
{
    private const int Most = 30;
    private const string Unknown = "n/a";

    private static readonly string[] Columns =
    [
        "kernel", "calls", "total, ms", "share, %", "mean, us", "p50, us", "p95, us", "GFLOP", "GB", "FLOP/byte", "GFLOP/s", "GB/s",
        "of its roof, %", "bound by", "groups", "items a group", "registers", "spilled, bytes", "shared, bytes", "occupancy, %",
    ];

    /// <summary>The figure.</summary>
    public static Figure Of(CostProfile profile)
    {
        IReadOnlyList<KernelCost> all = KernelCost.Of(profile);
        string which = all.Count > Most ? $"the {Most} most expensive of {all.Count}" : $"all {all.Count}, the most expensive first";
        DataTable table = new(
            $"Kernels in all {profile.Batches.Count} batches together: {which}", Columns, [.. all.Take(Most).Select(Row)]);
        return new Figure("Kernels", null, [table])
        {
            Note = "FLOPs are those of the definition: Winograd's tiles can pass their roof. n/a: the device does not tell, or the kernel "
                + "does not compute.",
        };
    }

    private static IReadOnlyList<string> Row(KernelCost kernel)
    {
        CostSum sum = kernel.Sum;
        double? flops = sum.Flops > 0 ? sum.Flops : null;
        return
        [
            kernel.Kernel, Axis.Text(sum.Launches), Text(sum.Milliseconds), Text(100 * kernel.Share), Text(kernel.Mean), Text(kernel.P50),
            Text(kernel.P95), Text(flops / 1e9), Text(sum.Bytes / 1e9), Text(flops is null ? null : sum.Intensity),
            Text(flops is null ? null : sum.GigaflopsPerSecond), Text(sum.GigabytesPerSecond), Text(100 * kernel.RoofShare),
            kernel.Bound.ToString().ToLowerInvariant(), Range(kernel.Groups), Axis.Text(kernel.GroupSize),
            Whole(kernel.Resources.Registers), Whole(kernel.Resources.SpilledBytes), Whole(kernel.Resources.SharedBytes),
            Text(100 * kernel.Resources.Occupancy),
        ];
    }

    private static string Text(double? value) => ProfileFigures.Three(value) is { Length: > 0 } text ? text : Unknown;

    private static string Whole(int? value) => value is { } number ? Axis.Text(number) : Unknown;

    private static string Range((int Least, int Most) groups) => groups.Least == groups.Most
        ? Axis.Text(groups.Least)
        : string.Create(CultureInfo.InvariantCulture, $"{groups.Least:#,0} to {groups.Most:#,0}");
}
