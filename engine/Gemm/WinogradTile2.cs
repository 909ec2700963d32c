using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>How one tile of <see cref="Winograd"/> is transformed, for a lane of channels. Places in views are counted in lanes.</summary>
internal interface IWinogradTile
{
    /// <summary>Pixels of the output, both ways.</summary>
    static abstract int Size { get; }

    /// <summary>v = B^T x B, <paramref name="step"/> lanes from place to place of v.</summary>
    static abstract void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>y = A^T m A, <paramref name="step"/> lanes from place to place of m.</summary>
    static abstract void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>u = G w G^T for the window a0 a1 a2 | b0 b1 b2 | c0 c1 c2.</summary>
    static abstract void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;
}

/// <summary>
/// F(2x2, 3x3), at the points 0, 1, -1 and infinity:
/// <code>
/// B^T = 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1    G = 1 0 0 | .5 .5 .5 | .5 -.5 .5 | 0 0 1    A^T = 1 1 1 0 | 0 1 -1 -1
/// </code>
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct WinogradTile2 : IWinogradTile
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<T, TLane>(ArrayView<TLane> x, int source, int row, int column, ArrayView<TLane> v, int target, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int r0 = source, r1 = r0 + row, r2 = r1 + row, r3 = r2 + row;
        Combine<T, TLane>(
            v, target, step, Minus<T, TLane>(x, r0, r2), Minus<T, TLane>(x, r0 + column, r2 + column),
            Minus<T, TLane>(x, r0 + (2 * column), r2 + (2 * column)), Minus<T, TLane>(x, r0 + (3 * column), r2 + (3 * column)));
        Combine<T, TLane>(
            v, target + (4 * step), step, Plus<T, TLane>(x, r1, r2), Plus<T, TLane>(x, r1 + column, r2 + column),
            Plus<T, TLane>(x, r1 + (2 * column), r2 + (2 * column)), Plus<T, TLane>(x, r1 + (3 * column), r2 + (3 * column)));
        Combine<T, TLane>(
            v, target + (8 * step), step, Minus<T, TLane>(x, r2, r1), Minus<T, TLane>(x, r2 + column, r1 + column),
            Minus<T, TLane>(x, r2 + (2 * column), r1 + (2 * column)), Minus<T, TLane>(x, r2 + (3 * column), r1 + (3 * column)));
        Combine<T, TLane>(
            v, target + (12 * step), step, Minus<T, TLane>(x, r1, r3), Minus<T, TLane>(x, r1 + column, r3 + column),
            Minus<T, TLane>(x, r1 + (2 * column), r3 + (2 * column)), Minus<T, TLane>(x, r1 + (3 * column), r3 + (3 * column)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<T, TLane>(ArrayView<TLane> m, int source, int step, ArrayView<TLane> y, int target, int row, int column)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane u0 = Upper<T, TLane>(m, source, step), l0 = Lower<T, TLane>(m, source, step);
        TLane u1 = Upper<T, TLane>(m, source + step, step), l1 = Lower<T, TLane>(m, source + step, step);
        TLane u2 = Upper<T, TLane>(m, source + (2 * step), step), l2 = Lower<T, TLane>(m, source + (2 * step), step);
        TLane u3 = Upper<T, TLane>(m, source + (3 * step), step), l3 = Lower<T, TLane>(m, source + (3 * step), step);
        Real.Store(y, target, u0 + u1 + u2);
        Real.Store(y, target + column, u1 - u2 - u3);
        Real.Store(y, target + row, l0 + l1 + l2);
        Real.Store(y, target + row + column, l1 - l2 - l3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Weights<T, TLane>(
        ArrayView<TLane> u, int target, int step,
        TLane a0, TLane a1, TLane a2, TLane b0, TLane b1, TLane b2, TLane c0, TLane c1, TLane c2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        Weigh<T, TLane>(u, target, step, a0, a1, a2);
        Weigh<T, TLane>(u, target + (4 * step), step, (a0 + b0 + c0) * half, (a1 + b1 + c1) * half, (a2 + b2 + c2) * half);
        Weigh<T, TLane>(u, target + (8 * step), step, (a0 - b0 + c0) * half, (a1 - b1 + c1) * half, (a2 - b2 + c2) * half);
        Weigh<T, TLane>(u, target + (12 * step), step, c0, c1, c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Plus<T, TLane>(ArrayView<TLane> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(x, a) + Real.Load(x, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Minus<T, TLane>(ArrayView<TLane> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Load(x, a) - Real.Load(x, b);

    // One row of t B.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<T, TLane>(ArrayView<TLane> v, int target, int step, TLane t0, TLane t1, TLane t2, TLane t3)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(v, target, t0 - t2);
        Real.Store(v, target + step, t1 + t2);
        Real.Store(v, target + (2 * step), t2 - t1);
        Real.Store(v, target + (3 * step), t1 - t3);
    }

    // One column of A^T m, its upper and its lower row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Upper<T, TLane>(ArrayView<TLane> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        Real.Load(m, source) + Real.Load(m, source + (4 * step)) + Real.Load(m, source + (8 * step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Lower<T, TLane>(ArrayView<TLane> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        Real.Load(m, source + (4 * step)) - Real.Load(m, source + (8 * step)) - Real.Load(m, source + (12 * step));

    // One row of q G^T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<T, TLane>(ArrayView<TLane> u, int target, int step, TLane q0, TLane q1, TLane q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane half = TLane.Splat(T.One / (T.One + T.One));
        Real.Store(u, target, q0);
        Real.Store(u, target + step, (q0 + q1 + q2) * half);
        Real.Store(u, target + (2 * step), (q0 - q1 + q2) * half);
        Real.Store(u, target + (3 * step), q2);
    }
}
