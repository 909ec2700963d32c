using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The last stage of a reduction: a group of work-items for each result. On CPU-like devices the group is a single item, which
/// adds everything itself in order. The order depends on the size of the group and nothing else.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class GroupSum
{
    private const int LargestGroup = 128;

    /// <summary>One group for each of <paramref name="results"/>; the kernel calls Of <paramref name="sums"/> times.</summary>
    public static LaunchGrid Grid<TLane>(ComputeDevice device, int results, int sums)
        where TLane : unmanaged
    {
        int size = Math.Min(device.Traits.GroupSize, LargestGroup);
        return new LaunchGrid(results, size, size == 1 ? 0 : sums * LargestGroup * Interop.SizeOf<TLane>());
    }

    /// <summary>The sum of <paramref name="value"/> over the group, for all its items. All must call it.</summary>
    public static TLane Of<T, TLane>(TLane value)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        if (Group.DimX == 1)
            return value;
        ArrayView<TLane> shared = SharedMemory.Allocate<TLane>(LargestGroup);
        int item = Group.IdxX;
        shared[item] = value;
        Sync.Barrier();
        for (int stride = Group.DimX >> 1; stride > 0; stride >>= 1)
        {
            if (item < stride)
                shared[item] = shared[item] + shared[item + stride];
            Sync.Barrier();
        }

        TLane sum = shared[0];
        Sync.Barrier();
        return sum;
    }
}
