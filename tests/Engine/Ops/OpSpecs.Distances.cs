using Deat.Engine;

namespace Deat.Tests;

/// <summary>The ops of attacks that look for the least distance.</summary>
internal static partial class OpSpecs
{
    private static OpSpec NearerPlane => new()
    {
        Name = nameof(Ops.NearerPlane),
        Draw = draw =>
        {
            (int n, Shape shape) = PerImages(draw);
            double[] slopes = [.. draw.Values(n).Select((slope, i) => i % 7 == 0 ? 0 : Math.Abs(slope))];
            double[] distances = [.. draw.Values(n).Select((distance, i) => i % 5 == 0 ? double.PositiveInfinity : Math.Abs(distance))];
            return new()
            {
                Geometry = $"{n} images",
                Operands =
                [
                    new("margins", shape, Role.PerImage, draw.Values(n)), new("slopes", shape, Role.PerImage, slopes),
                    new("distances", shape, Role.PerImage, distances), new("nearer", shape, Role.Index),
                ],
                NaNs = ["margins"],
                Inexact = ["distances"],
                Run = scope =>
                {
                    Ops.NearerPlane(scope["margins"], scope["slopes"], scope["distances"], scope["nearer"]);
                    return null;
                },
                Reference = arguments =>
                {
                    Scaled[] found = [.. Enumerable.Range(0, n).Select(i => arguments["slopes"][i] == 0
                        ? double.PositiveInfinity : (Scaled)Math.Abs(arguments["margins"][i]) / arguments["slopes"][i])];
                    double[] before = arguments["distances"];
                    bool[] nearer = [.. found.Select((distance, i) => double.IsNaN(distance.Value) || distance.Value < before[i])];
                    return new()
                    {
                        ["distances"] = [.. found.Select((distance, i) => nearer[i] ? distance : before[i])],
                        ["nearer"] = [.. nearer.Select(isNearer => (Scaled)(isNearer ? 1 : 0))],
                    };
                },
            };
        },
        Errors =
        [
            ("a slope too few", tape => Ops.NearerPlane(
                Plain(tape, 2, 1), Plain(tape, 1, 1), Plain(tape, 2, 1), Plain(tape, 2, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec TanhStart => new()
    {
        Name = nameof(Ops.TanhStart),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            double[] before = draw.Values(shape);
            return new()
            {
                Geometry = $"{shape}",
                Operands =
                [
                    new("x", shape, Role.Activation, draw.Uniform(shape.Count, 0, 1)), new("w", shape, Role.Activation, before),
                    new("mean", shape, Role.Activation, before), new("square", shape, Role.Activation, before),
                    new("delta", shape, Role.Activation, before), new("active", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 2)),
                ],
                NaNs = [],
                Inexact = ["w", "delta"],
                Run = scope =>
                {
                    Ops.TanhStart(scope["x"], scope["w"], scope["mean"], scope["square"], scope["delta"], scope["active"]);
                    return null;
                },
                Reference = arguments => Started(shape, arguments),
            };
        },
        Errors =
        [
            ("memory of another shape", tape => Ops.TanhStart(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 3), Activation(tape, 1, 1, 2, 2),
                Activation(tape, 1, 1, 2, 2), Plain(tape, 1, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec TanhStep => new()
    {
        Name = nameof(Ops.TanhStep),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            TanhRule rule = new() { Step = draw.Pick(1, 2, 50) };
            double[] x = draw.Uniform(shape.Count, 0, 1);
            double[] w = draw.Uniform(shape.Count, -2, 2);
            return new()
            {
                Geometry = $"{shape}, step {rule.Step}",
                Operands =
                [
                    new("margins", new(shape.N, 1), Role.PerImage, draw.Values(shape.N)),
                    new("gradient", shape, Role.Activation, draw.Values(shape)),
                    new("constants", new(shape.N, 1), Role.PerImage, draw.Uniform(shape.N, 0, 8)),
                    new("x", shape, Role.Activation, x), new("w", shape, Role.Activation, w),
                    new("mean", shape, Role.Activation, draw.Values(shape)),
                    new("square", shape, Role.Activation, [.. draw.Values(shape).Select(v => v * v).Select(draw.Held)]),
                    new("delta", shape, Role.Activation, [.. draw.Uniform(shape.Count, 0, 1).Zip(x, (to, from) => draw.Held(to - from))]),
                    new("active", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 2)),
                ],
                NaNs = ["gradient"],
                Inexact = ["w", "mean", "square", "delta"],
                Factor = 16,
                Run = scope =>
                {
                    Ops.TanhStep(
                        scope["margins"], scope["gradient"], scope["constants"], scope["x"], scope["w"], scope["mean"], scope["square"],
                        scope["delta"], rule, scope["active"]);
                    return null;
                },
                Reference = arguments => Stepped(shape, arguments, rule),
            };
        },
        Errors =
        [
            ("a step before the first", tape => Ops.TanhStep(
                Plain(tape, 1, 1), Activation(tape, 1, 1, 2, 2), Plain(tape, 1, 1), Activation(tape, 1, 1, 2, 2),
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2),
                new TanhRule { Step = 0 }, Plain(tape, 1, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec NextConstant => new()
    {
        Name = nameof(Ops.NextConstant),
        Draw = draw =>
        {
            (int n, Shape shape) = PerImages(draw);
            double[] upper = [.. draw.Uniform(n, 1, 4).Select((bound, i) => i % 3 == 0 ? Ops.Unbounded : bound)];
            return new()
            {
                Geometry = $"{n} images",
                Operands =
                [
                    new("missed", shape, Role.Index, draw.Indices(n, 2)), new("lower", shape, Role.PerImage, draw.Uniform(n, 0, 1)),
                    new("upper", shape, Role.PerImage, upper), new("constants", shape, Role.PerImage, draw.Uniform(n, 1, 2)),
                ],
                NaNs = [],
                Run = scope =>
                {
                    Ops.NextConstant(scope["missed"], scope["lower"], scope["upper"], scope["constants"]);
                    return null;
                },
                Reference = arguments =>
                {
                    double[] constants = arguments["constants"];
                    double[] low = [.. constants.Select((c, i) => arguments["missed"][i] != 0 ? c : arguments["lower"][i])];
                    double[] high = [.. constants.Select((c, i) => arguments["missed"][i] != 0 ? arguments["upper"][i] : c)];
                    return new()
                    {
                        ["lower"] = Exact(low),
                        ["upper"] = Exact(high),
                        ["constants"] = [.. constants.Select((c, i) =>
                            high[i] == Ops.Unbounded ? (Scaled)c * 10 : ((Scaled)low[i] + high[i]) / 2)],
                    };
                },
            };
        },
        Errors =
        [
            ("bounds of another batch", tape => Ops.NextConstant(
                Plain(tape, 2, 1, type: ElementType.Int32), Plain(tape, 2, 1), Plain(tape, 3, 1), Plain(tape, 2, 1))),
        ],
    };

    private static Dictionary<string, Scaled[]> Started(Shape shape, Arguments arguments)
    {
        int size = shape.C * shape.Pixels;
        Scaled Of(string name, int i, Func<double, Scaled> value) =>
            arguments["active"][i / size] == 0 ? arguments[name][i] : value(arguments["x"][i]);
        Scaled[] All(string name, Func<double, Scaled> value) =>
            [.. Enumerable.Range(0, (int)shape.Count).Select(i => Of(name, i, value))];
        return new()
        {
            ["w"] = All("w", Inverse),
            ["mean"] = All("mean", _ => 0),
            ["square"] = All("square", _ => 0),
            ["delta"] = All("delta", x => Clamp(Squashed(Inverse(x)) - x, 0 - (Scaled)x, 1 - (Scaled)x)),
        };
    }

    private static Dictionary<string, Scaled[]> Stepped(Shape shape, Arguments arguments, TanhRule rule)
    {
        int size = shape.C * shape.Pixels;
        Dictionary<string, Scaled[]> expected = new[] { "w", "mean", "square", "delta" }.ToDictionary(
            name => name, name => Exact(arguments[name]));
        Scaled rate = Scaled.Rounded(rule.Rate / (1 - Math.Pow(rule.First, rule.Step)));
        Scaled share = Scaled.Rounded(1 / (1 - Math.Pow(rule.Second, rule.Step)));
        for (int i = 0; i < shape.Count; i++)
        {
            int n = i / size;
            if (arguments["active"][n] == 0)
                continue;
            Scaled weight = arguments["margins"][n] > 0 ? 0 : arguments["constants"][n];
            Scaled p = Squashed(arguments["w"][i]);
            Scaled pull = (2 * (Scaled)arguments["delta"][i]) - (weight * arguments["gradient"][i]);
            Scaled slope = 2 * p * (1 - p) * pull;
            Scaled mean = (Scaled.Rounded(rule.First) * arguments["mean"][i]) + (Scaled.Rounded(1 - rule.First) * slope);
            Scaled square = (Scaled.Rounded(rule.Second) * arguments["square"][i]) + (Scaled.Rounded(1 - rule.Second) * slope * slope);
            Scaled root = square.Value == 0 ? 0 : Scaled.Sqrt(share * square);
            Scaled w = arguments["w"][i] - (rate * mean / (root + Scaled.Rounded(1e-8)));
            double x = arguments["x"][i];
            (expected["w"][i], expected["mean"][i], expected["square"][i]) = (w, mean, square);
            expected["delta"][i] = Clamp(Squashed(w) - x, 0 - (Scaled)x, 1 - (Scaled)x);
        }

        return expected;
    }

    private static Scaled Inverse(double x)
    {
        Scaled twice = Scaled.Rounded(2 * 0.999999);
        Scaled least = Scaled.Rounded(1 - 0.999999);
        Scaled quotient = ((twice * x) + least) / ((twice * (1 - (Scaled)x)) + least);
        return 0.5 * Scaled.Log(quotient);
    }

    private static Scaled Squashed(Scaled w) => 1 / (1 + Scaled.Exp(0 - (2 * w)));
}
