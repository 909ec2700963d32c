using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec AlignmentProbes => new()
    {
        Name = nameof(Ops.AlignmentProbes),
        Draw = draw =>
        {
            // Few numbers may be parallel by chance, and then 1 - cos^2 is all rounding.
            Shape shape = Images(draw);
            while (shape.Count < 8 * shape.N)
                shape = Images(draw);
            Normalization n = Normalization(draw, shape.C);
            (double radius, double strength) = (draw.Pick(0.25, 0.001), draw.Pick(1, 0.2));
            double[] a = draw.Values(shape);
            double[] b = [.. draw.Values(shape).Zip(a, (other, own) => draw.Held(other + (draw.Integers ? 0 : own)))];
            int image = (int)(shape.Count / shape.N);
            if (draw.Chance(0.2))
                (draw.Chance(0.5) ? a : b).AsSpan(0, image).Clear();
            return new()
            {
                Geometry = $"{shape}, radius {radius}, strength {strength}",
                Operands =
                [
                    new("a", shape, Role.Activation, a),
                    new("b", shape, Role.Activation, b),
                    new("z", shape, Role.Activation, draw.Uniform(shape.Count, -2, 2)),
                    new("plus", shape, Role.Activation),
                    new("minus", shape, Role.Activation),
                    new("factors", new(2, 1), Role.PerImage),
                    new("cosine", new(shape.N, 1), Role.PerImage),
                ],
                Inexact = ["plus", "minus", "factors", "cosine"],
                NaNs = [],
                SharesScale = true,
                Factor = 64,
                Run = scope =>
                {
                    Ops.AlignmentProbes(
                        scope.Tape, scope["a"], scope["b"], scope["z"], n, radius, strength, scope["plus"], scope["minus"],
                        scope["factors"], scope["cosine"]);
                    return null;
                },
                Reference = arguments => Probes(shape, arguments, n, radius, strength),
            };
        },
        Errors =
        [
            ("two shapes", tape => Align(tape, radius: 1, Activation(tape, 1, 1, 2, 3), Plain(tape, 1, 1))),
            ("no radius", tape => Align(tape, radius: 0, Activation(tape, 1, 1, 2, 2), Plain(tape, 1, 1))),
            ("cosines of another batch", tape => Align(tape, radius: 1, Activation(tape, 1, 1, 2, 2), Plain(tape, 2, 1))),
        ],
    };

    private static void Align(Tape tape, double radius, Tensor b, Tensor cosine) => Ops.AlignmentProbes(
        tape, Activation(tape, 1, 1, 2, 2), b, Activation(tape, 1, 1, 2, 2), Unit(1), radius, 1, Activation(tape, 1, 1, 2, 2),
        Activation(tape, 1, 1, 2, 2), Plain(tape, 2, 1), cosine);

    /// <summary>In double precision from the definition; the error of a step is that of numbers of the size of z.</summary>
    private static Dictionary<string, Scaled[]> Probes(Shape shape, Arguments arguments, Normalization n, double radius, double strength)
    {
        int image = (int)(shape.Count / shape.N);
        double Std(int i) => n.Std[i / shape.Pixels % shape.C];
        double[] a = [.. arguments["a"].Select((v, i) => v / Std(i))];
        double[] b = [.. arguments["b"].Select((v, i) => v / Std(i))];
        double[] v = new double[a.Length];
        Scaled[] cosine = new Scaled[shape.N];
        double longest = 0;
        for (int k = 0; k < shape.N; k++)
        {
            double[] p = a[(k * image)..((k + 1) * image)], q = b[(k * image)..((k + 1) * image)];
            double norms = Math.Sqrt(p.Sum(x => x * x)) * Math.Sqrt(q.Sum(x => x * x)), squared = q.Sum(x => x * x);
            double cos = norms == 0 ? 1 : p.Zip(q, (x, y) => x * y).Sum() / norms;
            cosine[k] = new Scaled(cos, 1);
            for (int i = 0; i < image && norms > 0; i++)
                v[(k * image) + i] = ((cos * q[i] / squared) - (p[i] / norms)) / shape.N;
            longest = Math.Max(longest, norms == 0 ? 0 : Math.Sqrt(Math.Max(0, 1 - (cos * cos)) / squared) / shape.N);
        }

        double h = longest == 0 ? 0 : radius / longest;
        Scaled[] Moved(int sign) => [.. arguments["z"].Select((z, i) =>
            new Scaled(z + (sign * h * v[i] / Std(i)), Math.Abs(z) + (radius / Std(i))))];
        double factor = strength * longest / (2 * radius);
        return new()
        {
            ["plus"] = Moved(1),
            ["minus"] = Moved(-1),
            ["factors"] = [new Scaled(factor, factor), new Scaled(-factor, factor)],
            ["cosine"] = cosine,
        };
    }
}
