using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>Numbers that turn moments of slices into statistics of the batch.</summary>
/// <param name="SlicePixels">Pixels of a slice.</param>
/// <param name="LastPixels">Pixels of the last slice.</param>
/// <param name="InverseCount">One over the values of a channel.</param>
/// <param name="InverseCountLessOne">One over one less.</param>
/// <param name="Epsilon">What is added to a variance.</param>
/// <param name="Momentum">The weight of the batch in the running statistics.</param>
/// <param name="Slices">Slices that the statistics come from; 0 takes the running ones.</param>
/// <param name="AreShifted">1 where means of slices are distances from the channel's first value.</param>
internal readonly record struct BatchMoments<T>(
    T SlicePixels, T LastPixels, T InverseCount, T InverseCountLessOne, T Epsilon, T Momentum, int Slices, int AreShifted)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>From moments of slices of so many pixels.</summary>
    public static BatchMoments<T> Of(double count, int slices, int pixels, int lastPixels, BatchNormState state) => new(
        T.CreateChecked(pixels), T.CreateChecked(lastPixels), T.CreateChecked(1 / count),
        T.CreateChecked(count > 1 ? 1 / (count - 1) : 0), T.CreateChecked(state.Epsilon), T.CreateChecked(state.Momentum), slices,
        AreShifted: 0);

    public T Pixels(int slice) => slice == Slices - 1 ? LastPixels : SlicePixels;
}

/// <summary>1 / sqrt(v).</summary>
[ExcludeFromCodeCoverage]
internal readonly struct InverseRoot<T> : IFunction<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static T Of(T v) => T.One / T.Sqrt(v);
}

/// <summary>How many values there were, their mean, and the sum of their squared deviations from it.</summary>
[ExcludeFromCodeCoverage]
internal struct RunningMoments<T, TLane>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TLane : unmanaged, ILane<TLane, T>
{
    public T Count;

    public TLane Mean, Squares;

    /// <summary>With four more, whose own mean and squares are exact to a rounding, as in Chan, Golub, LeVeque.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly RunningMoments<T, TLane> With(TLane a, TLane b, TLane c, TLane d)
    {
        T four = T.One + T.One + T.One + T.One;
        TLane mean = ((a + b) + (c + d)) * TLane.Splat(T.One / four);
        TLane e = a - mean, f = b - mean, g = c - mean, h = d - mean;
        TLane squares = TLane.Fma(e, e, f * f) + TLane.Fma(g, g, h * h);
        return With(mean, squares, four);
    }

    /// <summary>With one more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly RunningMoments<T, TLane> With(TLane value) => With(value, TLane.Splat(T.Zero), T.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly RunningMoments<T, TLane> With(TLane mean, TLane squares, T count)
    {
        T all = Count + count;
        T share = count / all;
        TLane distance = mean - Mean;
        return new()
        {
            Count = all,
            Mean = TLane.Fma(distance, TLane.Splat(share), Mean),
            Squares = Squares + TLane.Fma(distance * distance, TLane.Splat(Count * share), squares),
        };
    }
}
