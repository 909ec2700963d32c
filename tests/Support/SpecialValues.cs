using Deat.Engine;

namespace Deat.Tests;

/// <summary>
/// NaN, infinities and -0 in every operand of an op. They must arrive where the CPU accelerator has them, whose comparisons are those of
/// the C# text (OpenCL's are not: see engine/Kernels/README.md), and there where binary64 has them, which takes no vectors. Other numbers
/// agree roughly: a comparison that went the wrong way shows, and rounding is checked elsewhere.
/// </summary>
internal static class SpecialValues
{
    private const int Budget = 400;
    private const double Tolerance = 1e-3;

    public static void Run(OpSpec spec, ComputeDevice device, int seed)
    {
        // Odd seeds draw real numbers.
        int number = (2 * seed) + 1;
        Draw draw = new(number, budget: Budget);
        OpCase @case = spec.Draw(draw);
        double[] kinds = draw.Pick<double[]>(
            [double.NaN], [double.NaN], [double.PositiveInfinity], [double.NegativeInfinity], [-0.0],
            [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0]);
        @case = @case with { Operands = [.. @case.Operands.Select(operand => Plant(operand, kinds, draw))] };
        double[]? dy = @case.Result is Shape shape ? draw.Values(shape) : null;
        ComputeDevice cpu = TestDevices.Get("cpu");
        Draw other = device == cpu ? new Draw(number, ElementType.Float64) : draw;
        Dictionary<string, double[]> expected = OpExecution.Run(@case, cpu, other, dy, Wanted.Both);
        Dictionary<string, double[]> actual = OpExecution.Run(@case, device, draw, dy, Wanted.Both);
        double tolerance = Tolerance * expected.Values.SelectMany(values => values).Where(double.IsFinite).Select(Math.Abs).Append(1).Max();
        foreach ((string name, double[] values) in expected)
        {
            int wrong = values.Zip(actual[name]).ToList().FindIndex(pair => !Agree(pair.Second, pair.First, tolerance, @case));
            if (wrong >= 0)
            {
                throw new CheckFailedException(
                    $"{spec.Title} on {TestDevices.IdOf(device)}, seed {seed} ({draw.Type}), {@case.Geometry}, with "
                    + $"{string.Join(", ", kinds)}: {name}[{wrong}] is {actual[name][wrong]:R}, expected {values[wrong]:R}");
            }
        }
    }

    private static bool Agree(double actual, double expected, double tolerance, OpCase @case) => double.IsFinite(expected)
        ? Math.Abs(actual - expected) <= tolerance
        : actual.Equals(expected) || (@case.InfinityOpen is not null && !double.IsFinite(actual));

    // In one element, or in some of each image.
    private static Operand Plant(Operand operand, double[] kinds, Draw draw)
    {
        if (operand.Values is null || operand.Role is Role.Index or Role.Bytes || draw.Chance(0.4))
            return operand;
        double[] values = [.. operand.Values];
        for (int left = draw.Pick(1, 1 + (values.Length / 8)); left > 0; left--)
            values[draw.Between(0, values.Length - 1)] = draw.Pick<double>(kinds);
        return operand with { Values = values };
    }
}
