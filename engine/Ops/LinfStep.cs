using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>The ball that a perturbation stays in, and the step that it takes.</summary>
public sealed record LinfBall
{
    /// <summary>The largest absolute perturbation of a pixel, in pixel range [0,1].</summary>
    public required double Epsilon { get; init; }

    /// <summary>The step size, in pixel range [0,1].</summary>
    public required double Alpha { get; init; }

    /// <summary>Whether x + delta is kept in [0,1].</summary>
    public bool ClampPixels { get; init; } = true;
}

public static partial class Ops
{
    /// <summary>
    /// The fused adversarial step. With the gradient dz of the loss with respect to the network's input z:
    /// magnitude[n] = sum |dz| over image n; delta = clampX(clampE(delta + alpha * sign(dz))) where clampE clamps to [-epsilon, epsilon]
    /// and clampX so that x + delta is in [0,1]; z = (x + delta - mean_c) / std_c. Each tensor is read once and written once.
    /// </summary>
    /// <remarks>
    /// The sign of dz is that of the gradient with respect to delta, because std is positive, and |dz| = |gradient| * std: the
    /// magnitude that M+DEAT watches (TrustAI/DEAT). For x in [0,1], |delta| &lt;= epsilon and 0 &lt;= x + delta &lt;= 1 hold exactly after
    /// each step (see PixelRange.Clamp), in the arithmetic of the element type and with epsilon rounded to it.
    /// Where dz is NaN, delta and z become NaN, and so do the image's magnitude and the next loss: a broken gradient shows, while
    /// sign(NaN) = 0 would let the attack stand still. A frozen image keeps its delta, but its magnitude shows the NaN.
    /// The sums run in a fixed order (columns, channels, rows) that depends on the shape alone.
    /// </remarks>
    /// <param name="scratch">Lends memory for partial sums.</param>
    /// <param name="dz">[N, C, H, W]</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="delta">[N, C, H, W], pixel range; updated</param>
    /// <param name="z">[N, C, H, W], written; C at most 16</param>
    /// <param name="ball">epsilon and alpha, pixel range</param>
    /// <param name="normalization">mean_c and std_c, pixel range</param>
    /// <param name="magnitude">[N, 1, 1, 1], plain, written</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 do not move; all move when it is null.</param>
    /// <exception cref="ArgumentException">Shapes, layouts or types do not fit, or epsilon or alpha is negative or no number.</exception>
    public static void LinfStep(
        Workspace scratch, Tensor dz, Tensor x, Tensor delta, Tensor z, LinfBall ball, Normalization normalization, Tensor magnitude,
        Tensor? active = null)
    {
        const string Op = nameof(LinfStep);
        int images = x.Shape.N;
        RequireAlike(Op, x, dz, delta, z);
        Require.That(magnitude.Type == x.Type && magnitude.Shape.Count == images, Op, $"{images} {x.Type}", magnitude.Shape);
        Require.That(
            active is null || (active.Type == ElementType.Int32 && active.Shape.Count == images), Op, $"{images} Int32", active?.Shape);
        Require.That(ball.Epsilon >= 0 && ball.Alpha >= 0, Op, "epsilon and alpha >= 0", ball);
        Dispatch.Run(x.Type, width: 1, new LinfStepLaunch(scratch, dz, x, delta, z, ball, normalization, magnitude, active));
    }

    private readonly record struct LinfStepLaunch(
        Workspace Scratch, Tensor Dz, Tensor X, Tensor Delta, Tensor Z, LinfBall Ball, Normalization Normalization, Tensor Magnitude,
        Tensor? Active) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = X.Device;
            Shape shape = X.Shape;
            int rows = shape.N * shape.H;
            int size = X.Type.Bytes();
            Tensor partials = Scratch.Plain(new Shape(rows, 1), X.Type);
            LinfConstants<T> constants = new()
            {
                Epsilon = T.CreateChecked(Ball.Epsilon),
                Alpha = T.CreateChecked(Ball.Alpha),
                Range = PixelRange<T>.From(Ball.ClampPixels),
                Normalization = ChannelNormalization<T>.From(nameof(LinfStep), Normalization, shape.C),
            };
            Cost cost = new(shape.Count * (Ball.ClampPixels ? 7 : 5), ((5 * shape.Count) + rows) * size);
            if (Active is null)
            {
                device.Launch(
                    LinfStepKernels.SignedStep, device.Grid(rows), cost,
                    Dz.View<T>(), X.View<T>(), Delta.View<T>(), Z.View<T>(), partials.View<T>(), constants, X.Layout);
            }
            else
            {
                device.Launch(
                    LinfStepKernels.SignedStepOfActive, device.Grid(rows), cost with { Bytes = cost.Bytes + (shape.N * sizeof(int)) },
                    Dz.View<T>(), X.View<T>(), Delta.View<T>(), Z.View<T>(), partials.View<T>(), Active.View<int>(), constants, X.Layout);
            }

            device.Launch(
                LinfStepKernels.ImageMagnitude, device.Grid(shape.N), new Cost(rows, (long)(rows + shape.N) * size),
                partials.View<T>(), Magnitude.View<T>(), shape.H);
            Scratch.Release(partials);
        }
    }
}

/// <summary>The scalars of the step as one kernel argument.</summary>
[ExcludeFromCodeCoverage]
internal struct LinfConstants<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Epsilon, Alpha;
    public PixelRange<T> Range;
    public ChannelNormalization<T> Normalization;
}

[ExcludeFromCodeCoverage]
internal static class LinfStepKernels
{
    public static void SignedStep<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, ArrayView<T> partials,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item < partials.IntLength)
            Real.Store(partials, item, StepRow(dz, x, delta, z, item, true, constants, layout));
    }

    public static void SignedStepOfActive<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, ArrayView<T> partials, ArrayView<int> active,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= partials.IntLength)
            return;
        bool moves = Real.Load(active, item / layout.Shape.H) != 0;
        Real.Store(partials, item, StepRow(dz, x, delta, z, item, moves, constants, layout));
    }

    public static void ImageMagnitude<T>(ArrayView<T> partials, ArrayView<T> magnitude, int rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= magnitude.IntLength)
            return;
        T sum = T.Zero;
        for (int i = n * rows; i < (n + 1) * rows; i++)
            sum += Real.Load(partials, i);
        Real.Store(magnitude, n, sum);
    }

    /// <summary>The step of one image row, all channels; returns the sum of |dz| over it.</summary>
    private static T StepRow<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, int item, bool moves,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = item / layout.Shape.H;
        int h = item - (n * layout.Shape.H);
        T alpha = constants.Alpha;
        T epsilon = constants.Epsilon;
        PixelRange<T> range = constants.Range;
        T sum = T.Zero;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T mean = constants.Normalization.Mean(c);
            T rstd = constants.Normalization.Rstd(c);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T gradient = Real.Load(dz, place);
                T pixel = Real.Load(x, place);
                T d = Real.Load(delta, place);
                sum += T.Abs(gradient);
                if (moves)
                {
                    d = range.Clamp(Moved(d, gradient, alpha, epsilon), pixel);
                    Real.Store(delta, place, d);
                }

                Real.Store(z, place, AdversarialInputKernels.Normalized(pixel, d, mean, rstd));
                place += layout.Block;
            }
        }

        return sum;
    }

    // A zero gradient leaves delta as it is, and a NaN passes through the sum and both comparisons.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Moved<T>(T delta, T gradient, T alpha, T epsilon)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T moved = gradient > T.Zero ? delta + alpha : gradient < T.Zero ? delta - alpha : delta + gradient;
        return moved < -epsilon ? -epsilon : moved > epsilon ? epsilon : moved;
    }
}
