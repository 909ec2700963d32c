using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// F(4x4, 3x3), at the points 0, a, -a, b, -b and infinity with a = 5/8 and b = 3/2, whose powers are exact. With the usual 1 and 2 the
/// error is more than twice as large (measured); on the choice of points see Barabasz, Anderson, Soodhalter and Gregg, Error Analysis and
/// Improving the Accuracy of Winograd Convolution for Deep Neural Networks, arXiv 1803.10986.
/// <code>
/// B^T = aabb 0 -aa-bb 0 1 0 | 0 -abb -bb a 1 0 | 0 abb -bb -a 1 0 | 0 -aab -aa b 1 0 | 0 aab -aa -b 1 0 | 0 aabb 0 -aa-bb 0 1
/// G   = 1 0 0 | 1 a aa | 1 -a aa | 1 b bb | 1 -b bb | 0 0 1, rows over aabb, 2aa(aa - bb) twice, 2bb(bb - aa) twice and 1
/// A^T = 1 1 1 1 1 0 | 0 a -a b -b 0 | 0 aa aa bb bb 0 | 0 aaa -aaa bbb -bbb 1
/// </code>
/// Rows of a pair of points are the sum and the difference of an even and an odd part. One row of a tile is held at a time, and read
/// anew for the next: two rows of binary64 do not fit the registers of a GPU.
/// </summary>
/// <remarks>
/// Some methods are not to be inlined by .NET, which then inlines what they call: its budget for one method is smaller than a transform,
/// and what is left over would be calls that pass lanes through memory (measured: five times slower).
/// </remarks>
[ExcludeFromCodeCoverage]
internal readonly partial struct WinogradTile4 : IWinogradTile
{
    public static WinogradPlaces Places => new(Alone: 36, Pairs: 0, Fours: 0);

    public static int InputPitch => 4;

    public static int OutputPitch => 4;

    public static int Before => 1;

    public static void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        CombineSingles<T, TLane>(x, source, row, column, v, target, step);
        CombinePair<T, TLane>(x, source, row, column, v, target + (6 * step), step, Points<T>.A, Points<T>.MinusBB);
        CombinePair<T, TLane>(x, source, row, column, v, target + (18 * step), step, Points<T>.B, Points<T>.MinusAA);
    }

    public static void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Gather<T, TLane, Row0>(m, source, step, y, target, column);
        Gather<T, TLane, Row1>(m, source, step, y, target + row, column);
        Gather<T, TLane, Row2>(m, source, step, y, target + (2 * row), column);
        Gather<T, TLane, Row3>(m, source, step, y, target + (3 * row), column);
    }

    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Weigh<T, TLane>(u, target + (30 * step), step, c0, c1, c2);
        TLane scale = TLane.Splat(Points<T>.Scale);
        Weigh<T, TLane>(u, target, step, a0 * scale, a1 * scale, a2 * scale);
        WeighPair<T, TLane>(u, target + (6 * step), step, a0, a1, a2, b0, b1, b2, c0, c1, c2, Points<T>.A, Points<T>.AA, Points<T>.ScaleA);
        WeighPair<T, TLane>(u, target + (18 * step), step, a0, a1, a2, b0, b1, b2, c0, c1, c2, Points<T>.B, Points<T>.BB, Points<T>.ScaleB);
    }

    // Rows 0 and 5 of B^T, of three pixels every second row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Single<T, TLane>(ArrayView<TLane> x, int place, int row)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        Single<T, TLane>(Real.Load(x, place), Real.Load(x, place + (2 * row)), Real.Load(x, place + (4 * row)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Single<T, TLane>(TLane x0, TLane x2, TLane x4)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        TLane.Fma(TLane.Splat(Points<T>.Product), x0, TLane.Fma(TLane.Splat(Points<T>.MinusSum), x2, x4));

    // The row of B^T of a point, where `other` is minus the square of the other pair.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane AtPoint<T, TLane>(ArrayView<TLane> x, int place, int row, T point, T other)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane odd = TLane.Fma(TLane.Splat(other), Real.Load(x, place + row), Real.Load(x, place + (3 * row)));
        TLane even = TLane.Fma(TLane.Splat(other), Real.Load(x, place + (2 * row)), Real.Load(x, place + (4 * row)));
        return TLane.Fma(TLane.Splat(point), odd, even);
    }

    // The first and the last row of B^T x B.
    private static void CombineSingles<T, TLane>(
        ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int c1 = source + column, c2 = c1 + column, c3 = c2 + column, c4 = c3 + column, c5 = c4 + column;
        Combine<T, TLane>(
            v, target, step, Single<T, TLane>(x, source, row), Single<T, TLane>(x, c1, row), Single<T, TLane>(x, c2, row),
            Single<T, TLane>(x, c3, row), Single<T, TLane>(x, c4, row), Single<T, TLane>(x, c5, row));
        Combine<T, TLane>(
            v, target + (30 * step), step, Single<T, TLane>(x, source + row, row), Single<T, TLane>(x, c1 + row, row),
            Single<T, TLane>(x, c2 + row, row), Single<T, TLane>(x, c3 + row, row), Single<T, TLane>(x, c4 + row, row),
            Single<T, TLane>(x, c5 + row, row));
    }

    // Two rows of B^T x B.
    private static void CombinePair<T, TLane>(
        ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step, T point, T other)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int c1 = source + column, c2 = c1 + column, c3 = c2 + column, c4 = c3 + column, c5 = c4 + column;
        Combine<T, TLane>(
            v, target, step, AtPoint<T, TLane>(x, source, row, point, other), AtPoint<T, TLane>(x, c1, row, point, other),
            AtPoint<T, TLane>(x, c2, row, point, other), AtPoint<T, TLane>(x, c3, row, point, other),
            AtPoint<T, TLane>(x, c4, row, point, other), AtPoint<T, TLane>(x, c5, row, point, other));
        Combine<T, TLane>(
            v, target + (6 * step), step, AtPoint<T, TLane>(x, source, row, -point, other), AtPoint<T, TLane>(x, c1, row, -point, other),
            AtPoint<T, TLane>(x, c2, row, -point, other), AtPoint<T, TLane>(x, c3, row, -point, other),
            AtPoint<T, TLane>(x, c4, row, -point, other), AtPoint<T, TLane>(x, c5, row, -point, other));
    }

    // One row of t B.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(
        ArrayView<TLane> v, int target, int step, TLane t0, TLane t1, TLane t2, TLane t3, TLane t4, TLane t5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane aa = TLane.Splat(Points<T>.MinusAA), bb = TLane.Splat(Points<T>.MinusBB);
        TLane evenA = TLane.Fma(bb, t2, t4), oddA = TLane.Fma(bb, t1, t3), evenB = TLane.Fma(aa, t2, t4), oddB = TLane.Fma(aa, t1, t3);
        Real.Store(v, target, Single<T, TLane>(t0, t2, t4));
        Real.Store(v, target + step, TLane.Fma(TLane.Splat(Points<T>.A), oddA, evenA));
        Real.Store(v, target + (2 * step), TLane.Fma(TLane.Splat(-Points<T>.A), oddA, evenA));
        Real.Store(v, target + (3 * step), TLane.Fma(TLane.Splat(Points<T>.B), oddB, evenB));
        Real.Store(v, target + (4 * step), TLane.Fma(TLane.Splat(-Points<T>.B), oddB, evenB));
        Real.Store(v, target + (5 * step), Single<T, TLane>(t1, t3, t5));
    }

    // The sum and the difference of a pair of points, which lie a row of places apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Plus<T, TLane>(ArrayView<TLane> m, int place, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(m, place) + Real.Load(m, place + (6 * step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Minus<T, TLane>(ArrayView<TLane> m, int place, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(m, place) - Real.Load(m, place + (6 * step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Mix<T, TLane>(TLane a, TLane b, T timesA, T timesB)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => TLane.Fma(TLane.Splat(timesA), a, TLane.Splat(timesB) * b);

    // One row of A^T m A. Stores stand between what the pairs of points take and what zero and infinity do, so that less is held.
    private static void Gather<T, TLane, TRow>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TRow : struct, IRow
    {
        TLane s1 = TRow.Column<T, TLane>(m, source + step, step), s2 = TRow.Column<T, TLane>(m, source + (2 * step), step);
        TLane sumA = s1 + s2, differenceA = s1 - s2;
        TLane s3 = TRow.Column<T, TLane>(m, source + (3 * step), step), s4 = TRow.Column<T, TLane>(m, source + (4 * step), step);
        TLane sumB = s3 + s4, differenceB = s3 - s4;
        Real.Store(y, target + column, Mix(differenceA, differenceB, Points<T>.A, Points<T>.B));
        Real.Store(y, target + (2 * column), Mix(sumA, sumB, Points<T>.AA, Points<T>.BB));
        Real.Store(y, target, TRow.Column<T, TLane>(m, source, step) + (sumA + sumB));
        TLane s5 = TRow.Column<T, TLane>(m, source + (5 * step), step);
        Real.Store(y, target + (3 * column), s5 + Mix(differenceA, differenceB, Points<T>.AAA, Points<T>.BBB));
    }

    // Two rows of G w G^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeighPair<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2, T point, T square, T scale)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane s = TLane.Splat(square), factor = TLane.Splat(scale), p = TLane.Splat(point);
        Weigh<T, TLane>(
            u, target, step, TLane.Fma(p, b0, TLane.Fma(s, c0, a0)) * factor, TLane.Fma(p, b1, TLane.Fma(s, c1, a1)) * factor,
            TLane.Fma(p, b2, TLane.Fma(s, c2, a2)) * factor);
        Weigh<T, TLane>(
            u, target + (6 * step), step, (TLane.Fma(s, c0, a0) - (p * b0)) * factor, (TLane.Fma(s, c1, a1) - (p * b1)) * factor,
            (TLane.Fma(s, c2, a2) - (p * b2)) * factor);
    }

    // One row of q G^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<T, TLane>(ArrayView<TLane> u, int target, int step, TLane q0, TLane q1, TLane q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(u, target, q0 * TLane.Splat(Points<T>.Scale));
        Real.Store(u, target + (5 * step), q2);
        TLane evenA = TLane.Fma(TLane.Splat(Points<T>.AA), q2, q0), oddA = TLane.Splat(Points<T>.A) * q1;
        TLane scaleA = TLane.Splat(Points<T>.ScaleA), scaleB = TLane.Splat(Points<T>.ScaleB);
        Real.Store(u, target + step, (evenA + oddA) * scaleA);
        Real.Store(u, target + (2 * step), (evenA - oddA) * scaleA);
        TLane evenB = TLane.Fma(TLane.Splat(Points<T>.BB), q2, q0), oddB = TLane.Splat(Points<T>.B) * q1;
        Real.Store(u, target + (3 * step), (evenB + oddB) * scaleB);
        Real.Store(u, target + (4 * step), (evenB - oddB) * scaleB);
    }

    // A row of A^T, times a column of m.
    private interface IRow
    {
        static abstract TLane Column<T, TLane>(ArrayView<TLane> m, int place, int step)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>;
    }

    private readonly struct Row0 : IRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLane Column<T, TLane>(ArrayView<TLane> m, int place, int step)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> =>
            Real.Load(m, place) + (Plus<T, TLane>(m, place + (6 * step), step) + Plus<T, TLane>(m, place + (18 * step), step));
    }

    private readonly struct Row1 : IRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLane Column<T, TLane>(ArrayView<TLane> m, int place, int step)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> =>
            Mix(Minus<T, TLane>(m, place + (6 * step), step), Minus<T, TLane>(m, place + (18 * step), step), Points<T>.A, Points<T>.B);
    }

    private readonly struct Row2 : IRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLane Column<T, TLane>(ArrayView<TLane> m, int place, int step)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> =>
            Mix(Plus<T, TLane>(m, place + (6 * step), step), Plus<T, TLane>(m, place + (18 * step), step), Points<T>.AA, Points<T>.BB);
    }

    private readonly struct Row3 : IRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLane Column<T, TLane>(ArrayView<TLane> m, int place, int step)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> =>
            Real.Load(m, place + (30 * step)) + Mix(
                Minus<T, TLane>(m, place + (6 * step), step), Minus<T, TLane>(m, place + (18 * step), step), Points<T>.AAA, Points<T>.BBB);
    }

    // Constants to ILGPU and to .NET alike.
    private static class Points<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static readonly T A = T.CreateChecked(0.625);

        public static readonly T B = T.CreateChecked(1.5);

        public static readonly T AA = A * A;

        public static readonly T BB = B * B;

        public static readonly T AAA = AA * A;

        public static readonly T BBB = BB * B;

        public static readonly T MinusAA = -AA;

        public static readonly T MinusBB = -BB;

        public static readonly T Product = AA * BB;

        public static readonly T MinusSum = -(AA + BB);

        public static readonly T Scale = T.One / Product;

        public static readonly T ScaleA = T.One / ((AA + AA) * (AA - BB));

        public static readonly T ScaleB = T.One / ((BB + BB) * (BB - AA));
    }
}
