using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The last stage of a reduction: sums over the items of a group. On CPU-like devices the group is a single item, which
/// adds everything itself in order. The order depends on the size of the group and nothing else.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class GroupSum
{
    /// <summary>The most items of a group that sums; their number is a power of two.</summary>
    public const int LargestGroup = 256;

    /// <summary>
    /// The sum of <paramref name="value"/> over all items of the group that are a multiple of <paramref name="abreast"/>, a power of two,
    /// away from the one that asks. All must call it.
    /// </summary>
    public static TLane Of<T, TLane>(TLane value, int abreast)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        if (Item.GroupSize() == 1)
            return value;
        ArrayView<TLane> shared = SharedMemory.Allocate<TLane>(LargestGroup);
        int item = Item.Place();
        shared[item] = value;
        Sync.Barrier();
        for (int stride = Item.GroupSize() >> 1; stride >= abreast; stride >>= 1)
        {
            if (item < stride)
                shared[item] = shared[item] + shared[item + stride];
            Sync.Barrier();
        }

        TLane sum = shared[item & (abreast - 1)];
        Sync.Barrier();
        return sum;
    }
}
