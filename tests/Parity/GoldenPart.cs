using Deat.Engine;
using Deat.Nn;

namespace Deat.Tests;

/// <summary>Large tensors of golden files: every 29th element, and the sum and the sum of squares of all.</summary>
internal static class GoldenPart
{
    private const int Stride = 29;

    public static double[] Values(NamedArray entry) =>
        entry.Type == ElementType.Int64 ? [.. entry.ToInt64s().Select(value => (double)value)] : entry.ToDoubles();

    public static void Compare(Deviations deviations, GoldenFile file, string name, double[] values)
    {
        deviations.Add(name, [.. values.Where((_, i) => i % Stride == 0)], file[$"weights/{name}"]);
        if (!file.Holds($"sums/{name}"))
            return;
        double[] golden = file[$"sums/{name}"];
        double squares = values.Sum(value => value * value);
        // A sum can be small where its terms are not.
        deviations.Add($"sum of {name}", [values.Sum()], golden[..1], Math.Sqrt(values.Length * golden[1]));
        deviations.Add($"squares of {name}", [squares], golden[1..]);
    }
}
