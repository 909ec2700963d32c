using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Numbers that follow from a seed.</summary>
public static class RandomNumbers
{
    /// <summary>In [0, 1).</summary>
    public static float[] Pixels(long count, ulong seed)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Philox.Uniform(Philox.Word(new RandomKey(seed, Purpose.Data), i));
        return values;
    }

    /// <summary>In [-1, 1).</summary>
    public static float[] Signed(long count, ulong seed) => Array.ConvertAll(Pixels(count, seed), value => (2 * value) - 1);
}
