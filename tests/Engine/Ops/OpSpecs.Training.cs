using Deat.Engine;

namespace Deat.Tests;

/// <summary>What training does beside attacks and steps of the optimizer.</summary>
internal static partial class OpSpecs
{
    private static OpSpec AddTo => new()
    {
        Name = nameof(Ops.AddTo),
        Draw = draw =>
        {
            Shape shape = Flat(draw);
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("sum", shape, Role.Plain, draw.Values(shape)), new("term", shape, Role.Plain, draw.Values(shape))],
                NaNs = ["sum", "term"],
                Run = scope =>
                {
                    Ops.AddTo(scope["sum"], scope["term"]);
                    return null;
                },
                Reference = arguments => new() { ["sum"] = Map(arguments["sum"], arguments["term"], (a, b) => (Scaled)a + b) },
            };
        },
        Errors = [("two sizes", tape => Ops.AddTo(Plain(tape, 1, 8), Plain(tape, 1, 9)))],
    };

    private static OpSpec Exchange => new()
    {
        Name = nameof(Ops.Exchange),
        Draw = draw =>
        {
            Shape shape = Flat(draw);
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("a", shape, Role.Plain, draw.Values(shape)), new("b", shape, Role.Plain, draw.Values(shape))],
                NaNs = ["a", "b"],
                Run = scope =>
                {
                    Ops.Exchange(scope["a"], scope["b"]);
                    return null;
                },
                Reference = arguments => new() { ["a"] = Exact(arguments["b"]), ["b"] = Exact(arguments["a"]) },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.Exchange(Plain(tape, 1, 3), Plain(tape, 3, 1))),
            ("a border", tape => Ops.Exchange(Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2))),
        ],
    };

    private static OpSpec MoveAverage => new()
    {
        Name = nameof(Ops.MoveAverage),
        Draw = draw =>
        {
            Shape shape = Flat(draw);
            double share = draw.Integers ? draw.Pick(0, 0.5, 0.25, 1) : draw.Pick(0.001, 0.1, 1.0 / 3, 1);
            return new()
            {
                Geometry = $"{shape}, share {share}",
                Operands = [new("average", shape, Role.Plain, draw.Values(shape)), new("w", shape, Role.Plain, draw.Values(shape))],
                NaNs = ["average", "w"],
                Run = scope =>
                {
                    Ops.MoveAverage(scope["average"], scope["w"], share);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["average"] = Map(arguments["average"], arguments["w"], (a, w) => a + (Scaled.Rounded(share) * ((Scaled)w - a))),
                },
            };
        },
        Errors =
        [
            ("two sizes", tape => Ops.MoveAverage(Plain(tape, 1, 8), Plain(tape, 1, 9), 0.5)),
            ("a share of more than all", tape => Ops.MoveAverage(Plain(tape, 1, 8), Plain(tape, 1, 8), 1.5)),
            ("a border", tape => Ops.MoveAverage(Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), 0.5)),
        ],
    };

    private static OpSpec StandStill => new()
    {
        Name = nameof(Ops.StandStill),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Normalization n = Normalization(draw, shape.C);
            double epsilon = draw.Integers ? 0.25 : draw.Held(8.0 / 255);
            double scale = draw.Integers ? draw.Pick(1.0, 4.0) : shape.N;
            double limit = draw.Integers ? draw.Pick(0.0, 16.0, 1000.0) : draw.Pick(0.0, 0.5, 5.0, 50.0);
            double[] dz = draw.Values(shape);
            // Corners that the gradient points to meet the condition exactly.
            bool isCorner = draw.Chance(0.3);
            double[] delta = isCorner ? [.. dz.Select(g => Math.Sign(g) * epsilon)] : draw.Uniform(shape.Count, -epsilon, epsilon);
            return new()
            {
                Geometry = $"{shape}, epsilon {epsilon}, scale {scale}, limit {limit}{(isCorner ? ", at corners" : "")}",
                Operands =
                [
                    new("dz", shape, Role.Activation, dz),
                    new("delta", shape, Role.Activation, delta),
                    new("criterion", new(shape.N, 1), Role.PerImage),
                    new("lives", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 3)),
                ],
                NaNs = ["dz", "delta"],
                Run = scope =>
                {
                    Ops.StandStill(
                        scope.Tape, scope["dz"], scope["delta"], epsilon, n, scale, limit, scope["criterion"], scope["lives"]);
                    return null;
                },
                Reference = arguments => Stationary(shape, arguments, epsilon, n, scale, limit),
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.StandStill(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 3), 0.1, Unit(1), 1, 0, Plain(tape, 1, 1),
                Plain(tape, 1, 1, type: ElementType.Int32))),
            ("lives of another batch", tape => Ops.StandStill(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), 0.1, Unit(1), 1, 0, Plain(tape, 1, 1),
                Plain(tape, 2, 1, type: ElementType.Int32))),
            ("a negative limit", tape => Ops.StandStill(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), 0.1, Unit(1), 1, -1, Plain(tape, 1, 1),
                Plain(tape, 1, 1, type: ElementType.Int32))),
        ],
    };

    private static Dictionary<string, Scaled[]> Stationary(
        Shape shape, Arguments arguments, double epsilon, Normalization n, double scale, double limit)
    {
        (double[] dz, double[] delta) = (arguments["dz"], arguments["delta"]);
        int image = (int)(shape.Count / shape.N);
        Sum[] sums = new Sum[shape.N];
        for (int i = 0; i < dz.Length; i++)
        {
            Scaled gradient = dz[i] / Scaled.Rounded(n.Std[i / shape.Pixels % shape.C]);
            Scaled room = dz[i] < 0 ? (Scaled)epsilon + delta[i] : (Scaled)epsilon - delta[i];
            sums[i / image].Add(new Scaled(Math.Abs(gradient.Value), gradient.Scale) * room);
        }

        Scaled[] criterion = [.. Totals(sums).Select(sum => scale * sum)];
        return new()
        {
            ["criterion"] = criterion,
            ["lives"] = [.. criterion.Zip(arguments["lives"], (c, lives) => (Scaled)(c.Value <= limit ? 0 : lives))],
        };
    }

    private static OpSpec PerturbLayers => new()
    {
        Name = nameof(Ops.PerturbLayers),
        Draw = draw =>
        {
            Shape shape = new(1, 16 * draw.Between(2, 600));
            (int Start, int Length)[] layers = Layers(draw, (int)shape.Count);
            double gamma = draw.Pick(0.005, 0.01, 1);
            double[] gradients = draw.Values(shape);
            if (draw.Chance(0.2))
                gradients.AsSpan(layers[0].Start, layers[0].Length).Clear();
            return new()
            {
                Geometry = $"{shape}, layers {string.Join(", ", layers)}, gamma {gamma}",
                Operands = [new("w", shape, Role.Plain, draw.Values(shape)), new("g", shape, Role.Plain, gradients)],
                Inexact = ["w"],
                NaNs = [],
                Run = scope =>
                {
                    Ops.PerturbLayers(scope.Tape, scope["w"], scope["g"], new WeightLayers(scope.Tape, layers), gamma);
                    return null;
                },
                Reference = arguments =>
                {
                    Scaled[] w = Exact(arguments["w"]);
                    foreach ((int start, int length) in layers)
                    {
                        Scaled scale = LayerScale(arguments["w"][start..(start + length)], arguments["g"][start..(start + length)], gamma);
                        for (int i = start; i < start + length; i++)
                            w[i] = (scale * arguments["g"][i]) + w[i];
                    }

                    return new() { ["w"] = w };
                },
            };
        },
        Errors =
        [
            ("two sizes", tape => Ops.PerturbLayers(
                tape, Plain(tape, 1, 8), Plain(tape, 1, 9), new WeightLayers(tape, [(0, 4)]), 0.1)),
            ("a layer outside", tape => Ops.PerturbLayers(
                tape, Plain(tape, 1, 8), Plain(tape, 1, 8), new WeightLayers(tape, [(6, 4)]), 0.1)),
        ],
    };

    // Some neighbours, some with room between them, some of one weight.
    private static (int Start, int Length)[] Layers(Draw draw, int count)
    {
        List<(int, int)> layers = [];
        for (int start = draw.Pick(0, 16); start < count; start += draw.Pick(0, 16))
        {
            int length = Math.Min(count - start, draw.Pick(1, 16, 16 * draw.Between(1, 400)));
            layers.Add((start, length));
            start += (length + 15) / 16 * 16;
        }

        return [.. layers];
    }

    private static Scaled LayerScale(double[] w, double[] g, double gamma)
    {
        Sum ofWeights = default, ofGradients = default;
        foreach ((double a, double b) in w.Zip(g))
        {
            ofWeights.Add(a * a);
            ofGradients.Add(b * b);
        }

        Scaled squared = ofGradients;
        return squared.Value == 0 ? 0 : Scaled.Rounded(gamma) * Scaled.Sqrt(ofWeights) / Scaled.Sqrt(ofGradients);
    }

    private static Shape Flat(Draw draw) =>
        new(1, draw.Pick(draw.Between(1, 40), 16 * draw.Between(1, 40), draw.Between(4000, 9000), 4096));
}
