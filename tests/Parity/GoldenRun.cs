using Deat.Engine;

namespace Deat.Tests;

/// <summary>Runs cases whose expected results are golden.</summary>
internal static class GoldenRun
{
    /// <summary>By how much a weight is changed where a comparison must fail.</summary>
    public const double Change = 1e-3;

    /// <summary>Runs a case forwards and, with the golden upstream gradient, backwards, and compares all that is golden.</summary>
    public static void Compare(Deviations deviations, OpCase @case, GoldenFile file, ComputeDevice device, ElementType type)
    {
        string upstream = @case.Geometry + "/dy";
        double[] dy = file.Holds(upstream) ? file[upstream] : [1];
        Dictionary<string, double[]> actual = OpExecution.Run(@case, device, new Draw(0, type), dy, Wanted.Both);
        foreach ((string name, Scaled[] golden) in @case.Reference(new Arguments(actual)))
        {
            // The gradient magnitude of images is golden as their sum.
            double[] values = golden.Length == 1 ? [actual[name].Sum()] : actual[name];
            deviations.Add($"{@case.Geometry}/{name}", values, [.. golden.Select(value => value.Value)]);
        }
    }

    /// <summary>
    /// The same case with one element changed: the middle one of the first parameter, or of the weights that an optimizer gets. Null
    /// if that element has no gradient in the case (behind a ReLU, say), so that the change need not show.
    /// </summary>
    public static OpCase? ChangeWeight(OpCase @case, GoldenFile file)
    {
        Operand weights = @case.Operands.FirstOrDefault(o => o.Role == Role.Parameter) ?? @case.Operands[0];
        double[] values = [.. weights.Values!];
        int changed = values.Length / 2;
        values[changed] += Change;
        string gradient = $"{@case.Geometry}/d{weights.Name}";
        return file.Holds(gradient) && file[gradient][changed] == 0
            ? null
            : @case with { Operands = [.. @case.Operands.Select(o => o == weights ? o with { Values = values } : o)] };
    }
}
