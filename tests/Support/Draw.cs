using Deat.Engine;

namespace Deat.Tests;

/// <summary>
/// One random case, a pure function of its seed. Even seeds are in integer mode: small integers (or fractions with a power of two
/// below), for which every right kernel gives the same, exact result. Odd seeds draw real numbers.
/// </summary>
internal sealed class Draw(int seed, ElementType? type = null, int budget = Draw.UsualBudget)
{
    public const int UsualBudget = 20_000;

    private static readonly int[] ChannelCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65];

    private readonly Random _random = new(seed);

    public bool Integers { get; } = seed % 2 == 0;

    public ElementType Type { get; } = type ?? (seed % 8 >= 6 ? ElementType.Float64 : ElementType.Float32);

    /// <summary>The rounding unit; for binary64, in which the references compute as well, twice that.</summary>
    public double Unit => Type == ElementType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -52);

    /// <summary>The smallest normal number: devices may take smaller ones for zero.</summary>
    public double Smallest => Type == ElementType.Float32 ? Math.ScaleB(1, -126) : Math.ScaleB(1, -1022);

    /// <summary>Whether one element of one input becomes NaN, to see where it arrives.</summary>
    public bool PlantsNaN { get; } = type is null && seed % 16 == 5;

    /// <summary>The most elements of a tensor, or the most multiply-adds.</summary>
    public int Budget { get; } = budget;

    /// <summary>A number of <paramref name="from"/> to <paramref name="to"/>.</summary>
    public int Between(int from, int to) => _random.Next(from, to + 1);

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[_random.Next(choices.Length)];

    public bool Chance(double probability) => _random.NextDouble() < probability;

    public int Images() => Between(1, 4);

    public int Channels() => ChannelCounts[_random.Next(ChannelCounts.Length)];

    /// <summary>Rows or columns: 1 to 12, now and then 32.</summary>
    public int Extent() => Chance(1.0 / 12) ? 32 : Between(1, 12);

    public Shape Activation()
    {
        while (true)
        {
            Shape shape = new(Images(), Channels(), Extent(), Extent());
            if (shape.Count <= Budget)
                return shape;
        }
    }

    /// <summary>Values for all elements: integers of -8..8, or normally distributed numbers as the element type holds them.</summary>
    public double[] Values(long count, double scale = 1, double offset = 0)
    {
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Integers ? Between(-8, 8) : Held(offset + (scale * Normal()));
        return values;
    }

    /// <inheritdoc cref="Values(long, double, double)"/>
    public double[] Values(Shape shape, double scale = 1, double offset = 0) => Values(shape.Count, scale, offset);

    /// <summary>Numbers of [from, to]; in integer mode multiples of 1/16.</summary>
    public double[] Uniform(long count, double from, double to)
    {
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
        {
            double value = from + ((to - from) * _random.NextDouble());
            values[i] = Integers ? Math.Round(value * 16) / 16 : Held(value);
        }

        return values;
    }

    public double[] Indices(long count, int below) => [.. Enumerable.Range(0, (int)count).Select(_ => (double)_random.Next(below))];

    public double[] Permutation(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        _random.Shuffle(order);
        return [.. order.Select(i => (double)i)];
    }

    /// <summary>The value rounded to the element type.</summary>
    public double Held(double value) => Type == ElementType.Float32 ? (float)value : value;

    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
