using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>y = x w^T + b, as torch.nn.functional.linear: y[n,k] = b[k] + sum over c of x[n,c] w[k,c].</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, 1, 1]</param>
    /// <param name="w">[K, C, 1, 1], plain</param>
    /// <param name="b">[1, K, 1, 1], plain</param>
    /// <returns>[N, K, 1, 1]</returns>
    public static Tensor Linear(Tape tape, Tensor x, Tensor w, Tensor b)
    {
        Require.That(x.Shape.Pixels == 1, nameof(Linear), "an input [N, C, 1, 1]", x.Shape);
        Require.That(w.Shape == new Shape(w.Shape.N, x.Shape.C), nameof(Linear), $"weights over {x.Shape.C} channels", w.Shape);
        Require.That(b.Shape == Shape.Vector(w.Shape.N), nameof(Linear), $"a bias of {w.Shape.N}", b.Shape);
        Tensor y = tape.Activation(new Shape(x.Shape.N, w.Shape.N), x.Type);
        LinearGeometry g = new(x.Shape.N, x.Shape.C, w.Shape.N);
        Dispatch.Run(x.Type, width: 1, new LinearForward(g, x, w, b, y));
        return tape.Record(y, [x, w, b], dy =>
        {
            if (tape.Needs(x))
            {
                Tensor dx = tape.Allocate(x.Layout, x.Type);
                Dispatch.Run(x.Type, g.LaneWidth(x.Device), new LinearInputGradient(g, dy, w, dx));
                tape.Accumulate(x, dx);
            }

            if (tape.Needs(w))
                tape.WriteGradient(w, dw => Dispatch.Run(x.Type, g.LaneWidth(x.Device), new LinearWeightGradient(g, x, dy, dw)));
            if (tape.Needs(b))
                tape.WriteGradient(b, db => Dispatch.Run(x.Type, width: 1, new LinearBiasGradient(g, dy, db)));
        });
    }

    private readonly record struct LinearForward(LinearGeometry G, Tensor X, Tensor W, Tensor B, Tensor Y) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Y.Device.Launch(
                LinearKernels.Multiply, Y.Device.Grid(G.N * G.K), new Cost(G.Flops, G.Elements * Y.Type.Bytes()),
                X.View<T>(), W.View<T>(), B.View<T>(), Y.View<T>(), G);
    }

    private readonly record struct LinearInputGradient(LinearGeometry G, Tensor Dy, Tensor W, Tensor Dx) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            LinearRows rows = LinearRows.Of(Dx.Device, G.N, G.C / TLane.Width);
            Dx.Device.Launch(
                LinearKernels.InputGradient<T, TLane>, Dx.Device.Grid(rows.Items),
                new Cost(G.Flops, G.Elements * Dx.Type.Bytes(), Direction.InputGradient),
                Dy.View<T>(), W.View<TLane>(), Dx.View<TLane>(), G.K, rows);
        }
    }

    private readonly record struct LinearWeightGradient(LinearGeometry G, Tensor X, Tensor Dy, Tensor Dw) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            LinearRows rows = LinearRows.Of(Dw.Device, G.K, G.C / TLane.Width);
            Dw.Device.Launch(
                LinearKernels.WeightGradient<T, TLane>, Dw.Device.Grid(rows.Items),
                new Cost(G.Flops, G.Elements * Dw.Type.Bytes(), Direction.WeightGradient),
                X.View<TLane>(), Dy.View<T>(), Dw.View<TLane>(), G.N, G.K, rows);
        }
    }

    private readonly record struct LinearBiasGradient(LinearGeometry G, Tensor Dy, Tensor Db) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Db.Device.Launch(
                LinearKernels.BiasGradient, Db.Device.Grid(G.K),
                new Cost(Dy.Shape.Count, (Dy.Shape.Count + G.K) * Db.Type.Bytes(), Direction.WeightGradient),
                Dy.View<T>(), Db.View<T>(), G);
    }
}

/// <summary>N images, C inputs, K outputs.</summary>
internal readonly record struct LinearGeometry(int N, int C, int K)
{
    public long Flops => 2L * N * C * K;

    public long Elements => ((long)N * C) + ((long)K * C) + ((long)N * K);

    /// <summary>How many elements kernels along C take at a time: one on GPUs, where items are few.</summary>
    public int LaneWidth(ComputeDevice device) => device.Traits.IsCpuLike ? device.Traits.LaneWidth(C) : 1;
}

/// <summary>A matrix of <paramref name="Length"/> lanes a row, <paramref name="Chunk"/> of which a work-item computes.</summary>
internal readonly record struct LinearRows(int Items, int Length, int Chunk)
{
    public static LinearRows Of(ComputeDevice device, int rows, int length) =>
        device.Traits.IsCpuLike ? new(rows, length, length) : new(rows * length, length, 1);
}

/// <summary>A small matrix product by definition, one result per work-item: a thousandth of a network's work.</summary>
[ExcludeFromCodeCoverage]
internal static class LinearKernels
{
    public static void Multiply<T>(ArrayView<T> x, ArrayView<T> w, ArrayView<T> b, ArrayView<T> y, LinearGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.N * g.K)
            return;
        int n = item / g.K;
        int k = item - (n * g.K);
        T sum = T.Zero;
        int i = n * g.C, j = k * g.C, end = i + g.C;
        // Here and below the loads of four are under way at a time; the order of the sum stays.
        for (; i + 3 < end; i += 4, j += 4)
        {
            T x0 = Real.Load(x, i), x1 = Real.Load(x, i + 1), x2 = Real.Load(x, i + 2), x3 = Real.Load(x, i + 3);
            T w0 = Real.Load(w, j), w1 = Real.Load(w, j + 1), w2 = Real.Load(w, j + 2), w3 = Real.Load(w, j + 3);
            sum = Real.Fma(x3, w3, Real.Fma(x2, w2, Real.Fma(x1, w1, Real.Fma(x0, w0, sum))));
        }

        for (; i < end; i++, j++)
            sum = Real.Fma(Real.Load(x, i), Real.Load(w, j), sum);
        Real.Store(y, item, sum + Real.Load(b, k));
    }

    public static void InputGradient<T, TLane>(ArrayView<T> dy, ArrayView<TLane> w, ArrayView<TLane> dx, int classes, LinearRows rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= rows.Items)
            return;
        int start = item * rows.Chunk;
        int n = start / rows.Length;
        for (int i = start; i < start + rows.Chunk; i++)
        {
            TLane sum = TLane.Splat(T.Zero);
            for (int k = 0, j = i - (n * rows.Length); k < classes; k++, j += rows.Length)
                sum = TLane.Fma(TLane.Splat(Real.Load(dy, (n * classes) + k)), Real.Load(w, j), sum);
            Real.Store(dx, i, sum);
        }
    }

    public static void WeightGradient<T, TLane>(
        ArrayView<TLane> x, ArrayView<T> dy, ArrayView<TLane> dw, int images, int classes, LinearRows rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= rows.Items)
            return;
        int start = item * rows.Chunk;
        int k = start / rows.Length;
        for (int i = start; i < start + rows.Chunk; i++)
        {
            TLane sum = TLane.Splat(T.Zero);
            int n = k, j = i - (k * rows.Length), end = images * classes;
            for (; n + (3 * classes) < end; n += 4 * classes, j += 4 * rows.Length)
            {
                TLane x0 = Real.Load(x, j), x1 = Real.Load(x, j + rows.Length);
                TLane x2 = Real.Load(x, j + (2 * rows.Length)), x3 = Real.Load(x, j + (3 * rows.Length));
                T y0 = Real.Load(dy, n), y1 = Real.Load(dy, n + classes);
                T y2 = Real.Load(dy, n + (2 * classes)), y3 = Real.Load(dy, n + (3 * classes));
                sum = TLane.Fma(TLane.Splat(y1), x1, TLane.Fma(TLane.Splat(y0), x0, sum));
                sum = TLane.Fma(TLane.Splat(y3), x3, TLane.Fma(TLane.Splat(y2), x2, sum));
            }

            for (; n < end; n += classes, j += rows.Length)
                sum = TLane.Fma(TLane.Splat(Real.Load(dy, n)), Real.Load(x, j), sum);
            Real.Store(dw, i, sum);
        }
    }

    public static void BiasGradient<T>(ArrayView<T> dy, ArrayView<T> db, LinearGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int k = Item.Index();
        if (k >= g.K)
            return;
        T sum = T.Zero;
        for (int n = 0; n < g.N; n++)
            sum += Real.Load(dy, (n * g.K) + k);
        Real.Store(db, k, sum);
    }
}
