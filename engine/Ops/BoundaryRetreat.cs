using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// What the fast adaptive boundary attack does with images that it has carried over the boundary, those with lives and correct[n] = 0:
    /// one whose perturbation lies in the ball of <paramref name="epsilon"/> loses its lives and keeps it, the others are drawn back
    /// towards the image, delta = beta delta. Source: as <see cref="BoundaryStep"/>.
    /// </summary>
    /// <remarks>
    /// A perturbation that is no number counts as in the ball: it ends the search, and shows. For L2 the ball is smaller by the most that
    /// rounding can take from the norm.
    /// </remarks>
    /// <param name="scratch">Lends memory for norms.</param>
    /// <param name="correct">[N, 1, 1, 1] Int32: 1 where an image is classified correctly, else 0.</param>
    /// <param name="lives">[N, 1, 1, 1] Int32, updated</param>
    /// <param name="norm">The norm of the ball.</param>
    /// <param name="epsilon">Its radius, in pixel range.</param>
    /// <param name="beta">What is left of a perturbation, in [0, 1].</param>
    /// <param name="delta">[N, C, H, W], pixel range; updated</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or epsilon or beta is outside.</exception>
    public static void BoundaryRetreat(
        Workspace scratch, Tensor correct, Tensor lives, Norm norm, double epsilon, double beta, Tensor delta)
    {
        const string Op = nameof(BoundaryRetreat);
        RequirePerImage(Op, delta, correct, ElementType.Int32);
        RequirePerImage(Op, delta, lives, ElementType.Int32);
        Require.That(epsilon >= 0, Op, "epsilon >= 0", epsilon);
        Require.That(beta is >= 0 and <= 1, Op, "beta in [0, 1]", beta);
        Tensor norms = scratch.Plain(new Shape(delta.Shape.N, 1), delta.Type);
        ImageNorms(scratch, delta, norm, norms);
        double radius = norm == Norm.Linf ? epsilon : InnerRadius(delta, epsilon);
        Dispatch.Run(delta.Type, width: 1, new BoundaryRetreatLaunch(correct, lives, norms, radius, beta, delta));
        scratch.Release(norms);
    }

    /// <summary>
    /// What a length as <see cref="ImageNorms"/> computes it may be, for the true one to be at most epsilon: a sum of squares is added
    /// up row by row, C W and then H of them, and each term and the root bring some roundings more.
    /// </summary>
    private static double InnerRadius(Tensor images, double epsilon)
    {
        double unit = images.Type == ElementType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53);
        return epsilon * (1 - (((images.Shape.C * images.Shape.W) + images.Shape.H + 16) * unit));
    }

    private readonly record struct BoundaryRetreatLaunch(
        Tensor Correct, Tensor Lives, Tensor Norms, double Radius, double Beta, Tensor Delta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Delta.Device;
            Shape shape = Delta.Shape;
            int size = Delta.Type.Bytes();
            T radius = T.CreateChecked(Radius);
            device.Launch(
                BoundaryRetreatKernels.Shrink, device.Grid(shape.N * shape.H),
                new Cost(shape.Count, (((2 * shape.Count) + shape.N) * size) + (2 * shape.N * sizeof(int))),
                Correct.View<int>(), Lives.View<int>(), Norms.View<T>(), Delta.View<T>(), radius, T.CreateChecked(Beta), Delta.Layout);
            device.Launch(
                BoundaryRetreatKernels.End, device.Grid(shape.N), new Cost(0, shape.N * (size + (3 * sizeof(int)))),
                Correct.View<int>(), Lives.View<int>(), Norms.View<T>(), radius);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class BoundaryRetreatKernels
{
    public static void Shrink<T>(
        ArrayView<int> correct, ArrayView<int> lives, ArrayView<T> norms, ArrayView<T> delta, T radius, T beta, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        bool shrinks = Real.Load(lives, n) != 0 && Real.Load(correct, n) == 0 && Real.Load(norms, n) > radius;
        if (!shrinks)
            return;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
                Real.Store(delta, place, Real.Load(delta, place) * beta);
        }
    }

    public static void End<T>(ArrayView<int> correct, ArrayView<int> lives, ArrayView<T> norms, T radius)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= lives.IntLength)
            return;
        bool outside = Real.Load(norms, n) > radius;
        if (Real.Load(correct, n) == 0 && !outside)
            Real.Store(lives, n, 0);
    }
}
