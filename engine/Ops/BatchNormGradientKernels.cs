using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>What a batch normalisation's gradient is computed with.</summary>
/// <param name="Weight">One over the values of a channel in training, zero in evaluation, where the statistics do not depend on x.</param>
/// <param name="Slices">Slices whose sums are added; 0 where no sums are needed.</param>
/// <param name="Adds">1 where the gradient is added to another one.</param>
internal readonly record struct BatchNormBackwards<T>(T Weight, int Slices, int Adds)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>What the statistics add to its gradient: dx = (g - Offset + (x - Mean) * Slope) * Scale.</summary>
[ExcludeFromCodeCoverage]
internal struct GradientLane<TLane>
{
    public TLane Offset, Slope;
}

/// <summary>Sums of g, and of its products with x - mean.</summary>
[ExcludeFromCodeCoverage]
internal struct GradientSums<TLane>
{
    public TLane Sum, Product;
}

/// <summary>The kernels of the backward pass. g is the gradient before the activation.</summary>
[ExcludeFromCodeCoverage]
internal static class BatchNormGradientKernels
{
    /// <summary>Sums of g, and of g (x - mean), for each slice and lane: two parts of <paramref name="partials"/>.</summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void SliceGradients<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> statistics, ArrayView<TLane> partials, ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        int group = Item.Group();
        if (group >= slices.Groups)
            return;
        ChannelTask task = ChannelTask.At(in slices, group, Item.Place());
        for (int lane = task.Lane; lane < task.Lane + slices.LanesPerItem; lane++)
        {
            GradientSums<TLane> own = default;
            if (lane < slices.Lanes)
                own = Sums<T, TLane, TActivation>(x, dy, lane, Forward<T, TLane>(statistics, lane, in slices), in task, in slices);
            TLane sum = GroupSum.Of<T, TLane>(own.Sum, slices.LanesAbreast);
            TLane product = GroupSum.Of<T, TLane>(own.Product, slices.LanesAbreast);
            if (task.Worker == 0 && lane < slices.Lanes)
            {
                int partial = (task.Slice * slices.Lanes) + lane;
                Real.Store(partials, partial, sum);
                Real.Store(partials, (slices.Slices * slices.Lanes) + partial, product);
            }
        }
    }

    /// <summary>
    /// dx = gamma rstd (g - w (dbeta + (x - mean) rstd dgamma)), added to <paramref name="before"/> on request, where each group adds
    /// the slices' sums of its lanes to dbeta and dgamma. Those of the first slice write these.
    /// </summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void InputGradient<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> before, ArrayView<TLane> statistics, ArrayView<TLane> partials,
        ArrayView<TLane> dgamma, ArrayView<TLane> dbeta, ArrayView<TLane> dx, BatchNormBackwards<T> backwards, ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        int group = Item.Group();
        if (group >= slices.Groups)
            return;
        ChannelTask task = ChannelTask.At(in slices, group, Item.Place());
        for (int lane = task.Lane; lane < task.Lane + slices.LanesPerItem; lane++)
        {
            GradientSums<TLane> own = Total<T, TLane>(partials, lane, in task, backwards.Slices, in slices);
            TLane sum = GroupSum.Of<T, TLane>(own.Sum, slices.LanesAbreast);
            TLane product = GroupSum.Of<T, TLane>(own.Product, slices.LanesAbreast);
            if (lane < slices.Lanes)
            {
                TLane rstd = Real.Load(statistics, slices.Lanes + lane);
                if (task is { Slice: 0, Worker: 0 } && backwards.Slices > 0)
                {
                    Real.Store(dbeta, lane, sum);
                    Real.Store(dgamma, lane, product * rstd);
                }

                // Not a product with zero, which could be NaN.
                TLane weight = TLane.Splat(backwards.Weight), zero = TLane.Splat(T.Zero);
                bool passes = backwards.Weight > T.Zero;
                TLane offset = passes ? sum * weight : zero;
                TLane slope = passes ? zero - (product * rstd * rstd * weight) : zero;
                Apply<T, TLane, TActivation>(
                    x, dy, before, dx, lane, Forward<T, TLane>(statistics, lane, in slices), new() { Offset = offset, Slope = slope },
                    backwards.Adds != 0, in task, in slices);
            }
        }
    }

    // What a worker adds of the slices' sums, with four loads under way at a time.
    private static GradientSums<TLane> Total<T, TLane>(
        ArrayView<TLane> partials, int lane, in ChannelTask task, int count, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane sum = TLane.Splat(T.Zero), product = sum;
        ArrayView<TLane> products = partials.SubView(count * slices.Lanes);
        int step = task.Workers, slice = lane < slices.Lanes ? task.Worker : count;
        for (; slice + step < count; slice += 2 * step)
        {
            int place = (slice * slices.Lanes) + lane, next = place + (step * slices.Lanes);
            TLane a = Real.Load(partials, place), b = Real.Load(partials, next);
            TLane c = Real.Load(products, place), d = Real.Load(products, next);
            sum = sum + a + b;
            product = product + c + d;
        }

        if (slice < count)
        {
            sum += Real.Load(partials, (slice * slices.Lanes) + lane);
            product += Real.Load(products, (slice * slices.Lanes) + lane);
        }

        return new() { Sum = sum, Product = product };
    }

    private static NormalisedLane<TLane> Forward<T, TLane>(ArrayView<TLane> statistics, int lane, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => new()
        {
            Mean = Real.Load(statistics, lane),
            Scale = Real.Load(statistics, (2 * slices.Lanes) + lane),
            Shift = Real.Load(statistics, (3 * slices.Lanes) + lane),
        };

    [IntrinsicImplementation]
    [DeviceBody(nameof(SumsBody))]
    private static GradientSums<TLane> Sums<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, int lane, NormalisedLane<TLane> forward, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        if (typeof(TLane) != typeof(Lane8<float>))
            return SumsBody<T, TLane, TActivation>(x, dy, lane, forward, in task, in slices);
        return Unsafe.BitCast<GradientSums<VectorLane>, GradientSums<TLane>>(SumsBody<float, VectorLane, TActivation>(
            x.Cast<VectorLane>(), dy.Cast<VectorLane>(), lane,
            Unsafe.BitCast<NormalisedLane<TLane>, NormalisedLane<VectorLane>>(forward), in task, in slices));
    }

    private static GradientSums<TLane> SumsBody<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, int lane, NormalisedLane<TLane> forward, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        RowWalk walk = RowWalk.At(in slices, in task, lane);
        int row = task.Row;
        int step = slices.ColumnStepPlaces;
        TLane sum = TLane.Splat(T.Zero), product = sum, otherSum = sum, otherProduct = sum;
        for (; row + slices.RowStep < task.EndRow; row += 2 * slices.RowStep)
        {
            int a = walk.Place;
            walk = walk.Next(in slices);
            int b = walk.Place;
            walk = walk.Next(in slices);
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, a += step, b += step)
            {
                TLane first = Real.Load(x, a) - forward.Mean, second = Real.Load(x, b) - forward.Mean;
                TLane g = Gradient<T, TLane, TActivation>(first, Real.Load(dy, a), in forward);
                TLane h = Gradient<T, TLane, TActivation>(second, Real.Load(dy, b), in forward);
                sum += g;
                otherSum += h;
                product = TLane.Fma(g, first, product);
                otherProduct = TLane.Fma(h, second, otherProduct);
            }
        }

        for (; row < task.EndRow; row += slices.RowStep, walk = walk.Next(in slices))
        {
            int place = walk.Place;
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, place += step)
            {
                TLane deviation = Real.Load(x, place) - forward.Mean;
                TLane g = Gradient<T, TLane, TActivation>(deviation, Real.Load(dy, place), in forward);
                sum += g;
                product = TLane.Fma(g, deviation, product);
            }
        }

        return new() { Sum = sum + otherSum, Product = product + otherProduct };
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(ApplyBody))]
    private static void Apply<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> before, ArrayView<TLane> dx, int lane,
        NormalisedLane<TLane> forward, GradientLane<TLane> gradient, bool adds, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        if (typeof(TLane) != typeof(Lane8<float>))
        {
            ApplyBody<T, TLane, TActivation>(x, dy, before, dx, lane, forward, gradient, adds, in task, in slices);
            return;
        }

        ApplyBody<float, VectorLane, TActivation>(
            x.Cast<VectorLane>(), dy.Cast<VectorLane>(), before.Cast<VectorLane>(), dx.Cast<VectorLane>(), lane,
            Unsafe.BitCast<NormalisedLane<TLane>, NormalisedLane<VectorLane>>(forward),
            Unsafe.BitCast<GradientLane<TLane>, GradientLane<VectorLane>>(gradient), adds, in task, in slices);
    }

    private static void ApplyBody<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> before, ArrayView<TLane> dx, int lane,
        NormalisedLane<TLane> forward, GradientLane<TLane> gradient, bool adds, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        RowWalk walk = RowWalk.At(in slices, in task, lane);
        int row = task.Row;
        int step = slices.ColumnStepPlaces;
        for (; row + slices.RowStep < task.EndRow; row += 2 * slices.RowStep)
        {
            int a = walk.Place;
            walk = walk.Next(in slices);
            int b = walk.Place;
            walk = walk.Next(in slices);
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, a += step, b += step)
            {
                // All loads before the first store, which is to the same memory where the gradient is added.
                TLane first = Real.Load(x, a), second = Real.Load(x, b);
                TLane g = Real.Load(dy, a), h = Real.Load(dy, b);
                TLane beforeFirst = TLane.Splat(T.Zero), beforeSecond = beforeFirst;
                if (adds)
                    (beforeFirst, beforeSecond) = (Real.Load(before, a), Real.Load(before, b));
                first = Through<T, TLane, TActivation>(first, g, in forward, in gradient);
                second = Through<T, TLane, TActivation>(second, h, in forward, in gradient);
                Real.Store(dx, a, adds ? beforeFirst + first : first);
                Real.Store(dx, b, adds ? beforeSecond + second : second);
            }
        }

        for (; row < task.EndRow; row += slices.RowStep, walk = walk.Next(in slices))
        {
            int place = walk.Place;
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, place += step)
            {
                TLane term = Through<T, TLane, TActivation>(Real.Load(x, place), Real.Load(dy, place), in forward, in gradient);
                Real.Store(dx, place, adds ? Real.Load(before, place) + term : term);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Through<T, TLane, TActivation>(
        TLane x, TLane dy, in NormalisedLane<TLane> forward, in GradientLane<TLane> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        TLane deviation = x - forward.Mean;
        TLane g = Gradient<T, TLane, TActivation>(deviation, dy, in forward);
        return TLane.Fma(deviation, gradient.Slope, g - gradient.Offset) * forward.Scale;
    }

    // Before the activation.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Gradient<T, TLane, TActivation>(TLane deviation, TLane dy, in NormalisedLane<TLane> forward)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation =>
        TActivation.Gradient<T, TLane>(TLane.Fma(deviation, forward.Scale, forward.Shift), dy);
}
