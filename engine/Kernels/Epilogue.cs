using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// What a pass that writes an activation sums of it on the way: two numbers for each channel and slice of <see cref="SliceRows"/> rows, the
/// same that a pass of their own would find. An item has strips, eight rows by a quad of columns; sixteen strips are a slice, and
/// meet in shared memory.
/// </summary>
internal interface IEpilogue
{
    /// <summary>Rows of a slice, of a strip, and strips of a slice.</summary>
    const int SliceRows = 128, StripRows = 8, Strips = SliceRows / StripRows;

    /// <summary>Whether there is anything to sum.</summary>
    static abstract bool HasSums { get; }

    /// <summary>Whether the sums need what lies beside the outputs, which is not added then.</summary>
    static abstract bool ReadsBeside { get; }

    /// <summary>No rows yet.</summary>
    static abstract StripSums<T> Begin<T>(ArrayView<T> channels, int column, int columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>With a row, and what lies beside it.</summary>
    static abstract StripSums<T> With<T>(StripSums<T> sums, Quad<T> value, Quad<T> beside)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>After all rows.</summary>
    static abstract StripSums<T> End<T>(StripSums<T> sums, in Strip<T> strip)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The two numbers of a column, from those of all strips, which lie <paramref name="step"/> apart.</summary>
    static abstract (T First, T Second) Combine<T>(ArrayView<T> first, ArrayView<T> second, int column, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}

/// <summary>One that has a use where gradients are written.</summary>
internal interface IBackwardEpilogue : IEpilogue;

/// <summary>Eight rows of a quad of columns.</summary>
[ExcludeFromCodeCoverage]
internal struct Strip<T>
    where T : unmanaged, INumber<T>
{
    public Quad<T> A, B, C, D, E, F, G, H;
}

/// <summary>What normalises a lane: (x - Mean) * Scale + Shift.</summary>
[ExcludeFromCodeCoverage]
internal struct NormalisedLane<TLane>
{
    public TLane Mean, Scale, Shift;
}

/// <summary>The two sums of a strip, and what normalised its channels.</summary>
[ExcludeFromCodeCoverage]
internal struct StripSums<T>
    where T : unmanaged, INumber<T>
{
    public Quad<T> First, Second;

    public NormalisedLane<Quad<T>> Forward;
}

/// <summary>Nothing is summed.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct NoSums : IBackwardEpilogue
{
    public static bool HasSums => false;

    public static bool ReadsBeside => false;

    public static StripSums<T> Begin<T>(ArrayView<T> channels, int column, int columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => default;

    public static StripSums<T> With<T>(StripSums<T> sums, Quad<T> value, Quad<T> beside)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => sums;

    public static StripSums<T> End<T>(StripSums<T> sums, in Strip<T> strip)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => sums;

    public static (T First, T Second) Combine<T>(ArrayView<T> first, ArrayView<T> second, int column, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => default;
}

/// <summary>
/// Mean, and sum of squared deviations from it. Within a strip deviations are taken from its first row, so that nothing cancels;
/// strips are combined as in Chan, Golub, LeVeque.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct Moments : IEpilogue
{
    public static bool HasSums => true;

    public static bool ReadsBeside => false;

    public static StripSums<T> Begin<T>(ArrayView<T> channels, int column, int columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => default;

    public static StripSums<T> With<T>(StripSums<T> sums, Quad<T> value, Quad<T> beside)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => sums;

    public static StripSums<T> End<T>(StripSums<T> sums, in Strip<T> strip)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Quad<T> pivot = strip.A;
        Quad<T> b = strip.B - pivot, c = strip.C - pivot, d = strip.D - pivot, e = strip.E - pivot;
        Quad<T> f = strip.F - pivot, g = strip.G - pivot, h = strip.H - pivot;
        T eight = Two<T>() * Two<T>() * Two<T>();
        Quad<T> mean = (b + (c + d) + ((e + f) + (g + h))) * Quad<T>.Splat(T.One / eight);
        sums.First = pivot + mean;
        sums.Second = mean * mean;
        sums.Second = WithSquare(sums.Second, b - mean);
        sums.Second = WithSquare(sums.Second, c - mean);
        sums.Second = WithSquare(sums.Second, d - mean);
        sums.Second = WithSquare(sums.Second, e - mean);
        sums.Second = WithSquare(sums.Second, f - mean);
        sums.Second = WithSquare(sums.Second, g - mean);
        sums.Second = WithSquare(sums.Second, h - mean);
        return sums;
    }

    public static (T First, T Second) Combine<T>(ArrayView<T> first, ArrayView<T> second, int column, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T pivot = first[column];
        T sum = T.Zero, squares = T.Zero, within = T.Zero;
        for (int place = column; place < column + (IEpilogue.Strips * step); place += 4 * step)
        {
            sum += first[place] - pivot + (first[place + step] - pivot)
                + (first[place + (2 * step)] - pivot + (first[place + (3 * step)] - pivot));
            within += second[place] + second[place + step] + (second[place + (2 * step)] + second[place + (3 * step)]);
        }

        T eight = Two<T>() * Two<T>() * Two<T>();
        T mean = sum / (eight + eight);
        for (int place = column; place < column + (IEpilogue.Strips * step); place += 2 * step)
        {
            T a = first[place] - pivot - mean, b = first[place + step] - pivot - mean;
            squares = Real.Fma(a, a, Real.Fma(b, b, squares));
        }

        return (pivot + mean, Real.Fma(eight, squares, within));
    }

    private static Quad<T> WithSquare<T>(Quad<T> sum, Quad<T> value)
        where T : unmanaged, INumber<T> => Quad<T>.Fma(value, value, sum);

    private static T Two<T>()
        where T : unmanaged, INumber<T> => T.One + T.One;
}

/// <summary>
/// For a gradient behind a batch normalisation with ReLU: sums of g, the gradient before the ReLU, and of g (x - mean). Beside the outputs
/// lies x; channels hold mean, rstd, scale and shift.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct RectifiedGradients : IBackwardEpilogue
{
    public static bool HasSums => true;

    public static bool ReadsBeside => true;

    public static StripSums<T> Begin<T>(ArrayView<T> channels, int column, int columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArrayView<Quad<T>> quads = channels.Cast<Quad<T>>();
        return new()
        {
            Forward = new()
            {
                Mean = Real.Load(quads, column >> 2),
                Scale = Real.Load(quads, ((2 * columns) + column) >> 2),
                Shift = Real.Load(quads, ((3 * columns) + column) >> 2),
            },
        };
    }

    public static StripSums<T> With<T>(StripSums<T> sums, Quad<T> value, Quad<T> beside)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Quad<T> deviation = beside - sums.Forward.Mean;
        Quad<T> before = Quad<T>.Fma(deviation, sums.Forward.Scale, sums.Forward.Shift);
        Quad<T> g = Rectifier.Gradient<T, Quad<T>>(before, value);
        sums.First += g;
        sums.Second = Quad<T>.Fma(g, deviation, sums.Second);
        return sums;
    }

    public static StripSums<T> End<T>(StripSums<T> sums, in Strip<T> strip)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => sums;

    public static (T First, T Second) Combine<T>(ArrayView<T> first, ArrayView<T> second, int column, int step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T sum = T.Zero, product = T.Zero;
        for (int place = column; place < column + (IEpilogue.Strips * step); place += 4 * step)
        {
            sum += first[place] + first[place + step] + (first[place + (2 * step)] + first[place + (3 * step)]);
            product += second[place] + second[place + step] + (second[place + (2 * step)] + second[place + (3 * step)]);
        }

        return (sum, product);
    }
}
