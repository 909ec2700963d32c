using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec AdversarialInput => new()
    {
        Name = nameof(Ops.AdversarialInput),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Normalization n = Normalization(draw, shape.C);
            return new()
            {
                Geometry = $"{shape}",
                Operands =
                [
                    new("x", shape, Role.Activation, draw.Uniform(shape.Count, 0, 1)),
                    new("delta", shape, Role.Activation, draw.Uniform(shape.Count, -0.25, 0.25)),
                    new("z", shape, Role.Activation),
                ],
                NaNs = ["x", "delta"],
                Run = scope =>
                {
                    Ops.AdversarialInput(scope["z"], scope["x"], scope["delta"], n);
                    return null;
                },
                Reference = arguments => new() { ["z"] = NormalizedSum(shape, arguments["x"], Exact(arguments["delta"]), n) },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.AdversarialInput(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 3), Activation(tape, 1, 1, 2, 2), Unit(1))),
            ("other channels", tape => Ops.AdversarialInput(
                Activation(tape, 1, 3, 2, 2), Activation(tape, 1, 3, 2, 2), Activation(tape, 1, 3, 2, 2), Unit(2))),
        ],
    };

    private static Normalization Unit(int channels) => new()
    {
        Mean = new double[channels],
        Std = [.. Enumerable.Repeat(1.0, channels)],
    };

    /// <summary>Images have few channels; the batch may be larger than elsewhere.</summary>
    private static Shape Images(Draw draw)
    {
        while (true)
        {
            Shape shape = new(draw.Between(1, 9), draw.Pick(1, 3, 3, 3, 4, 16), draw.Extent(), draw.Extent());
            if (shape.Count <= draw.Budget)
                return shape;
        }
    }

    private static Normalization Normalization(Draw draw, int channels) => new()
    {
        Mean = draw.Uniform(channels, 0.25, 0.75),
        Std = draw.Integers
            ? [.. Enumerable.Range(0, channels).Select(_ => draw.Pick(0.25, 0.5, 1.0))]
            : draw.Uniform(channels, 0.1, 0.5),
    };

    private static Scaled[] NormalizedSum(Shape shape, double[] x, Scaled[] delta, Normalization n)
    {
        Scaled[] z = new Scaled[x.Length];
        for (int i = 0; i < z.Length; i++)
        {
            int c = i / shape.Pixels % shape.C;
            z[i] = (x[i] + delta[i] - Scaled.Rounded(n.Mean[c])) / Scaled.Rounded(n.Std[c]);
        }

        return z;
    }
}
