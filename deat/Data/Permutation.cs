using Deat.Engine;

namespace Deat.Training;

/// <summary>Random orders that are a pure function of their key.</summary>
internal static class Permutation
{
    /// <summary>A permutation of 0 .. <paramref name="count"/> - 1 (Fisher and Yates; each draw uniform to 2^-32).</summary>
    public static int[] Of(int count, RandomKey key)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
            order[i] = i;
        Shuffle(order, key);
        return order;
    }

    /// <summary>Puts <paramref name="items"/> into the order that <paramref name="key"/> stands for.</summary>
    public static void Shuffle(Span<int> items, RandomKey key)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Philox.Below(Philox.Word(key, i), i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
