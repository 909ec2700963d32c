using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// F(4x4, 3x3), at the points 0, a, -a, b, -b and infinity with a = 5/8 and b = 3/2, whose powers are exact. With the usual 1 and 2 the
/// error is more than twice as large (measured); good points lie around one (Barabasz, Anderson, Soodhalter and Gregg, Error Analysis and
/// Improving the Accuracy of Winograd Convolution for Deep Neural Networks, arXiv 1803.10986, section 6).
/// <code>
/// B^T = aabb 0 -aa-bb 0 1 0 | 0 -abb -bb a 1 0 | 0 abb -bb -a 1 0 | 0 -aab -aa b 1 0 | 0 aab -aa -b 1 0 | 0 aabb 0 -aa-bb 0 1
/// G   = 1 0 0 | 1 a aa | 1 -a aa | 1 b bb | 1 -b bb | 0 0 1, rows over aabb, 2aa(aa - bb) twice, 2bb(bb - aa) twice and 1
/// A^T = 1 1 1 1 1 0 | 0 a -a b -b 0 | 0 aa aa bb bb 0 | 0 aaa -aaa bbb -bbb 1
/// </code>
/// Rows of a pair of points are the sum and the difference of an even and an odd part.
/// </summary>
/// <remarks>
/// Some methods are not to be inlined by .NET, which then inlines what they call: its budget for one method is smaller than a transform,
/// and what is left over would be calls that pass lanes through memory (measured: five times slower).
/// </remarks>
[ExcludeFromCodeCoverage]
internal readonly struct WinogradTile4 : IWinogradTile
{
    public static int Size => 4;

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
        EvenRows<T, TLane>(m, source, step, y, target, row, column);
        OddRows<T, TLane>(m, source + (6 * step), step, y, target + row, row, column);
    }

    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane scale = TLane.Splat(Points<T>.Scale);
        Weigh<T, TLane>(u, target, step, a0 * scale, a1 * scale, a2 * scale);
        WeighPair<T, TLane>(u, target + (6 * step), step, a0, a1, a2, b0, b1, b2, c0, c1, c2, Points<T>.A, Points<T>.AA, Points<T>.ScaleA);
        WeighPair<T, TLane>(u, target + (18 * step), step, a0, a1, a2, b0, b1, b2, c0, c1, c2, Points<T>.B, Points<T>.BB, Points<T>.ScaleB);
        Weigh<T, TLane>(u, target + (30 * step), step, c0, c1, c2);
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

    // The even part of the rows of a pair of points, where `other` is minus the square of the other pair.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Even<T, TLane>(ArrayView<TLane> x, int place, int row, T other)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        TLane.Fma(TLane.Splat(other), Real.Load(x, place + (2 * row)), Real.Load(x, place + (4 * row)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Odd<T, TLane>(ArrayView<TLane> x, int place, int row, T point, T other)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        TLane.Splat(point) * TLane.Fma(TLane.Splat(other), Real.Load(x, place + row), Real.Load(x, place + (3 * row)));

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
        TLane e0 = Even<T, TLane>(x, source, row, other), o0 = Odd<T, TLane>(x, source, row, point, other);
        TLane e1 = Even<T, TLane>(x, c1, row, other), o1 = Odd<T, TLane>(x, c1, row, point, other);
        TLane e2 = Even<T, TLane>(x, c2, row, other), o2 = Odd<T, TLane>(x, c2, row, point, other);
        TLane e3 = Even<T, TLane>(x, c3, row, other), o3 = Odd<T, TLane>(x, c3, row, point, other);
        TLane e4 = Even<T, TLane>(x, c4, row, other), o4 = Odd<T, TLane>(x, c4, row, point, other);
        TLane e5 = Even<T, TLane>(x, c5, row, other), o5 = Odd<T, TLane>(x, c5, row, point, other);
        Combine<T, TLane>(v, target, step, e0 + o0, e1 + o1, e2 + o2, e3 + o3, e4 + o4, e5 + o5);
        Combine<T, TLane>(v, target + (6 * step), step, e0 - o0, e1 - o1, e2 - o2, e3 - o3, e4 - o4, e5 - o5);
    }

    // One row of t B.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(
        ArrayView<TLane> v, int target, int step, TLane t0, TLane t1, TLane t2, TLane t3, TLane t4, TLane t5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane aa = TLane.Splat(Points<T>.MinusAA), bb = TLane.Splat(Points<T>.MinusBB);
        TLane evenA = TLane.Fma(bb, t2, t4), oddA = TLane.Splat(Points<T>.A) * TLane.Fma(bb, t1, t3);
        TLane evenB = TLane.Fma(aa, t2, t4), oddB = TLane.Splat(Points<T>.B) * TLane.Fma(aa, t1, t3);
        Real.Store(v, target, Single<T, TLane>(t0, t2, t4));
        Real.Store(v, target + step, evenA + oddA);
        Real.Store(v, target + (2 * step), evenA - oddA);
        Real.Store(v, target + (3 * step), evenB + oddB);
        Real.Store(v, target + (4 * step), evenB - oddB);
        Real.Store(v, target + (5 * step), Single<T, TLane>(t1, t3, t5));
    }

    // Rows 0 and 2 of A^T m A, which take the sums of the pairs.
    private static void EvenRows<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a0 = Plus<T, TLane>(m, source + (6 * step), step), b0 = Plus<T, TLane>(m, source + (18 * step), step);
        TLane a1 = Plus<T, TLane>(m, source + (7 * step), step), b1 = Plus<T, TLane>(m, source + (19 * step), step);
        TLane a2 = Plus<T, TLane>(m, source + (8 * step), step), b2 = Plus<T, TLane>(m, source + (20 * step), step);
        TLane a3 = Plus<T, TLane>(m, source + (9 * step), step), b3 = Plus<T, TLane>(m, source + (21 * step), step);
        TLane a4 = Plus<T, TLane>(m, source + (10 * step), step), b4 = Plus<T, TLane>(m, source + (22 * step), step);
        TLane a5 = Plus<T, TLane>(m, source + (11 * step), step), b5 = Plus<T, TLane>(m, source + (23 * step), step);
        Gather<T, TLane>(
            y, target, column, Real.Load(m, source) + a0 + b0, Real.Load(m, source + step) + a1 + b1,
            Real.Load(m, source + (2 * step)) + a2 + b2, Real.Load(m, source + (3 * step)) + a3 + b3,
            Real.Load(m, source + (4 * step)) + a4 + b4, Real.Load(m, source + (5 * step)) + a5 + b5);
        T aa = Points<T>.AA, bb = Points<T>.BB;
        Gather<T, TLane>(
            y, target + (2 * row), column, Mix(a0, b0, aa, bb), Mix(a1, b1, aa, bb), Mix(a2, b2, aa, bb), Mix(a3, b3, aa, bb),
            Mix(a4, b4, aa, bb), Mix(a5, b5, aa, bb));
    }

    // Rows 1 and 3, which take the differences; the places of m begin at its second row.
    private static void OddRows<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a0 = Minus<T, TLane>(m, source, step), b0 = Minus<T, TLane>(m, source + (12 * step), step);
        TLane a1 = Minus<T, TLane>(m, source + step, step), b1 = Minus<T, TLane>(m, source + (13 * step), step);
        TLane a2 = Minus<T, TLane>(m, source + (2 * step), step), b2 = Minus<T, TLane>(m, source + (14 * step), step);
        TLane a3 = Minus<T, TLane>(m, source + (3 * step), step), b3 = Minus<T, TLane>(m, source + (15 * step), step);
        TLane a4 = Minus<T, TLane>(m, source + (4 * step), step), b4 = Minus<T, TLane>(m, source + (16 * step), step);
        TLane a5 = Minus<T, TLane>(m, source + (5 * step), step), b5 = Minus<T, TLane>(m, source + (17 * step), step);
        T a = Points<T>.A, b = Points<T>.B;
        Gather<T, TLane>(
            y, target, column, Mix(a0, b0, a, b), Mix(a1, b1, a, b), Mix(a2, b2, a, b), Mix(a3, b3, a, b), Mix(a4, b4, a, b),
            Mix(a5, b5, a, b));
        T aaa = Points<T>.AAA, bbb = Points<T>.BBB;
        Gather<T, TLane>(
            y, target + (2 * row), column,
            Real.Load(m, source + (24 * step)) + Mix(a0, b0, aaa, bbb), Real.Load(m, source + (25 * step)) + Mix(a1, b1, aaa, bbb),
            Real.Load(m, source + (26 * step)) + Mix(a2, b2, aaa, bbb), Real.Load(m, source + (27 * step)) + Mix(a3, b3, aaa, bbb),
            Real.Load(m, source + (28 * step)) + Mix(a4, b4, aaa, bbb), Real.Load(m, source + (29 * step)) + Mix(a5, b5, aaa, bbb));
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

    // One row of s A.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gather<T, TLane>(
        ArrayView<TLane> y, int target, int column, TLane s0, TLane s1, TLane s2, TLane s3, TLane s4, TLane s5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        T a = Points<T>.A, b = Points<T>.B, aa = Points<T>.AA, bb = Points<T>.BB;
        TLane sumA = s1 + s2, differenceA = s1 - s2, sumB = s3 + s4, differenceB = s3 - s4;
        Real.Store(y, target, s0 + sumA + sumB);
        Real.Store(y, target + column, Mix(differenceA, differenceB, a, b));
        Real.Store(y, target + (2 * column), Mix(sumA, sumB, aa, bb));
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
        TLane p = TLane.Splat(point), s = TLane.Splat(square), factor = TLane.Splat(scale);
        TLane e0 = TLane.Fma(s, c0, a0), e1 = TLane.Fma(s, c1, a1), e2 = TLane.Fma(s, c2, a2);
        TLane o0 = p * b0, o1 = p * b1, o2 = p * b2;
        Weigh<T, TLane>(u, target, step, (e0 + o0) * factor, (e1 + o1) * factor, (e2 + o2) * factor);
        Weigh<T, TLane>(u, target + (6 * step), step, (e0 - o0) * factor, (e1 - o1) * factor, (e2 - o2) * factor);
    }

    // One row of q G^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<T, TLane>(ArrayView<TLane> u, int target, int step, TLane q0, TLane q1, TLane q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane scaleA = TLane.Splat(Points<T>.ScaleA), scaleB = TLane.Splat(Points<T>.ScaleB);
        TLane evenA = TLane.Fma(TLane.Splat(Points<T>.AA), q2, q0), oddA = TLane.Splat(Points<T>.A) * q1;
        TLane evenB = TLane.Fma(TLane.Splat(Points<T>.BB), q2, q0), oddB = TLane.Splat(Points<T>.B) * q1;
        Real.Store(u, target, q0 * TLane.Splat(Points<T>.Scale));
        Real.Store(u, target + step, (evenA + oddA) * scaleA);
        Real.Store(u, target + (2 * step), (evenA - oddA) * scaleA);
        Real.Store(u, target + (3 * step), (evenB + oddB) * scaleB);
        Real.Store(u, target + (4 * step), (evenB - oddB) * scaleB);
        Real.Store(u, target + (5 * step), q2);
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
