using Deat.Engine;

namespace Deat.Tests;

/// <summary>Compares an op's gradients with central differences of its own forward pass, in binary64.</summary>
internal static class GradientCheck
{
    private const int AllBelow = 100;
    private const int Sampled = 40;
    private const double Tolerance = 1e-6;

    public static void Run(OpSpec spec, ComputeDevice device, int seed)
    {
        // Odd seeds draw real numbers; integers would sit on kinks.
        Draw draw = new((2 * seed) + 1, ElementType.Float64, budget: 200);
        OpCase @case = spec.Draw(draw);
        double[] dy = draw.Values(@case.Result!.Value);
        Dictionary<string, double[]> results = OpExecution.Run(@case, device, draw, dy, Wanted.Both);
        foreach (Operand operand in @case.Operands.Where(o => o.Role is Role.Input or Role.Parameter))
        {
            double[] gradient = results["d" + operand.Name];
            double scale = Math.Max(1, gradient.Max(Math.Abs));
            foreach (double[] direction in Directions(operand.Values!.Length, draw))
            {
                double analytic = gradient.Zip(direction, (g, d) => g * d).Sum();
                double Difference(double step) => (Loss(operand, direction, step) - Loss(operand, direction, -step)) / (2 * step);

                // A kink between the two points shows at one step and not at the other; a wrong gradient shows at both.
                double error = Math.Min(Math.Abs(Difference(1e-5) - analytic), Math.Abs(Difference(1e-6) - analytic));
                if (!(error <= Tolerance * scale))
                {
                    throw new CheckFailedException(
                        $"{spec.Title} on {TestDevices.IdOf(device)}, gradient of {operand.Name}, seed {seed}, {@case.Geometry}: "
                        + $"analytic {analytic:R}, by differences {Difference(1e-5):R}");
                }
            }
        }

        double Loss(Operand operand, double[] direction, double step)
        {
            double[] moved = [.. operand.Values!.Zip(direction, (v, d) => v + (step * d))];
            OpCase at = @case with { Operands = [.. @case.Operands.Select(o => o == operand ? o with { Values = moved } : o)] };
            return OpExecution.Run(at, device, draw, null, Wanted.None)["y"].Zip(dy, (y, d) => y * d).Sum();
        }
    }

    // Every coordinate of a small tensor; of a large one some, and three random directions.
    private static IEnumerable<double[]> Directions(int count, Draw draw)
    {
        double[] Unit(int i)
        {
            double[] direction = new double[count];
            direction[i] = 1;
            return direction;
        }

        if (count <= AllBelow)
            return Enumerable.Range(0, count).Select(Unit);
        return Enumerable.Range(0, Sampled).Select(_ => Unit(draw.Between(0, count - 1)))
            .Concat(Enumerable.Range(0, 3).Select(_ => draw.Values(count, 1 / Math.Sqrt(count))));
    }
}
