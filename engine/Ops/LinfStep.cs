using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

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
    /// and clampX so that x + delta is in [0,1]; z = (x + delta - mean_c) / std_c. Each tensor is read from memory once and written once.
    /// </summary>
    /// <remarks>
    /// The sign of dz is that of the gradient with respect to delta, because std is positive, and |dz| = |gradient| * std: the
    /// magnitude that M+DEAT watches (TrustAI/DEAT). For x in [0,1], |delta| &lt;= epsilon and 0 &lt;= x + delta &lt;= 1 hold exactly after
    /// each step (see PixelRange.Clamp), in the arithmetic of the element type and with epsilon rounded to it.
    /// Where dz is NaN, delta and z become NaN, and so do the image's magnitude and the next loss: a broken gradient shows, while
    /// sign(NaN) = 0 would let the attack stand still. A frozen image keeps its delta, but its magnitude shows the NaN.
    /// The sums run in a fixed order that depends on the shape and the layout alone.
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
            // An item must be worth its dispatch on a CPU; a GPU wants many.
            int rowsPerItem = device.Traits.IsCpuLike ? shape.H : 1;
            bool isWhole = rowsPerItem == shape.H;
            Tensor sums = isWhole ? Magnitude : Scratch.Plain(new Shape(rows, 1), X.Type);
            LinfConstants<T> constants = new()
            {
                Epsilon = T.CreateChecked(Ball.Epsilon),
                Alpha = T.CreateChecked(Ball.Alpha),
                Range = PixelRange<T>.From(Ball.ClampPixels),
                Normalization = ChannelNormalization<T>.From(nameof(LinfStep), Normalization, shape.C),
            };
            Cost cost = new(shape.Count * (Ball.ClampPixels ? 7 : 5), ((5 * shape.Count) + sums.Shape.Count) * size);
            LaunchGrid grid = device.Grid(rows / rowsPerItem);
            if (Active is null)
            {
                device.Launch(
                    LinfStepKernels.SignedStep, grid, cost,
                    Dz.View<T>(), X.View<T>(), Delta.View<T>(), Z.View<T>(), sums.View<T>(), rowsPerItem, constants, X.Layout);
            }
            else
            {
                device.Launch(
                    LinfStepKernels.SignedStepOfActive, grid, cost with { Bytes = cost.Bytes + (shape.N * sizeof(int)) },
                    Dz.View<T>(), X.View<T>(), Delta.View<T>(), Z.View<T>(), sums.View<T>(), Active.View<int>(), rowsPerItem, constants,
                    X.Layout);
            }

            if (isWhole)
                return;
            device.Launch(
                LinfStepKernels.ImageMagnitude, device.Grid(shape.N), new Cost(rows, (long)(rows + shape.N) * size),
                sums.View<T>(), Magnitude.View<T>(), shape.H);
            Scratch.Release(sums);
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
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, ArrayView<T> sums, int rows,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item < sums.IntLength)
            Real.Store(sums, item, StepRows(dz, x, delta, z, item * rows, rows, true, constants, layout));
    }

    public static void SignedStepOfActive<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, ArrayView<T> sums, ArrayView<int> active, int rows,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= sums.IntLength)
            return;
        bool moves = Real.Load(active, item * rows / layout.Shape.H) != 0;
        Real.Store(sums, item, StepRows(dz, x, delta, z, item * rows, rows, moves, constants, layout));
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

    // The step of rows of an image, all channels; returns the sum of |dz| over them. First what lies side by side moves, then the input
    // follows channel by channel, while the row is in the cache.
    private static T StepRows<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, int first, int rows, bool moves,
        LinfConstants<T> constants, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = first / layout.Shape.H;
        int top = first - (n * layout.Shape.H);
        int elements = layout.Shape.W * layout.Block;
        int inLanes = elements - (elements % Lane8<T>.Width);
        int columns = layout.Shape.W - (layout.Shape.W % Lane8<T>.Width);
        T sum = T.Zero;
        for (int h = top; h < top + rows; h++)
        {
            Lane8<T> lanes = Lane8<T>.Splat(T.Zero);
            Lane1<T> rest = Lane1<T>.Splat(T.Zero);
            for (int block = 0; block < layout.Blocks; block++)
            {
                int start = layout.Index(n, block * layout.Block, h, 0), between = start + inLanes;
                lanes += Move(dz, x, delta, start, between, moves, constants);
                rest += MoveBody<T, Lane1<T>>(dz, x, delta, between, start + elements, moves, constants);
            }

            sum += lanes.A + lanes.B + lanes.C + lanes.D + lanes.E + lanes.F + lanes.G + lanes.H + rest.A;
            for (int c = 0; c < layout.Shape.C; c++)
            {
                int start = layout.Index(n, c, h, 0), between = start + (columns * layout.Block);
                T mean = constants.Normalization.Mean(c), rstd = constants.Normalization.Rstd(c);
                Follow(x, delta, z, start, between, layout.Block, mean, rstd);
                FollowBody<T, Lane1<T>>(x, delta, z, between, start + elements, layout.Block, mean, rstd);
            }
        }

        return sum;
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(MoveInLanes))]
    private static Lane8<T> Move<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, int start, int end, bool moves, LinfConstants<T> constants)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => typeof(T) == typeof(float)
            ? Unsafe.BitCast<VectorLane, Lane8<T>>(MoveBody<float, VectorLane>(
                dz.Cast<float>(), x.Cast<float>(), delta.Cast<float>(), start, end, moves,
                Unsafe.BitCast<LinfConstants<T>, LinfConstants<float>>(constants)))
            : MoveInLanes(dz, x, delta, start, end, moves, constants);

    private static Lane8<T> MoveInLanes<T>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, int start, int end, bool moves, LinfConstants<T> constants)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => MoveBody<T, Lane8<T>>(dz, x, delta, start, end, moves, constants);

    // Moves delta between two places, a multiple of the lane's width apart; returns the sums of |dz|. Without branches: the signs of
    // gradients cannot be foretold.
    private static TLane MoveBody<T, TLane>(
        ArrayView<T> dz, ArrayView<T> x, ArrayView<T> delta, int start, int end, bool moves, LinfConstants<T> constants)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane zero = TLane.Splat(T.Zero);
        TLane up = TLane.Splat(constants.Alpha), down = TLane.Splat(-constants.Alpha);
        TLane least = TLane.Splat(-constants.Epsilon), most = TLane.Splat(constants.Epsilon);
        TLane low = TLane.Splat(constants.Range.Low), high = TLane.Splat(constants.Range.High);
        TLane sums = zero;
        for (int place = start; place < end; place += TLane.Width)
        {
            TLane gradient = TLane.Load(dz, place);
            sums += TLane.WhereLarger(zero, gradient, zero - gradient, gradient);
            if (!moves)
                continue;
            // A zero gradient leaves delta as it is, and a NaN passes through the sum and all comparisons.
            TLane step = TLane.WhereLarger(gradient, zero, up, TLane.WhereLarger(zero, gradient, down, gradient));
            TLane pixel = TLane.Load(x, place);
            TLane inBall = Between<T, TLane>(TLane.Load(delta, place) + step, least, most);
            TLane.Store(delta, place, Between<T, TLane>(inBall, low - pixel, high - pixel));
        }

        return sums;
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(FollowInLanes))]
    private static void Follow<T>(
        ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, int start, int end, int step, T mean, T rstd)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            FollowBody<float, VectorLane>(
                x.Cast<float>(), delta.Cast<float>(), z.Cast<float>(), start, end, step, (float)(object)mean, (float)(object)rstd);
        }
        else
        {
            FollowInLanes(x, delta, z, start, end, step, mean, rstd);
        }
    }

    private static void FollowInLanes<T>(
        ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, int start, int end, int step, T mean, T rstd)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => FollowBody<T, Lane8<T>>(x, delta, z, start, end, step, mean, rstd);

    // The network's input at every step-th place.
    private static void FollowBody<T, TLane>(
        ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, int start, int end, int step, T mean, T rstd)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane center = TLane.Splat(mean), scale = TLane.Splat(rstd);
        for (int place = start; place < end; place += TLane.Width * step)
            TLane.Scatter(z, place, step, (TLane.Gather(x, place, step) + TLane.Gather(delta, place, step) - center) * scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Between<T, TLane>(TLane v, TLane low, TLane high)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> =>
        TLane.WhereLarger(low, v, low, TLane.WhereLarger(v, high, high, v));
}
