using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// Lets images stand still whose perturbation is as good as stationary. With g the gradient of an image's own loss with respect to its
    /// pixels, the first-order stationary condition c[n] = epsilon * |g|_1 - sum(delta * g) is the most that the linearised loss can still
    /// grow in the ball: 0 at a corner that every component of g points to. Sets lives[n] = 0 where c[n] &lt;= limit. Source: Wang et al.,
    /// On the Convergence and Robustness of Adversarial Training (ICML 2019), equation 6.
    /// </summary>
    /// <remarks>g = scale * dz / std_c. A NaN is above every limit: the image moves on, and the NaN shows in its next step.</remarks>
    /// <param name="scratch">Lends memory for partial sums.</param>
    /// <param name="dz">The gradient with respect to the normalised input, [N, C, H, W]; C at most 16</param>
    /// <param name="delta">[N, C, H, W], pixel range</param>
    /// <param name="epsilon">The radius of the ball, pixel range.</param>
    /// <param name="normalization">std_c, pixel range</param>
    /// <param name="scale">What makes an image's own gradient of dz: N where dz is that of the mean over the batch, 1 of the sum.</param>
    /// <param name="limit">The criterion's limit, at least 0.</param>
    /// <param name="criterion">c [N, 1, 1, 1], plain, written</param>
    /// <param name="lives">Int32 [N, 1, 1, 1]; what <see cref="LinfStep"/> takes as active, updated.</param>
    /// <exception cref="ArgumentException">Shapes, layouts or types do not fit, or epsilon or limit is negative or no number.</exception>
    public static void StandStill(
        Workspace scratch, Tensor dz, Tensor delta, double epsilon, Normalization normalization, double scale, double limit,
        Tensor criterion, Tensor lives)
    {
        const string Op = nameof(StandStill);
        int images = dz.Shape.N;
        RequireAlike(Op, dz, delta);
        Require.That(criterion.Type == dz.Type && criterion.Shape.Count == images, Op, $"{images} {dz.Type}", criterion.Shape);
        Require.That(lives.Type == ElementType.Int32 && lives.Shape.Count == images, Op, $"{images} Int32", lives.Shape);
        Require.That(epsilon >= 0 && limit >= 0, Op, "epsilon and limit >= 0", (epsilon, limit));
        Dispatch.Run(
            dz.Type, width: 1, new StandStillLaunch(scratch, dz, delta, epsilon, normalization, scale, limit, criterion, lives));
    }

    private readonly record struct StandStillLaunch(
        Workspace Scratch, Tensor Dz, Tensor Delta, double Epsilon, Normalization Normalization, double Scale, double Limit,
        Tensor Criterion, Tensor Lives) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (ComputeDevice device, Shape shape, int size) = (Dz.Device, Dz.Shape, Dz.Type.Bytes());
            int rows = shape.N * shape.H;
            Tensor partials = Scratch.Plain(new Shape(rows, 1), Dz.Type);
            device.Launch(
                StandStillKernels.RowCriterion, device.Grid(rows), new Cost(5 * shape.Count, ((2 * shape.Count) + rows) * size),
                Dz.View<T>(), Delta.View<T>(), partials.View<T>(), T.CreateChecked(Epsilon),
                ChannelNormalization<T>.From(nameof(StandStill), Normalization, shape.C), Dz.Layout);
            device.Launch(
                StandStillKernels.ImageCriterion, device.Grid(shape.N),
                new Cost(rows, ((long)(rows + shape.N) * size) + (shape.N * sizeof(int))),
                partials.View<T>(), Criterion.View<T>(), Lives.View<int>(), T.CreateChecked(Scale), T.CreateChecked(Limit), shape.H);
            Scratch.Release(partials);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class StandStillKernels
{
    public static void RowCriterion<T>(
        ArrayView<T> dz, ArrayView<T> delta, ArrayView<T> partials, T epsilon, ChannelNormalization<T> normalization, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= partials.IntLength)
            return;
        int n = item / layout.Shape.H;
        int h = item - (n * layout.Shape.H);
        T sum = T.Zero;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T rstd = normalization.Rstd(c);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                // |g| (epsilon - sign(g) delta): exactly zero at a corner, where a difference of products would be their rounding.
                T gradient = Real.Load(dz, place) * rstd;
                T d = Real.Load(delta, place);
                sum = Real.Fma(T.Abs(gradient), gradient < T.Zero ? epsilon + d : epsilon - d, sum);
                place += layout.Block;
            }
        }

        Real.Store(partials, item, sum);
    }

    public static void ImageCriterion<T>(
        ArrayView<T> partials, ArrayView<T> criterion, ArrayView<int> lives, T scale, T limit, int rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= criterion.IntLength)
            return;
        T sum = T.Zero;
        for (int i = n * rows; i < (n + 1) * rows; i++)
            sum += Real.Load(partials, i);
        sum *= scale;
        Real.Store(criterion, n, sum);
        // Not by the comparison alone, which compilers of OpenCL turn round: a NaN is not above a limit either.
        if (!T.IsNaN(sum) && sum <= limit)
            Real.Store(lives, n, 0);
    }
}
