using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// A step of each image's own size up a direction: moved = delta + step[n] * sign(g), the steepest for the Linf norm, or with norms
    /// moved = delta + step[n] * g / norm[n], where a gradient of norm 0 has no direction. Where g is NaN, moved is NaN.
    /// </summary>
    /// <param name="delta">[N, C, H, W]</param>
    /// <param name="direction">g [N, C, H, W]</param>
    /// <param name="norms">norm of g, [N, 1, 1, 1], see <see cref="ImageNorms"/>; null for the sign.</param>
    /// <param name="steps">step [N, 1, 1, 1]</param>
    /// <param name="moved">[N, C, H, W], written; may be delta</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit.</exception>
    public static void Ascend(Tensor delta, Tensor direction, Tensor? norms, Tensor steps, Tensor moved)
    {
        RequireAlike(nameof(Ascend), delta, direction, moved);
        RequirePerImage(nameof(Ascend), delta, steps);
        if (norms is not null)
            RequirePerImage(nameof(Ascend), delta, norms);
        Dispatch.Run(delta.Type, width: 1, new AscendLaunch(delta, direction, norms, steps, moved));
    }

    private readonly record struct AscendLaunch(Tensor Delta, Tensor Direction, Tensor? Norms, Tensor Steps, Tensor Moved) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Delta.Device;
            Shape shape = Delta.Shape;
            Cost cost = new((Norms is null ? 1 : 3) * shape.Count, ((3 * shape.Count) + shape.N) * Delta.Type.Bytes());
            if (Norms is null)
            {
                device.Launch(
                    AscendKernels.BySign, device.Grid(shape.N * shape.H), cost,
                    Delta.View<T>(), Direction.View<T>(), Steps.View<T>(), Moved.View<T>(), Delta.Layout);
            }
            else
            {
                device.Launch(
                    AscendKernels.ByQuotient, device.Grid(shape.N * shape.H), cost,
                    Delta.View<T>(), Direction.View<T>(), Norms.View<T>(), Steps.View<T>(), Moved.View<T>(), Delta.Layout);
            }
        }
    }
}

/// <summary>One image row an item, all its channels.</summary>
[ExcludeFromCodeCoverage]
internal static class AscendKernels
{
    public static void BySign<T>(ArrayView<T> delta, ArrayView<T> direction, ArrayView<T> steps, ArrayView<T> moved, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        T step = Real.Load(steps, n);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T g = Real.Load(direction, place);
                T d = Real.Load(delta, place);
                // A zero leaves delta as it is, and a NaN passes through the sum.
                Real.Store(moved, place, g > T.Zero ? d + step : g < T.Zero ? d - step : d + g);
                place += layout.Block;
            }
        }
    }

    public static void ByQuotient<T>(
        ArrayView<T> delta, ArrayView<T> direction, ArrayView<T> norms, ArrayView<T> steps, ArrayView<T> moved, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        T step = Real.Load(steps, n);
        T norm = Real.Load(norms, n);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T d = Real.Load(delta, place);
                // Of a quotient by the smallest norms the step may be taken, of their inverse not.
                Real.Store(moved, place, norm == T.Zero ? d : d + (step * (Real.Load(direction, place) / norm)));
                place += layout.Block;
            }
        }
    }
}
