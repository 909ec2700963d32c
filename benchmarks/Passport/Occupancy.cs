namespace Deat.Benchmarks;

/// <summary>How many warps of a multiprocessor a kernel can keep resident, and what stands against more.</summary>
/// <param name="Warps">Resident warps, of <see cref="Sm.Warps"/>.</param>
/// <param name="Limit">What runs out first: "warps", "blocks", "registers" or "shared".</param>
internal readonly record struct Occupancy(int Warps, string Limit);

/// <summary>
/// What one streaming multiprocessor holds. Source: table "Technical Specifications per Compute Capability" of NVIDIA's CUDA C++
/// Programming Guide, and for the units of allocation the occupancy calculator that CUDA ships.
/// </summary>
/// <param name="Architecture">ptxas' name.</param>
/// <param name="SharedBytes">Shared memory, bytes.</param>
internal sealed record Sm(string Architecture, int SharedBytes)
{
    public const int Warps = 64;
    private const int WarpSize = 32;
    private const int Blocks = 32;

    // The registers lie in four partitions, each with a quarter of the warps.
    private const int Partitions = 4;
    private const int RegistersPerPartition = 65_536 / Partitions;
    private const int RegisterUnit = 256;
    private const int SharedUnit = 128;

    // The system keeps this much of the shared memory of every block.
    private const int ReservedShared = 1024;

    public static Sm Ampere { get; } = new("sm_80", 164 * 1024);

    public static Sm Hopper { get; } = new("sm_90", 228 * 1024);

    public static IReadOnlyList<Sm> All { get; } = [Ampere, Hopper];

    /// <summary>The occupancy of a kernel.</summary>
    /// <param name="groupSize">Work-items per group.</param>
    /// <param name="registers">Registers of each work-item.</param>
    /// <param name="shared">Shared memory of each group, bytes, static and dynamic.</param>
    public Occupancy Of(int groupSize, int registers, int shared)
    {
        int warps = RoundUp(groupSize, WarpSize) / WarpSize;
        int warpsByRegisters = Partitions * (RegistersPerPartition / RoundUp(Math.Max(registers, 1) * WarpSize, RegisterUnit));
        (int Groups, string Limit)[] limits =
        [
            (Warps / warps, "warps"),
            (Blocks, "blocks"),
            (warpsByRegisters / RoundUp(warps, Partitions), "registers"),
            (SharedBytes / RoundUp(shared + ReservedShared, SharedUnit), "shared"),
        ];
        (int groups, string limit) = limits.MinBy(each => each.Groups);
        return new Occupancy(groups * warps, limit);
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;
}
