using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>The scalars of the step as one kernel argument.</summary>
[ExcludeFromCodeCoverage]
internal struct BoundaryConstants<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T LargestShare, Overshoot, LeastNorm;
    public PixelRange<T> Range;
}

/// <summary>The way of an image's elements to a plane: which side it is seen from, and the multiplier.</summary>
[ExcludeFromCodeCoverage]
internal struct WayToPlane<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What the linear function must lose; negative where it must gain.</summary>
    public T Excess;

    public T Multiplier;

    /// <summary>How far an element may move before it leaves [0,1].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Room(T slope, T pixel) => Falls(slope) ? pixel : T.One - pixel;

    /// <summary>Where the element goes; a NaN multiplier makes it NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Move<TNorm>(T slope, T pixel)
        where TNorm : struct, IImageNorm
    {
        if (slope == T.Zero)
            return T.Zero;
        T room = Room(slope, pixel);
        T reach = TNorm.Reach(Multiplier, T.Abs(slope));
        T moved = reach < room || T.IsNaN(reach) ? reach : room;
        return Falls(slope) ? -moved : moved;
    }

    /// <summary>
    /// The next multiplier of Newton's iteration, never a smaller one by rounding. Where everything is stuck it does not matter. A NaN
    /// slope is in one of the sums, and asked for: an early return on rate &lt;= 0 was taken with NaN on OpenCL.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Next(T stuck, T rate)
    {
        T all = Excess + stuck + rate;
        T next = (T.Abs(Excess) - stuck) / rate;
        bool rises = rate > T.Zero && next > Multiplier;
        return T.IsNaN(all) ? all : rises ? next : Multiplier;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool Falls(T slope) => Excess >= T.Zero ? slope > T.Zero : slope < T.Zero;
}

/// <summary>One group an image; its items take rows of one channel in turn, and add row by row.</summary>
[ExcludeFromCodeCoverage]
internal static class BoundaryStepKernels
{
    private const int Rounds = 32;

    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void Step<T, TNorm>(
        ArrayView<T> margins, ArrayView<T> gradient, ArrayView<T> x, ArrayView<T> delta, ArrayView<int> active,
        BoundaryConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TNorm : struct, IImageNorm
    {
        int n = Item.Group();
        if (n >= layout.Shape.N || Real.Load(active, n) == 0)
            return;
        Lane1<T> moved = new() { A = Slope(gradient, delta, n, layout) };
        T margin = Real.Load(margins, n);
        // The plane is seen from where the image is, and from the image as it was.
        WayToPlane<T> here = new() { Excess = margin };
        WayToPlane<T> there = new() { Excess = margin - GroupSum.Of<T, Lane1<T>>(moved, 1).A };
        for (int round = 0; round < Rounds; round++)
        {
            Quad<T> sums = GroupSum.Of<T, Quad<T>>(Sums<T, TNorm>(gradient, x, delta, n, here, there, layout), 1);
            T nextHere = here.Next(sums.A, sums.B);
            T nextThere = there.Next(sums.C, sums.D);
            bool stands = nextHere == here.Multiplier && nextThere == there.Multiplier;
            here.Multiplier = nextHere;
            there.Multiplier = nextThere;
            if (stands)
                break;
        }

        T share = Share<T, TNorm>(gradient, x, delta, n, here, there, constants, layout);
        Move<T, TNorm>(gradient, x, delta, n, here, there, share, constants, layout);
    }

    /// <summary>How much delta raised the linear function: the sum of w delta.</summary>
    private static T Slope<T>(ArrayView<T> gradient, ArrayView<T> delta, int n, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T total = T.Zero;
        int height = layout.Shape.H;
        for (int row = Item.Place(); row < layout.Shape.C * height; row += Item.GroupSize())
        {
            int c = row / height;
            int place = layout.Index(n, c, row - (c * height), 0);
            T sum = T.Zero;
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
                sum = Real.Fma(Real.Load(gradient, place), Real.Load(delta, place), sum);
            total += sum;
        }

        return total;
    }

    /// <summary>Of each way, what the stuck elements lose, and how fast the others do.</summary>
    private static Quad<T> Sums<T, TNorm>(
        ArrayView<T> gradient, ArrayView<T> x, ArrayView<T> delta, int n, WayToPlane<T> here, WayToPlane<T> there, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TNorm : struct, IImageNorm
    {
        Quad<T> total = default;
        int height = layout.Shape.H;
        for (int row = Item.Place(); row < layout.Shape.C * height; row += Item.GroupSize())
        {
            int c = row / height;
            int place = layout.Index(n, c, row - (c * height), 0);
            Quad<T> sum = default;
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T slope = Real.Load(gradient, place);
                T pixel = Real.Load(x, place);
                T weight = T.Abs(slope);
                T rate = TNorm.Reach(weight, weight);
                T room = here.Room(slope, pixel + Real.Load(delta, place));
                bool stuck = room <= TNorm.Reach(here.Multiplier, weight);
                sum.A += stuck ? weight * room : T.Zero;
                sum.B += stuck ? T.Zero : rate;
                room = there.Room(slope, pixel);
                stuck = room <= TNorm.Reach(there.Multiplier, weight);
                sum.C += stuck ? weight * room : T.Zero;
                sum.D += stuck ? T.Zero : rate;
            }

            total += sum;
        }

        return total;
    }

    private static T Share<T, TNorm>(
        ArrayView<T> gradient, ArrayView<T> x, ArrayView<T> delta, int n, WayToPlane<T> here, WayToPlane<T> there,
        BoundaryConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TNorm : struct, IImageNorm
    {
        T partHere = T.Zero;
        T partThere = T.Zero;
        int height = layout.Shape.H;
        for (int row = Item.Place(); row < layout.Shape.C * height; row += Item.GroupSize())
        {
            int c = row / height;
            int place = layout.Index(n, c, row - (c * height), 0);
            T rowHere = T.Zero;
            T rowThere = T.Zero;
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T slope = Real.Load(gradient, place);
                T pixel = Real.Load(x, place);
                rowHere = TNorm.Both(rowHere, TNorm.Part(here.Move<TNorm>(slope, pixel + Real.Load(delta, place))));
                rowThere = TNorm.Both(rowThere, TNorm.Part(there.Move<TNorm>(slope, pixel)));
            }

            partHere = TNorm.Both(partHere, rowHere);
            partThere = TNorm.Both(partThere, rowThere);
        }

        T least = constants.LeastNorm;
        T normHere = GroupNorm.Of<T, TNorm>(partHere);
        T normThere = GroupNorm.Of<T, TNorm>(partThere);
        normHere = normHere < least ? least : normHere;
        normThere = normThere < least ? least : normThere;
        T share = normHere / (normHere + normThere);
        return share > constants.LargestShare ? constants.LargestShare : share;
    }

    private static void Move<T, TNorm>(
        ArrayView<T> gradient, ArrayView<T> x, ArrayView<T> delta, int n, WayToPlane<T> here, WayToPlane<T> there, T share,
        BoundaryConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TNorm : struct, IImageNorm
    {
        int height = layout.Shape.H;
        for (int row = Item.Place(); row < layout.Shape.C * height; row += Item.GroupSize())
        {
            int c = row / height;
            int place = layout.Index(n, c, row - (c * height), 0);
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T slope = Real.Load(gradient, place);
                T pixel = Real.Load(x, place);
                T d = Real.Load(delta, place);
                T near = Real.Fma(constants.Overshoot, here.Move<TNorm>(slope, pixel + d), d);
                T far = constants.Overshoot * there.Move<TNorm>(slope, pixel);
                Real.Store(delta, place, constants.Range.Clamp(Real.Fma(near, T.One - share, far * share), pixel));
            }
        }
    }
}
