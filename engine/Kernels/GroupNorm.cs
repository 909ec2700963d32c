using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// A norm as kernels compute it: the root of what its elements' parts come to. All functions keep NaN. The last one is that of its dual: of
/// all perturbations of one length, which one a linear function falls steepest along.
/// </summary>
internal interface IImageNorm
{
    /// <summary>What an element brings.</summary>
    static abstract T Part<T>(T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>What two parts come to.</summary>
    static abstract T Both<T>(T a, T b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The norm, of what all elements come to.</summary>
    static abstract T Root<T>(T all)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>How far an element with a slope of absolute value <paramref name="weight"/> moves in a step of this multiplier.</summary>
    static abstract T Reach<T>(T multiplier, T weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}

/// <summary>The largest absolute value; the steepest step moves all elements alike.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct LargestValue : IImageNorm
{
    public static T Part<T>(T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => T.Abs(value);

    public static T Both<T>(T a, T b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => b > a || T.IsNaN(b) ? b : a;

    public static T Root<T>(T all)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => all;

    public static T Reach<T>(T multiplier, T weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => multiplier;
}

/// <summary>The root of the sum of squares; the steepest step follows the gradient.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct EuclideanLength : IImageNorm
{
    public static T Part<T>(T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => value * value;

    public static T Both<T>(T a, T b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => a + b;

    public static T Root<T>(T all)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => T.Sqrt(all);

    public static T Reach<T>(T multiplier, T weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => multiplier * weight;
}

/// <summary>The norm over the items of a group, as <see cref="GroupSum"/> sums: the order depends on the size of the group alone.</summary>
[ExcludeFromCodeCoverage]
internal static class GroupNorm
{
    /// <summary>The norm of what the items hold a part of each. All must call it.</summary>
    public static T Of<T, TNorm>(T part)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TNorm : struct, IImageNorm
    {
        if (Item.GroupSize() == 1)
            return TNorm.Root(part);
        ArrayView<T> shared = SharedMemory.Allocate<T>(GroupSum.LargestGroup);
        int item = Item.Place();
        shared[item] = part;
        Sync.Barrier();
        for (int stride = Item.GroupSize() >> 1; stride >= 1; stride >>= 1)
        {
            if (item < stride)
                shared[item] = TNorm.Both(shared[item], shared[item + stride]);
            Sync.Barrier();
        }

        T all = shared[0];
        Sync.Barrier();
        return TNorm.Root(all);
    }
}
