namespace Deat.Training;

/// <summary>Parts of a set in which every class keeps its share.</summary>
internal static class Strata
{
    /// <summary>The positions of each class in <paramref name="labels"/>, ascending.</summary>
    public static int[][] Members(ReadOnlySpan<int> labels, int classes)
    {
        List<int>[] members = new List<int>[classes];
        for (int c = 0; c < classes; c++)
            members[c] = [];
        for (int i = 0; i < labels.Length; i++)
            members[labels[i]].Add(i);
        return Array.ConvertAll(members, m => m.ToArray());
    }

    /// <summary>
    /// How many of <paramref name="wanted"/> items come from each class. Member i of a class of n stands at (i + 1/2) / n; the
    /// first items in that order are taken, the lower class first where two stand level. Each class therefore gets its share to
    /// within one item, and with equal classes the shares differ by at most one.
    /// </summary>
    public static int[] Shares(IReadOnlyList<int> classSizes, int wanted)
    {
        int[] shares = new int[classSizes.Count];
        for (int taken = 0; taken < wanted; taken++)
        {
            int best = -1;
            double bestPlace = double.PositiveInfinity;
            for (int c = 0; c < shares.Length; c++)
            {
                double place = shares[c] < classSizes[c] ? (shares[c] + 0.5) / classSizes[c] : double.PositiveInfinity;
                if (place < bestPlace)
                    (best, bestPlace) = (c, place);
            }

            if (best < 0)
                break;
            shares[best]++;
        }

        return shares;
    }

    /// <summary>The first <paramref name="wanted"/> positions, each class with its share, ascending.</summary>
    public static int[] Prefix(int[][] members, int wanted)
    {
        int[] shares = Shares(Array.ConvertAll(members, m => m.Length), wanted);
        List<int> chosen = new(wanted);
        for (int c = 0; c < members.Length; c++)
            chosen.AddRange(members[c].AsSpan(0, shares[c]));
        chosen.Sort();
        return [.. chosen];
    }
}
