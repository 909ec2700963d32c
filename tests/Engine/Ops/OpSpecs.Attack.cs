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

    private static OpSpec AdversarialInputGradient => new()
    {
        Name = nameof(Ops.AdversarialInputGradient),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Normalization n = Normalization(draw, shape.C);
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("dz", shape, Role.Activation, draw.Values(shape)), new("ddelta", shape, Role.Activation)],
                NaNs = ["dz"],
                Run = scope =>
                {
                    Ops.AdversarialInputGradient(scope["dz"], n, scope["ddelta"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["ddelta"] = [.. arguments["dz"].Select((g, i) => (Scaled)g / Scaled.Rounded(n.Std[i / shape.Pixels % shape.C]))],
                },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.AdversarialInputGradient(Activation(tape, 1, 1, 2, 2), Unit(1), Activation(tape, 1, 1, 2, 3))),
            ("other channels", tape => Ops.AdversarialInputGradient(Activation(tape, 1, 3, 2, 2), Unit(2), Activation(tape, 1, 3, 2, 2))),
        ],
    };

    private static OpSpec LinfStep => new()
    {
        Name = nameof(Ops.LinfStep),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Normalization n = Normalization(draw, shape.C);
            (double epsilon, double alpha) = draw.Integers ? (0.25, draw.Pick(0.125, 0.5)) : (8.0 / 255, draw.Pick(2.0 / 255, 10.0 / 255));
            bool freezes = draw.Chance(0.5);
            LinfBall ball = new() { Epsilon = epsilon, Alpha = alpha, ClampPixels = draw.Chance(0.8) };
            return new()
            {
                Geometry = $"{shape}, {ball}{(freezes ? ", some frozen" : "")}",
                Operands =
                [
                    new("dz", shape, Role.Activation, draw.Values(shape)),
                    new("x", shape, Role.Activation, draw.Uniform(shape.Count, 0, 1)),
                    new("delta", shape, Role.Activation, draw.Uniform(shape.Count, -epsilon, epsilon)),
                    new("z", shape, Role.Activation),
                    new("magnitude", new(shape.N, 1), Role.PerImage),
                    .. freezes ? new[] { new Operand("active", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 2)) } : [],
                ],
                NaNs = [],
                Run = scope =>
                {
                    Ops.LinfStep(
                        scope.Tape, scope["dz"], scope["x"], scope["delta"], scope["z"], ball, n, scope["magnitude"],
                        freezes ? scope["active"] : null);
                    return null;
                },
                Reference = arguments => SignedStep(shape, arguments, ball, n, freezes),
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.LinfStep(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 3), Activation(tape, 1, 1, 2, 2),
                Activation(tape, 1, 1, 2, 2), new LinfBall { Epsilon = 0.1, Alpha = 0.1 }, Unit(1), Plain(tape, 1, 1))),
            ("negative epsilon", tape => Ops.LinfStep(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2),
                Activation(tape, 1, 1, 2, 2), new LinfBall { Epsilon = -0.1, Alpha = 0.1 }, Unit(1), Plain(tape, 1, 1))),
        ],
    };

    private static Dictionary<string, Scaled[]> SignedStep(Shape shape, Arguments arguments, LinfBall ball, Normalization n, bool freezes)
    {
        (double[] dz, double[] x, double[] delta) = (arguments["dz"], arguments["x"], arguments["delta"]);
        int image = (int)(shape.Count / shape.N);
        Scaled[] next = new Scaled[dz.Length];
        Sum[] magnitude = new Sum[shape.N];
        for (int i = 0; i < dz.Length; i++)
        {
            magnitude[i / image].Add(Math.Abs(dz[i]));
            Scaled step = (Scaled)delta[i] + (Math.Sign(dz[i]) * Scaled.Rounded(ball.Alpha));
            step = Clamp(step, 0 - Scaled.Rounded(ball.Epsilon), Scaled.Rounded(ball.Epsilon));
            step = ball.ClampPixels ? Clamp(step, 0 - (Scaled)x[i], 1 - (Scaled)x[i]) : step;
            next[i] = freezes && arguments["active"][i / image] == 0 ? delta[i] : step;
        }

        return new() { ["delta"] = next, ["z"] = NormalizedSum(shape, x, next, n), ["magnitude"] = Totals(magnitude) };
    }

    private static OpSpec InitializeDelta => new()
    {
        Name = nameof(Ops.InitializeDelta),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            DeltaInit kind = draw.Pick(DeltaInit.Zero, DeltaInit.Uniform, DeltaInit.Uniform, DeltaInit.Normal, DeltaInit.Bernoulli);
            double tau = draw.Integers ? 0.25 : draw.Pick(8.0 / 255, 0.5);
            bool clamp = draw.Chance(0.5);
            RandomKey key = new((ulong)draw.Between(0, 1 << 30), Purpose.Delta, draw.Between(0, 99), draw.Between(0, 99));
            double[]? numbers = draw.Chance(0.5) ? draw.Indices(shape.N, 1 << 30) : null;
            return new()
            {
                Geometry = $"{kind} {shape}, tau {tau}{(clamp ? ", clamped" : "")}, {key}{(numbers is null ? "" : ", by images")}",
                Operands =
                [
                    new("x", shape, Role.Activation, draw.Uniform(shape.Count, 0, 1)), new("delta", shape, Role.Activation),
                    .. numbers is null ? [] : new[] { new Operand("images", new(shape.N, 1), Role.Index, numbers) },
                ],
                // Box and Muller's numbers are not representable.
                Inexact = kind == DeltaInit.Normal ? ["delta"] : [],
                Run = scope =>
                {
                    Ops.InitializeDelta(scope["delta"], scope["x"], kind, tau, clamp, key, scope.Find("images"));
                    return null;
                },
                Reference = arguments => new()
                {
                    ["delta"] = Map(arguments["x"], Starts(kind, key, shape, numbers), (x, start) =>
                    {
                        // The engine promises 3e-6 for the normal distribution, which it draws in integer arithmetic.
                        Scaled delta = start * Scaled.Rounded(tau);
                        delta = kind == DeltaInit.Normal ? delta with { Scale = 3e-6 * tau / (8 * draw.Unit) } : delta;
                        return clamp ? Clamp(delta, 0 - (Scaled)x, 1 - (Scaled)x) : delta;
                    }),
                },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.InitializeDelta(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 3), DeltaInit.Uniform, 0.1, true, default)),
            ("a number too few", tape => Ops.InitializeDelta(
                Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 2), DeltaInit.Uniform, 0.1, true, default,
                Plain(tape, 1, 1, type: ElementType.Int32))),
            ("negative tau", tape => Ops.InitializeDelta(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), DeltaInit.Uniform, -0.1, true, default)),
        ],
    };

    /// <summary>
    /// The number of element i: word i % 4 of block i / 4; normal numbers are the cosine and the sine (Box and Muller) of words X, Y
    /// and of words Z, W.
    /// </summary>
    private static double Start(DeltaInit kind, RandomKey key, int i)
    {
        uint word = Philox.Word(key, i);
        UInt4 words = Philox.Words(key, (uint)i / 4);
        (uint radius, uint angle) = i % 4 < 2 ? (words.X, words.Y) : (words.Z, words.W);
        double turn = 2 * Math.PI * angle / 4294967296.0;
        return kind switch
        {
            DeltaInit.Uniform => (2.0 * Philox.Uniform(word)) - 1,
            DeltaInit.Bernoulli => word >= 0x8000_0000u ? 1 : -1,
            DeltaInit.Normal => Math.Sqrt(-2 * Math.Log((radius + 1.0) / 4294967296.0)) * (i % 2 == 0 ? Math.Cos(turn) : Math.Sin(turn)),
            _ => 0,
        };
    }

    private static double[] Starts(DeltaInit kind, RandomKey key, Shape shape, double[]? numbers)
    {
        int image = shape.C * shape.Pixels;
        IEnumerable<int> elements = Enumerable.Range(0, (int)shape.Count);
        return numbers is null
            ? [.. elements.Select(i => Start(kind, key, i))]
            : [.. elements.Select(i => Start(kind, key with { Epoch = (int)numbers[i / image] }, i % image))];
    }

    private static Scaled Clamp(Scaled v, Scaled low, Scaled high) => new(
        Math.Clamp(v.Value, low.Value, high.Value), Math.Max(v.Scale, Math.Max(low.Scale, high.Scale)));

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
