using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// delta = clampX(P(moved)) for the images that are active: P clamps each element to [-epsilon, epsilon] (Linf) or shrinks the image's
    /// perturbation to the length epsilon where it is longer (L2), and clampX keeps x + delta in [0,1], which makes no element larger.
    /// </summary>
    /// <remarks>
    /// The result is in ball and range exactly (see PixelRange.Clamp); for L2 in exact arithmetic on the elements as they are: they are
    /// shrunk to epsilon less the most that rounding can add, (C W + H + 16) u of it. NaN stays NaN.
    /// </remarks>
    /// <param name="scratch">Lends memory for norms.</param>
    /// <param name="moved">[N, C, H, W], pixel range</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="norm"><see cref="Norm.Linf"/> or <see cref="Norm.L2"/>.</param>
    /// <param name="epsilon">The radius of the ball, in pixel range.</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 keep their delta.</param>
    /// <param name="delta">[N, C, H, W], written; may be moved</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit, or there is no such ball.</exception>
    public static void Project(Workspace scratch, Tensor moved, Tensor x, Norm norm, double epsilon, Tensor active, Tensor delta)
    {
        const string Op = nameof(Project);
        RequireAlike(Op, x, moved, delta);
        RequirePerImage(Op, x, active, ElementType.Int32);
        Require.That(epsilon >= 0, Op, "epsilon >= 0", epsilon);
        Require.That(norm is Norm.Linf or Norm.L2, Op, "Linf or L2", norm);
        Dispatch.Run(x.Type, width: 1, new ProjectLaunch(scratch, moved, x, norm, epsilon, active, delta));
    }

    private readonly record struct ProjectLaunch(
        Workspace Scratch, Tensor Moved, Tensor X, Norm Norm, double Epsilon, Tensor Active, Tensor Delta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = X.Device;
            Shape shape = X.Shape;
            int size = X.Type.Bytes();
            LaunchGrid grid = device.Grid(shape.N * shape.H);
            Cost cost = new(4 * shape.Count, (3 * shape.Count * size) + (shape.N * sizeof(int)));
            if (Norm == Norm.Linf)
            {
                device.Launch(
                    ProjectKernels.ToCube, grid, cost,
                    Moved.View<T>(), X.View<T>(), Active.View<int>(), Delta.View<T>(), T.CreateChecked(Epsilon), X.Layout);
                return;
            }

            Tensor norms = Scratch.Plain(new Shape(shape.N, 1), X.Type);
            ImageNorms(Scratch, Moved, Norm, norms);
            double unit = X.Type == ElementType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53);
            double radius = Epsilon * (1 - (((shape.C * shape.W) + shape.H + 16) * unit));
            device.Launch(
                ProjectKernels.ToBall, grid, cost with { Bytes = cost.Bytes + (shape.N * size) },
                Moved.View<T>(), X.View<T>(), norms.View<T>(), Active.View<int>(), Delta.View<T>(), T.CreateChecked(radius), X.Layout);
            Scratch.Release(norms);
        }
    }
}

/// <summary>One image row an item, all its channels.</summary>
[ExcludeFromCodeCoverage]
internal static class ProjectKernels
{
    public static void ToCube<T>(
        ArrayView<T> moved, ArrayView<T> x, ArrayView<int> active, ArrayView<T> delta, T epsilon, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        if (Real.Load(active, n) == 0)
            return;
        PixelRange<T> range = PixelRange<T>.From(true);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T d = Real.Load(moved, place);
                d = d < -epsilon ? -epsilon : d > epsilon ? epsilon : d;
                Real.Store(delta, place, range.Clamp(d, Real.Load(x, place)));
                place += layout.Block;
            }
        }
    }

    public static void ToBall<T>(
        ArrayView<T> moved, ArrayView<T> x, ArrayView<T> norms, ArrayView<int> active, ArrayView<T> delta, T radius, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        if (Real.Load(active, n) == 0)
            return;
        T norm = Real.Load(norms, n);
        T scale = norm > radius ? radius / norm : T.One;
        PixelRange<T> range = PixelRange<T>.From(true);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                Real.Store(delta, place, range.Clamp(Real.Load(moved, place) * scale, Real.Load(x, place)));
                place += layout.Block;
            }
        }
    }
}
