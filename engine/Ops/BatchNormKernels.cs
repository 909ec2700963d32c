using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>The kernels of the forward pass; <see cref="BatchNormGradientKernels"/> are those of the backward pass.</summary>
[ExcludeFromCodeCoverage]
internal static class BatchNormKernels
{
    /// <summary>
    /// Mean, as its distance from the channel's first value, and sum of squared deviations from it, for each slice and lane: two parts
    /// of <paramref name="partials"/>. The distance has digits to spare for the differences between slices where the mean itself is large
    /// and has none.
    /// </summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void SliceMoments<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> partials, BatchMoments<T> moments, ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int group = Item.Group();
        if (group >= slices.Groups)
            return;
        ChannelTask task = ChannelTask.At(in slices, group, Item.Place());
        for (int lane = task.Lane; lane < task.Lane + slices.LanesPerItem; lane++)
        {
            RunningMoments<T, TLane> own = default;
            if (lane < slices.Lanes)
                own = Moments<T, TLane>(x, lane, in task, in slices);
            T pixels = moments.Pixels(task.Slice);
            TLane mean = GroupSum.Of<T, TLane>(own.Mean * TLane.Splat(own.Count), slices.LanesAbreast) * TLane.Splat(T.One / pixels);
            TLane distance = own.Mean - mean;
            TLane squares = GroupSum.Of<T, TLane>(
                TLane.Fma(distance * distance, TLane.Splat(own.Count), own.Squares), slices.LanesAbreast);
            if (task.Worker == 0 && lane < slices.Lanes)
            {
                int partial = (task.Slice * slices.Lanes) + lane;
                Real.Store(partials, partial, mean);
                Real.Store(partials, (slices.Slices * slices.Lanes) + partial, squares);
            }
        }
    }

    /// <summary>
    /// y = activation(gamma rstd (x - mean) + beta), where each group finds mean and rstd of its lanes from the moments of all slices, or
    /// from the running statistics. Those of the first slice write them, gamma rstd and beta to the four parts of
    /// <paramref name="statistics"/>, and move the running ones in training.
    /// </summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void Normalise<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> partials, ArrayView<TLane> statistics, ArrayView<TLane> runningMean,
        ArrayView<TLane> runningVariance, ArrayView<TLane> gamma, ArrayView<TLane> beta, ArrayView<TLane> y, BatchMoments<T> moments,
        ChannelSlices slices)
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
            TLane first = TLane.Splat(T.Zero);
            if (moments.Slices > 0 && moments.AreShifted == 0 && lane < slices.Lanes)
                first = Real.Load(partials, lane);
            TLane sum = Sum<T, TLane>(partials, lane, first, in task, in moments, in slices);
            TLane center = GroupSum.Of<T, TLane>(sum, slices.LanesAbreast) * TLane.Splat(moments.InverseCount);
            TLane squares = SumSquares<T, TLane>(partials, lane, first, center, in task, in moments, in slices);
            squares = GroupSum.Of<T, TLane>(squares, slices.LanesAbreast);
            if (lane < slices.Lanes)
            {
                NormalisedLane<TLane> forward = Statistics<T, TLane>(
                    x, statistics, runningMean, runningVariance, gamma, beta, lane, first, center, squares, in moments, in slices,
                    writes: task is { Slice: 0, Worker: 0 });
                Apply<T, TLane, TActivation>(x, y, lane, forward, in task, in slices);
            }
        }
    }

    private static NormalisedLane<TLane> Statistics<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> statistics, ArrayView<TLane> runningMean, ArrayView<TLane> runningVariance,
        ArrayView<TLane> gamma, ArrayView<TLane> beta, int lane, TLane first, TLane center, TLane squares, in BatchMoments<T> moments,
        in ChannelSlices slices, bool writes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        bool isBatch = moments.Slices > 0;
        if (moments.AreShifted != 0)
            first = Real.Load(x, slices.Start(lane));
        TLane mean = isBatch ? first + center : Real.Load(runningMean, lane);
        TLane variance = isBatch ? squares * TLane.Splat(moments.InverseCount) : Real.Load(runningVariance, lane);
        TLane rstd = TLane.Map<InverseRoot<T>>(variance + TLane.Splat(moments.Epsilon));
        NormalisedLane<TLane> forward = new() { Mean = mean, Scale = Real.Load(gamma, lane) * rstd, Shift = Real.Load(beta, lane) };
        if (writes)
        {
            Real.Store(statistics, lane, mean);
            Real.Store(statistics, slices.Lanes + lane, rstd);
            Real.Store(statistics, (2 * slices.Lanes) + lane, forward.Scale);
            Real.Store(statistics, (3 * slices.Lanes) + lane, forward.Shift);
            if (isBatch)
            {
                Move<T, TLane>(runningMean, lane, mean, moments.Momentum);
                Move<T, TLane>(runningVariance, lane, squares * TLane.Splat(moments.InverseCountLessOne), moments.Momentum);
            }
        }

        return forward;
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(MomentsBody))]
    private static RunningMoments<T, TLane> Moments<T, TLane>(
        ArrayView<TLane> x, int lane, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        if (typeof(TLane) != typeof(Lane8<float>))
            return MomentsBody<T, TLane>(x, lane, in task, in slices);
        RunningMoments<float, VectorLane> moments = MomentsBody<float, VectorLane>(x.Cast<VectorLane>(), lane, in task, in slices);
        return new()
        {
            Count = Unsafe.BitCast<float, T>(moments.Count),
            Mean = Unsafe.BitCast<VectorLane, TLane>(moments.Mean),
            Squares = Unsafe.BitCast<VectorLane, TLane>(moments.Squares),
        };
    }

    private static RunningMoments<T, TLane> MomentsBody<T, TLane>(
        ArrayView<TLane> x, int lane, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane pivot = Real.Load(x, slices.Start(lane));
        RunningMoments<T, TLane> moments = default;
        RowWalk walk = RowWalk.At(in slices, in task, lane);
        int row = task.Row;
        int step = slices.ColumnStepPlaces;
        for (; row + (3 * slices.RowStep) < task.EndRow; row += 4 * slices.RowStep)
        {
            int a = walk.Place;
            walk = walk.Next(in slices);
            int b = walk.Place;
            walk = walk.Next(in slices);
            int c = walk.Place;
            walk = walk.Next(in slices);
            int d = walk.Place;
            walk = walk.Next(in slices);
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, a += step, b += step, c += step, d += step)
            {
                TLane first = Real.Load(x, a), second = Real.Load(x, b), third = Real.Load(x, c), fourth = Real.Load(x, d);
                moments = moments.With(first - pivot, second - pivot, third - pivot, fourth - pivot);
            }
        }

        for (; row < task.EndRow; row += slices.RowStep, walk = walk.Next(in slices))
        {
            int place = walk.Place;
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, place += step)
                moments = moments.With(Real.Load(x, place) - pivot);
        }

        return moments;
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(ApplyBody))]
    private static void Apply<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> y, int lane, NormalisedLane<TLane> forward, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        if (typeof(TLane) != typeof(Lane8<float>))
        {
            ApplyBody<T, TLane, TActivation>(x, y, lane, forward, in task, in slices);
            return;
        }

        ApplyBody<float, VectorLane, TActivation>(
            x.Cast<VectorLane>(), y.Cast<VectorLane>(), lane,
            Unsafe.BitCast<NormalisedLane<TLane>, NormalisedLane<VectorLane>>(forward), in task, in slices);
    }

    private static void ApplyBody<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> y, int lane, NormalisedLane<TLane> forward, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        RowWalk walk = RowWalk.At(in slices, in task, lane);
        int row = task.Row;
        int step = slices.ColumnStepPlaces;
        for (; row + (3 * slices.RowStep) < task.EndRow; row += 4 * slices.RowStep)
        {
            int a = walk.Place;
            walk = walk.Next(in slices);
            int b = walk.Place;
            walk = walk.Next(in slices);
            int c = walk.Place;
            walk = walk.Next(in slices);
            int d = walk.Place;
            walk = walk.Next(in slices);
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, a += step, b += step, c += step, d += step)
            {
                // All loads before the first store, which might be to the same memory for all that a compiler knows.
                TLane first = Real.Load(x, a), second = Real.Load(x, b), third = Real.Load(x, c), fourth = Real.Load(x, d);
                Real.Store(y, a, Through<T, TLane, TActivation>(first, in forward));
                Real.Store(y, b, Through<T, TLane, TActivation>(second, in forward));
                Real.Store(y, c, Through<T, TLane, TActivation>(third, in forward));
                Real.Store(y, d, Through<T, TLane, TActivation>(fourth, in forward));
            }
        }

        for (; row < task.EndRow; row += slices.RowStep, walk = walk.Next(in slices))
        {
            int place = walk.Place;
            for (int column = task.Column; column < slices.Columns; column += slices.ColumnStep, place += step)
                Real.Store(y, place, Through<T, TLane, TActivation>(Real.Load(x, place), in forward));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Through<T, TLane, TActivation>(TLane x, in NormalisedLane<TLane> forward)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation =>
        TActivation.Apply<T, TLane>(TLane.Fma(x - forward.Mean, forward.Scale, forward.Shift));

    // What a worker adds of the distances of all slices from the first. Here and below four loads are under way at a time.
    private static TLane Sum<T, TLane>(
        ArrayView<TLane> partials, int lane, TLane first, in ChannelTask task, in BatchMoments<T> moments, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane sum = TLane.Splat(T.Zero);
        if (lane >= slices.Lanes)
            return sum;
        int step = task.Workers, slice = task.Worker;
        for (; slice + (3 * step) < moments.Slices; slice += 4 * step)
        {
            int place = (slice * slices.Lanes) + lane, next = step * slices.Lanes;
            TLane a = Real.Load(partials, place), b = Real.Load(partials, place + next);
            TLane c = Real.Load(partials, place + (2 * next)), d = Real.Load(partials, place + (3 * next));
            sum = TLane.Fma(a - first, TLane.Splat(moments.SlicePixels), sum);
            sum = TLane.Fma(b - first, TLane.Splat(moments.SlicePixels), sum);
            sum = TLane.Fma(c - first, TLane.Splat(moments.SlicePixels), sum);
            sum = TLane.Fma(d - first, TLane.Splat(moments.Pixels(slice + (3 * step))), sum);
        }

        for (; slice < moments.Slices; slice += step)
            sum = TLane.Fma(Real.Load(partials, (slice * slices.Lanes) + lane) - first, TLane.Splat(moments.Pixels(slice)), sum);
        return sum;
    }

    // And of the squared deviations from the center, within slices and between them.
    private static TLane SumSquares<T, TLane>(
        ArrayView<TLane> partials, int lane, TLane first, TLane center, in ChannelTask task, in BatchMoments<T> moments,
        in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane within = TLane.Splat(T.Zero);
        TLane between = within;
        if (lane >= slices.Lanes)
            return within;
        ArrayView<TLane> squares = partials.SubView(moments.Slices * slices.Lanes);
        int step = task.Workers, slice = task.Worker;
        for (; slice + step < moments.Slices; slice += 2 * step)
        {
            int place = (slice * slices.Lanes) + lane, next = place + (step * slices.Lanes);
            TLane a = Real.Load(partials, place), b = Real.Load(partials, next);
            TLane c = Real.Load(squares, place), d = Real.Load(squares, next);
            (a, b) = (a - first - center, b - first - center);
            between = TLane.Fma(a * a, TLane.Splat(moments.SlicePixels), between);
            between = TLane.Fma(b * b, TLane.Splat(moments.Pixels(slice + step)), between);
            within = within + c + d;
        }

        for (; slice < moments.Slices; slice += step)
        {
            int place = (slice * slices.Lanes) + lane;
            TLane distance = Real.Load(partials, place) - first - center;
            between = TLane.Fma(distance * distance, TLane.Splat(moments.Pixels(slice)), between);
            within += Real.Load(squares, place);
        }

        return within + between;
    }

    /// <summary>running = (1 - momentum) running + momentum value.</summary>
    private static void Move<T, TLane>(ArrayView<TLane> running, int lane, TLane value, T momentum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => Real.Store(
            running, lane, (TLane.Splat(T.One - momentum) * Real.Load(running, lane)) + (TLane.Splat(momentum) * value));
}
