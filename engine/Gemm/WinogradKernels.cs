using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>The transforms of <see cref="Winograd"/>, eight channels at a time.</summary>
[ExcludeFromCodeCoverage]
internal static class WinogradKernels
{
    /// <summary>v = B^T x B for each 4x4 tile, of which every second pixel row and column begins one; the border is the padding.</summary>
    public static void TransformInput<T>(ArrayView<Lane8<T>> x, ArrayView<Lane8<T>> v, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int lane = 0; lane < 2; lane++)
        {
            int source = row.Tensor + g.LaneOffset(row.FirstLane + lane) - g.Row - g.Column;
            int target = row.Transformed + lane;
            for (int tile = 0; tile < g.TileColumns; tile++)
            {
                int r1 = source + g.Row, r2 = source + (2 * g.Row), r3 = source + (3 * g.Row);
                Combine(
                    v, target, step, Minus(x, source, r2), Minus(x, source + g.Column, r2 + g.Column),
                    Minus(x, source + (2 * g.Column), r2 + (2 * g.Column)), Minus(x, source + (3 * g.Column), r2 + (3 * g.Column)));
                Combine(
                    v, target + (4 * step), step, Plus(x, r1, r2), Plus(x, r1 + g.Column, r2 + g.Column),
                    Plus(x, r1 + (2 * g.Column), r2 + (2 * g.Column)), Plus(x, r1 + (3 * g.Column), r2 + (3 * g.Column)));
                Combine(
                    v, target + (8 * step), step, Minus(x, r2, r1), Minus(x, r2 + g.Column, r1 + g.Column),
                    Minus(x, r2 + (2 * g.Column), r1 + (2 * g.Column)), Minus(x, r2 + (3 * g.Column), r1 + (3 * g.Column)));
                Combine(
                    v, target + (12 * step), step, Minus(x, r1, r3), Minus(x, r1 + g.Column, r3 + g.Column),
                    Minus(x, r1 + (2 * g.Column), r3 + (2 * g.Column)), Minus(x, r1 + (3 * g.Column), r3 + (3 * g.Column)));
                source += 2 * g.Column;
                target += 2;
            }
        }
    }

    /// <summary>d = A dy A^T for each 2x2 tile.</summary>
    public static void TransformOutputGradient<T>(ArrayView<Lane8<T>> dy, ArrayView<Lane8<T>> d, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int lane = 0; lane < 2; lane++)
        {
            int source = row.Tensor + g.LaneOffset(row.FirstLane + lane);
            int target = row.Transformed + lane;
            for (int tile = 0; tile < g.TileColumns; tile++)
            {
                Lane8<T> a = Real.Load(dy, source), b = Real.Load(dy, source + g.Column);
                Lane8<T> c = Real.Load(dy, source + g.Row), e = Real.Load(dy, source + g.Row + g.Column);
                Lane8<T> zero = Lane8<T>.Splat(T.Zero);
                Extend(d, target, step, a, b);
                Extend(d, target + (4 * step), step, a + c, b + e);
                Extend(d, target + (8 * step), step, a - c, b - e);
                Extend(d, target + (12 * step), step, zero - c, zero - e);
                source += 2 * g.Column;
                target += 2;
            }
        }
    }

    /// <summary>y = A^T m A for each 4x4 tile, which gives 2x2 pixels.</summary>
    public static void TransformOutput<T>(ArrayView<Lane8<T>> m, ArrayView<Lane8<T>> y, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Items)
            return;
        WinogradRow row = g.RowOf(item);
        int step = g.PlaceStride;
        for (int lane = 0; lane < 2; lane++)
        {
            int target = row.Tensor + g.LaneOffset(row.FirstLane + lane);
            int source = row.Transformed + lane;
            for (int tile = 0; tile < g.TileColumns; tile++)
            {
                Lane8<T> u0 = Upper(m, source, step), l0 = Lower(m, source, step);
                Lane8<T> u1 = Upper(m, source + step, step), l1 = Lower(m, source + step, step);
                Lane8<T> u2 = Upper(m, source + (2 * step), step), l2 = Lower(m, source + (2 * step), step);
                Lane8<T> u3 = Upper(m, source + (3 * step), step), l3 = Lower(m, source + (3 * step), step);
                Real.Store(y, target, u0 + u1 + u2);
                Real.Store(y, target + g.Column, u1 - u2 - u3);
                Real.Store(y, target + g.Row, l0 + l1 + l2);
                Real.Store(y, target + g.Row + g.Column, l1 - l2 - l3);
                target += 2 * g.Column;
                source += 2;
            }
        }
    }

    /// <summary>u = G w G^T, [tiles of 16 outputs][16 places][inputs][16].</summary>
    public static void TransformWeights<T>(ArrayView<T> w, ArrayView<Lane8<T>> u, WinogradWeights order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= order.Items)
            return;
        int tile = item / order.Inputs;
        int input = item - (tile * order.Inputs);
        int step = 2 * order.Inputs;
        for (int lane = 0; lane < 2; lane++)
        {
            int source = order.Place((tile * ContractionTile.Columns) + (lane * Lane8<T>.Width), input) + order.FirstTap;
            int target = (tile * Winograd.Places * step) + (2 * input) + lane;
            Lane8<T> a0 = Gather(w, source, 0, order), a1 = Gather(w, source, 1, order), a2 = Gather(w, source, 2, order);
            Lane8<T> b0 = Gather(w, source, 3, order), b1 = Gather(w, source, 4, order), b2 = Gather(w, source, 5, order);
            Lane8<T> c0 = Gather(w, source, 6, order), c1 = Gather(w, source, 7, order), c2 = Gather(w, source, 8, order);
            Lane8<T> half = Lane8<T>.Splat(T.One / (T.One + T.One));
            Weigh(u, target, step, a0, a1, a2);
            Weigh(u, target + (4 * step), step, (a0 + b0 + c0) * half, (a1 + b1 + c1) * half, (a2 + b2 + c2) * half);
            Weigh(u, target + (8 * step), step, (a0 - b0 + c0) * half, (a1 - b1 + c1) * half, (a2 - b2 + c2) * half);
            Weigh(u, target + (12 * step), step, c0, c1, c2);
        }
    }

    /// <summary>dw = G^T s G, where s are the sums of all chunks in their order.</summary>
    public static void TransformWeightGradient<T>(ArrayView<Lane8<T>> sums, ArrayView<T> dw, WinogradWeights order, int chunks)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= order.Items)
            return;
        int tile = item / order.Inputs;
        int input = item - (tile * order.Inputs);
        int chunk = order.Inputs * order.Outputs / Lane8<T>.Width;
        for (int lane = 0; lane < 2; lane++)
        {
            int source = (tile * order.Inputs * 2) + (2 * input) + lane;
            int target = order.Place((tile * ContractionTile.Columns) + (lane * Lane8<T>.Width), input);
            Lane8<T> half = Lane8<T>.Splat(T.One / (T.One + T.One));
            for (int column = 0; column < 3; column++)
            {
                // Column 0, 1, 2 of s G.
                Lane8<T> q0 = Column(sums, source, 0, column, half, chunk, chunks);
                Lane8<T> q1 = Column(sums, source, 1, column, half, chunk, chunks);
                Lane8<T> q2 = Column(sums, source, 2, column, half, chunk, chunks);
                Lane8<T> q3 = Column(sums, source, 3, column, half, chunk, chunks);
                Lane8<T> middle = (q1 + q2) * half;
                Scatter(dw, target + column, order.OutputStride, q0 + middle);
                Scatter(dw, target + column + 3, order.OutputStride, (q1 - q2) * half);
                Scatter(dw, target + column + 6, order.OutputStride, middle + q3);
            }
        }
    }

    private static Lane8<T> Plus<T>(ArrayView<Lane8<T>> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Real.Load(x, a) + Real.Load(x, b);

    private static Lane8<T> Minus<T>(ArrayView<Lane8<T>> x, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Real.Load(x, a) - Real.Load(x, b);

    // One row of t B.
    private static void Combine<T>(ArrayView<Lane8<T>> v, int target, int step, Lane8<T> t0, Lane8<T> t1, Lane8<T> t2, Lane8<T> t3)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Real.Store(v, target, t0 - t2);
        Real.Store(v, target + step, t1 + t2);
        Real.Store(v, target + (2 * step), t2 - t1);
        Real.Store(v, target + (3 * step), t1 - t3);
    }

    // One row of t A^T.
    private static void Extend<T>(ArrayView<Lane8<T>> d, int target, int step, Lane8<T> a, Lane8<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Real.Store(d, target, a);
        Real.Store(d, target + step, a + b);
        Real.Store(d, target + (2 * step), a - b);
        Real.Store(d, target + (3 * step), Lane8<T>.Splat(T.Zero) - b);
    }

    // One column of A^T m, its upper and its lower row.
    private static Lane8<T> Upper<T>(ArrayView<Lane8<T>> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Real.Load(m, source) + Real.Load(m, source + (4 * step)) + Real.Load(m, source + (8 * step));

    private static Lane8<T> Lower<T>(ArrayView<Lane8<T>> m, int source, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Real.Load(m, source + (4 * step)) - Real.Load(m, source + (8 * step)) - Real.Load(m, source + (12 * step));

    // One row of q G^T.
    private static void Weigh<T>(ArrayView<Lane8<T>> u, int target, int step, Lane8<T> q0, Lane8<T> q1, Lane8<T> q2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Lane8<T> half = Lane8<T>.Splat(T.One / (T.One + T.One));
        Real.Store(u, target, q0);
        Real.Store(u, target + step, (q0 + q1 + q2) * half);
        Real.Store(u, target + (2 * step), (q0 - q1 + q2) * half);
        Real.Store(u, target + (3 * step), q2);
    }

    private static Lane8<T> Gather<T>(ArrayView<T> w, int source, int tap, WinogradWeights order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int place = source + (tap * order.TapStep);
        int step = order.OutputStride;
        return new()
        {
            A = Real.Load(w, place),
            B = Real.Load(w, place + step),
            C = Real.Load(w, place + (2 * step)),
            D = Real.Load(w, place + (3 * step)),
            E = Real.Load(w, place + (4 * step)),
            F = Real.Load(w, place + (5 * step)),
            G = Real.Load(w, place + (6 * step)),
            H = Real.Load(w, place + (7 * step)),
        };
    }

    private static void Scatter<T>(ArrayView<T> w, int place, int step, Lane8<T> value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Real.Store(w, place, value.A);
        Real.Store(w, place + step, value.B);
        Real.Store(w, place + (2 * step), value.C);
        Real.Store(w, place + (3 * step), value.D);
        Real.Store(w, place + (4 * step), value.E);
        Real.Store(w, place + (5 * step), value.F);
        Real.Store(w, place + (6 * step), value.G);
        Real.Store(w, place + (7 * step), value.H);
    }

    // Element (row, column) of s G.
    private static Lane8<T> Column<T>(ArrayView<Lane8<T>> sums, int source, int row, int column, Lane8<T> half, int chunk, int chunks)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int first = row * 4;
        Lane8<T> s1 = Total(sums, source, first + 1, chunk, chunks), s2 = Total(sums, source, first + 2, chunk, chunks);
        if (column == 1)
            return (s1 - s2) * half;
        Lane8<T> outer = Total(sums, source, column == 0 ? first : first + 3, chunk, chunks);
        return outer + ((s1 + s2) * half);
    }

    private static Lane8<T> Total<T>(ArrayView<Lane8<T>> sums, int source, int place, int chunk, int chunks)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int index = source + (place * chunks * chunk);
        Lane8<T> sum = Real.Load(sums, index);
        for (int i = 1; i < chunks; i++)
        {
            index += chunk;
            sum += Real.Load(sums, index);
        }

        return sum;
    }
}
