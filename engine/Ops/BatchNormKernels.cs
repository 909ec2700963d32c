using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>Numbers that turn moments of slices into statistics of the batch.</summary>
internal readonly record struct BatchMoments<T>(
    T SlicePixels, T InverseSlices, T InverseCount, T InverseCountLessOne, T Epsilon, T Momentum)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static BatchMoments<T> Of(double count, RowSlices slices, BatchNormState state) => new(
        T.CreateChecked(slices.Pixels), T.CreateChecked(1.0 / slices.Slices), T.CreateChecked(1 / count), T.CreateChecked(1 / (count - 1)),
        T.CreateChecked(state.Epsilon), T.CreateChecked(state.Momentum));
}

[ExcludeFromCodeCoverage]
internal static class BatchNormKernels
{
    /// <summary>
    /// Mean, as its distance from the channel's first value, and sum of squared deviations from it, for each slice and lane. The
    /// distance has digits to spare for the differences between slices where the mean itself is large and has none.
    /// </summary>
    public static void SliceMoments<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> means, ArrayView<TLane> squares, T inversePixels, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= slices.Items)
            return;
        TLane weight = TLane.Splat(inversePixels);
        int lastSlice = slices.LastSlice(item);
        int lastLane = slices.LastLane(item);
        for (int slice = slices.FirstSlice(item); slice <= lastSlice; slice++)
        {
            for (int lane = slices.FirstLane(item); lane <= lastLane; lane++)
            {
                int start = slices.Start(slice, lane);
                TLane pivot = Real.Load(x, slices.Start(0, lane));
                TLane mean = Distances<T, TLane>(x, start, pivot, slices) * weight;
                int partial = (slice * slices.Lanes) + lane;
                Real.Store(means, partial, mean);
                Real.Store(squares, partial, SquaredDeviations<T, TLane>(x, start, pivot + mean, slices));
            }
        }
    }

    /// <summary>Statistics of the batch from those of the slices, one group of items for each lane; moves the running ones.</summary>
    public static void BatchStatistics<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> means, ArrayView<TLane> squares, ArrayView<TLane> mean, ArrayView<TLane> rstd,
        ArrayView<T> runningMean, ArrayView<T> runningVariance, BatchMoments<T> moments, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        var (lane, first, step) = (Grid.IdxX, Group.IdxX, Group.DimX);
        TLane sum = TLane.Splat(T.Zero);
        for (int slice = first; slice < slices.Slices; slice += step)
            sum += Real.Load(means, (slice * slices.Lanes) + lane);
        TLane center = GroupSum.Of<T, TLane>(sum) * TLane.Splat(moments.InverseSlices);
        TLane within = TLane.Splat(T.Zero);
        TLane between = TLane.Splat(T.Zero);
        for (int slice = first; slice < slices.Slices; slice += step)
        {
            TLane deviation = Real.Load(means, (slice * slices.Lanes) + lane) - center;
            between = TLane.Fma(deviation, deviation, between);
            within += Real.Load(squares, (slice * slices.Lanes) + lane);
        }

        TLane total = GroupSum.Of<T, TLane>(TLane.Fma(between, TLane.Splat(moments.SlicePixels), within));
        if (first > 0)
            return;
        Real.Store(mean, lane, Real.Load(x, slices.Start(0, lane)) + center);
        Real.Store(rstd, lane, total);
        for (int channel = lane * TLane.Width; channel < (lane + 1) * TLane.Width; channel++)
        {
            T squared = Real.Load(rstd.Cast<T>(), channel);
            T unbiased = squared * moments.InverseCountLessOne;
            Move(runningMean, channel, Real.Load(mean.Cast<T>(), channel), moments.Momentum);
            Move(runningVariance, channel, unbiased, moments.Momentum);
            Real.Store(rstd.Cast<T>(), channel, T.One / T.Sqrt(Real.Fma(squared, moments.InverseCount, moments.Epsilon)));
        }
    }

    /// <summary>Mean and rstd from the running statistics.</summary>
    public static void RunningStatistics<T>(
        ArrayView<T> runningMean, ArrayView<T> runningVariance, ArrayView<T> mean, ArrayView<T> rstd, T epsilon)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int channel = Item.Index();
        if (channel >= mean.IntLength)
            return;
        Real.Store(mean, channel, Real.Load(runningMean, channel));
        Real.Store(rstd, channel, T.One / T.Sqrt(Real.Load(runningVariance, channel) + epsilon));
    }

    /// <summary>y = activation(gamma rstd (x - mean) + beta).</summary>
    public static void Normalise<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> mean, ArrayView<TLane> rstd, ArrayView<TLane> gamma, ArrayView<TLane> beta,
        ArrayView<TLane> y, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        int item = Item.Index();
        if (item >= slices.Items)
            return;
        int lastSlice = slices.LastSlice(item);
        int lastLane = slices.LastLane(item);
        for (int slice = slices.FirstSlice(item); slice <= lastSlice; slice++)
        {
            for (int lane = slices.FirstLane(item); lane <= lastLane; lane++)
            {
                TLane center = Real.Load(mean, lane);
                TLane scale = Real.Load(gamma, lane) * Real.Load(rstd, lane);
                TLane shift = Real.Load(beta, lane);
                int row = slices.Start(slice, lane);
                for (int h = 0; h < slices.Rows; h++, row += slices.RowStride)
                {
                    for (int w = 0, i = row; w < slices.Columns; w++, i += slices.LanesPerBlock)
                        Real.Store(y, i, TActivation.Apply<T, TLane>(TLane.Fma(Real.Load(x, i) - center, scale, shift)));
                }
            }
        }
    }

    /// <summary>Sums of the gradient before the activation, and of its product with x - mean, for each slice and lane.</summary>
    public static void SliceGradients<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> mean, ArrayView<TLane> rstd, ArrayView<TLane> gamma,
        ArrayView<TLane> beta, ArrayView<TLane> sums, ArrayView<TLane> products, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        int item = Item.Index();
        if (item >= slices.Items)
            return;
        int lastSlice = slices.LastSlice(item);
        int lastLane = slices.LastLane(item);
        for (int slice = slices.FirstSlice(item); slice <= lastSlice; slice++)
        {
            for (int lane = slices.FirstLane(item); lane <= lastLane; lane++)
            {
                TLane center = Real.Load(mean, lane);
                TLane scale = Real.Load(gamma, lane) * Real.Load(rstd, lane);
                TLane shift = Real.Load(beta, lane);
                TLane sum = TLane.Splat(T.Zero);
                TLane product = TLane.Splat(T.Zero);
                int row = slices.Start(slice, lane);
                for (int h = 0; h < slices.Rows; h++, row += slices.RowStride)
                {
                    for (int w = 0, i = row; w < slices.Columns; w++, i += slices.LanesPerBlock)
                    {
                        TLane deviation = Real.Load(x, i) - center;
                        TLane g = TActivation.Gradient<T, TLane>(TLane.Fma(deviation, scale, shift), Real.Load(dy, i));
                        sum += g;
                        product = TLane.Fma(g, deviation, product);
                    }
                }

                Real.Store(sums, (slice * slices.Lanes) + lane, sum);
                Real.Store(products, (slice * slices.Lanes) + lane, product);
            }
        }
    }

    /// <summary>dbeta and dgamma from the sums of the slices, one group of items for each lane.</summary>
    public static void ParameterGradients<T, TLane>(
        ArrayView<TLane> sums, ArrayView<TLane> products, ArrayView<TLane> rstd, ArrayView<TLane> dgamma, ArrayView<TLane> dbeta,
        int slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        var (lane, first, step) = (Grid.IdxX, Group.IdxX, Group.DimX);
        int lanes = rstd.IntLength;
        TLane sum = TLane.Splat(T.Zero);
        TLane product = TLane.Splat(T.Zero);
        for (int slice = first; slice < slices; slice += step)
        {
            sum += Real.Load(sums, (slice * lanes) + lane);
            product += Real.Load(products, (slice * lanes) + lane);
        }

        sum = GroupSum.Of<T, TLane>(sum);
        product = GroupSum.Of<T, TLane>(product);
        if (first > 0)
            return;
        Real.Store(dbeta, lane, sum);
        Real.Store(dgamma, lane, product * Real.Load(rstd, lane));
    }

    /// <summary>
    /// dx = gamma rstd (g - w (dbeta + (x - mean) rstd dgamma)), g the gradient before the activation; w is one over the number of
    /// values in training and zero in evaluation, where the statistics do not depend on x.
    /// </summary>
    public static void InputGradient<T, TLane, TActivation>(
        ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> mean, ArrayView<TLane> rstd, ArrayView<TLane> gamma,
        ArrayView<TLane> beta, ArrayView<TLane> dgamma, ArrayView<TLane> dbeta, ArrayView<TLane> dx, T weight, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
        where TActivation : struct, IActivation
    {
        int item = Item.Index();
        if (item >= slices.Items)
            return;
        int lastSlice = slices.LastSlice(item);
        int lastLane = slices.LastLane(item);
        for (int slice = slices.FirstSlice(item); slice <= lastSlice; slice++)
        {
            for (int lane = slices.FirstLane(item); lane <= lastLane; lane++)
            {
                TLane center = Real.Load(mean, lane);
                TLane scale = Real.Load(gamma, lane) * Real.Load(rstd, lane);
                TLane shift = Real.Load(beta, lane);
                TLane offset = Real.Load(dbeta, lane) * TLane.Splat(weight);
                TLane slope = TLane.Splat(T.Zero) - (Real.Load(dgamma, lane) * Real.Load(rstd, lane) * TLane.Splat(weight));
                int row = slices.Start(slice, lane);
                for (int h = 0; h < slices.Rows; h++, row += slices.RowStride)
                {
                    for (int w = 0, i = row; w < slices.Columns; w++, i += slices.LanesPerBlock)
                    {
                        TLane deviation = Real.Load(x, i) - center;
                        TLane g = TActivation.Gradient<T, TLane>(TLane.Fma(deviation, scale, shift), Real.Load(dy, i));
                        Real.Store(dx, i, TLane.Fma(deviation, slope, g - offset) * scale);
                    }
                }
            }
        }
    }

    /// <summary>running = (1 - momentum) running + momentum value.</summary>
    private static void Move<T>(ArrayView<T> running, int channel, T value, T momentum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Real.Store(running, channel, ((T.One - momentum) * Real.Load(running, channel)) + (momentum * value));

    // Four chains of additions, because one waits for the adder most of the time.
    private static TLane Distances<T, TLane>(ArrayView<TLane> x, int start, TLane pivot, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a = TLane.Splat(T.Zero), b = a, c = a, d = a;
        int step = slices.LanesPerBlock;
        for (int h = 0; h < slices.Rows; h++, start += slices.RowStride)
        {
            int i = start;
            int w = 4;
            for (; w <= slices.Columns; w += 4, i += 4 * step)
            {
                a += Real.Load(x, i) - pivot;
                b += Real.Load(x, i + step) - pivot;
                c += Real.Load(x, i + (2 * step)) - pivot;
                d += Real.Load(x, i + (3 * step)) - pivot;
            }

            for (w -= 4; w < slices.Columns; w++, i += step)
                a += Real.Load(x, i) - pivot;
        }

        return (a + b) + (c + d);
    }

    private static TLane SquaredDeviations<T, TLane>(ArrayView<TLane> x, int start, TLane mean, RowSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane a = TLane.Splat(T.Zero), b = a, c = a, d = a;
        int step = slices.LanesPerBlock;
        for (int h = 0; h < slices.Rows; h++, start += slices.RowStride)
        {
            int i = start;
            int w = 4;
            for (; w <= slices.Columns; w += 4, i += 4 * step)
            {
                a = AddSquare<T, TLane>(Real.Load(x, i) - mean, a);
                b = AddSquare<T, TLane>(Real.Load(x, i + step) - mean, b);
                c = AddSquare<T, TLane>(Real.Load(x, i + (2 * step)) - mean, c);
                d = AddSquare<T, TLane>(Real.Load(x, i + (3 * step)) - mean, d);
            }

            for (w -= 4; w < slices.Columns; w++, i += step)
                a = AddSquare<T, TLane>(Real.Load(x, i) - mean, a);
        }

        return (a + b) + (c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane AddSquare<T, TLane>(TLane v, TLane sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => TLane.Fma(v, v, sum);
}
