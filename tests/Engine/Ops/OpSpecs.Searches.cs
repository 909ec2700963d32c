using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec TargetedMargin => new()
    {
        Name = nameof(Ops.TargetedMargin),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int k) = (draw.Integers ? draw.Pick(1, 2, 4, 8) : draw.Between(1, 9), Math.Max(2, draw.Channels()));
            double[] labels = draw.Indices(n, k);
            double[] targets = [.. labels.Select(label => (label + draw.Between(1, k - 1)) % k)];
            bool wantsEach = draw.Chance(0.5);
            return new()
            {
                Geometry = $"{n} images, {k} classes{(wantsEach ? ", each margin" : "")}",
                Operands =
                [
                    new("z", new(n, k), Role.Input, draw.Values(n * k, draw.Pick(0.1, 1, 5))),
                    new("labels", new(n, 1), Role.Index, labels),
                    new("targets", new(n, 1), Role.Index, targets),
                    .. wantsEach ? new[] { new Operand("margin", new(n, 1), Role.PerImage) } : [],
                ],
                NaNs = [],
                Result = One,
                Run = scope => Ops.TargetedMargin(scope.Tape, scope["z"], scope["labels"], scope["targets"], scope.Find("margin")),
                Reference = arguments =>
                {
                    double Logit(int i, double[] classes) => arguments["z"][(i * k) + (int)classes[i]];
                    Scaled[] margins = [.. Enumerable.Range(0, n).Select(i => (Scaled)Logit(i, targets) - Logit(i, labels))];
                    Sum total = default;
                    foreach (Scaled margin in margins)
                        total.Add(margin);
                    Scaled share = (Scaled)arguments.Dy[0] / n;
                    Dictionary<string, Scaled[]> expected = new()
                    {
                        ["y"] = [total / (Scaled)n],
                        ["dz"] = [.. Enumerable.Range(0, n * k).Select(i =>
                            i % k == (int)targets[i / k] ? share : i % k == (int)labels[i / k] ? 0 - share : 0)],
                    };
                    if (wantsEach)
                        expected["margin"] = margins;
                    return expected;
                },
            };
        },
        Errors =
        [
            ("targets of another batch", tape => Ops.TargetedMargin(
                tape, Activation(tape, 2, 3), Plain(tape, 2, 1, type: ElementType.Int32), Plain(tape, 3, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec BoundaryStep => new()
    {
        Name = nameof(Ops.BoundaryStep),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            BoundaryRule rule = new() { Norm = draw.Pick(Norm.Linf, Norm.L2), LargestShare = draw.Pick(0.1, 0, 1) };
            double[] x = draw.Uniform(shape.Count, 0, 1);
            double reach = draw.Pick(0, 0.1, 1);
            double[] delta = [.. draw.Uniform(shape.Count, 0, 1).Zip(x, (to, from) => draw.Held(reach * (to - from)))];
            double[] gradient = draw.Values(shape, draw.Pick(0.1, 5));
            for (int i = 0; i < gradient.Length; i += draw.Between(1, 9))
                gradient[i] = 0;
            return new()
            {
                Geometry = $"{shape}, {rule}, delta {reach}",
                Operands =
                [
                    new("margins", new(shape.N, 1), Role.PerImage, draw.Values(shape.N, draw.Pick(0.1, 2, 50))),
                    new("gradient", shape, Role.Activation, gradient),
                    new("x", shape, Role.Activation, x),
                    new("delta", shape, Role.Activation, delta),
                    new("active", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 3)),
                ],
                NaNs = ["gradient"],
                Inexact = ["delta"],
                Factor = 16,
                Run = scope =>
                {
                    Ops.BoundaryStep(scope["margins"], scope["gradient"], scope["x"], scope["delta"], rule, scope["active"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["delta"] = [.. Enumerable.Range(0, shape.N).SelectMany(i => Stepped(shape, arguments, i, rule))],
                },
            };
        },
        Errors =
        [
            ("a norm without a rule", tape => Ops.BoundaryStep(
                Plain(tape, 1, 1), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2),
                new BoundaryRule { Norm = Norm.L1 }, Plain(tape, 1, 1, type: ElementType.Int32))),
            ("a margin too few", tape => Ops.BoundaryStep(
                Plain(tape, 1, 1), Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 2),
                new BoundaryRule { Norm = Norm.L2 }, Plain(tape, 2, 1, type: ElementType.Int32))),
        ],
    };

    private static Scaled[] Stepped(Shape shape, Arguments arguments, int image, BoundaryRule rule)
    {
        (double[] w, double[] x, double[] delta) = (
            ImageOf(shape, arguments["gradient"], image), ImageOf(shape, arguments["x"], image), ImageOf(shape, arguments["delta"], image));
        if (arguments["active"][image] == 0)
            return Exact(delta);
        if (w.Any(double.IsNaN))
            return [.. w.Select(_ => (Scaled)double.NaN)];
        bool isEuclidean = rule.Norm == Norm.L2;
        double margin = arguments["margins"][image];
        double terms = Math.Abs(margin) + w.Zip(delta, (a, b) => Math.Abs(a * b)).Sum();
        Way here = Way.From([.. x.Zip(delta, (a, b) => a + b)], w, margin, terms, isEuclidean);
        Way there = Way.From(x, w, margin - w.Zip(delta, (a, b) => a * b).Sum(), terms, isEuclidean);
        (double near, double far) = (Math.Max(here.Length, 1e-8), Math.Max(there.Length, 1e-8));
        double share = Math.Min(near / (near + far), rule.LargestShare);
        double shareError = share + ((here.LengthError + there.LengthError) / (near + far));
        return [.. Enumerable.Range(0, x.Length).Select(i =>
        {
            double a = delta[i] + (rule.Overshoot * here.Step[i]);
            double b = rule.Overshoot * there.Step[i];
            double size = Math.Abs(a) + Math.Abs(b);
            double error = size + (2 * (here.Errors[i] + there.Errors[i])) + (shareError * size);
            double value = Math.Clamp((a * (1 - share)) + (b * share), Math.Min(-x[i], 1 - x[i]), 1 - x[i]);
            return new Scaled(value, error);
        })];
    }

    /// <summary>A shortest way to a plane with what rounding may do to it.</summary>
    private sealed record Way(double[] Step, double[] Errors, double Length, double LengthError)
    {
        public static Way From(double[] p, double[] w, double excess, double size, bool isEuclidean)
        {
            (double[] step, double sensitivity) = PlaneProjection.Of(p, w, excess, isEuclidean);
            double multiplierError = sensitivity * (size + w.Sum(Math.Abs));
            double[] errors = [.. w.Select((slope, i) => slope == 0
                ? 0 : Math.Min(1, multiplierError * (isEuclidean ? Math.Abs(slope) : 1)) + Math.Abs(step[i]) + 1)];
            double length = PlaneProjection.Length(step, isEuclidean);
            return new(step, errors, length, length + PlaneProjection.Length(errors, isEuclidean));
        }
    }

    private static OpSpec BoundaryRetreat => new()
    {
        Name = nameof(Ops.BoundaryRetreat),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Norm norm = draw.Pick(Norm.Linf, Norm.L2);
            double[] delta = [.. Enumerable.Range(0, shape.N).SelectMany(_ =>
                draw.Uniform(shape.Count / shape.N, -0.5, 0.5).Select(draw.Pick(v => v, (Func<double, double>)(v => v / 4))))];
            double epsilon = norm == Norm.Linf ? 0.25 : 0.25 * Math.Sqrt(shape.C * shape.Pixels / 3.0);
            double radius = norm == Norm.Linf
                ? epsilon : epsilon * (1 - (((shape.C * shape.W) + shape.H + 16) * RoundingUnit(draw)));
            return new()
            {
                Geometry = $"{shape}, {norm}",
                Operands =
                [
                    new("correct", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 2)),
                    new("lives", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 3)),
                    new("delta", shape, Role.Activation, delta),
                ],
                NaNs = ["delta"],
                Run = scope =>
                {
                    Ops.BoundaryRetreat(scope.Tape, scope["correct"], scope["lives"], norm, epsilon, 0.5, scope["delta"]);
                    return null;
                },
                Reference = arguments =>
                {
                    double[][] images = [.. Enumerable.Range(0, shape.N).Select(i => ImageOf(shape, arguments["delta"], i))];
                    bool[] crossed = [.. arguments["lives"].Zip(arguments["correct"], (lives, correct) => lives > 0 && correct == 0)];
                    bool[] isOutside = [.. images.Select(image => PlaneProjection.Length(image, norm == Norm.L2) > radius)];
                    return new()
                    {
                        ["lives"] = Exact([.. arguments["lives"].Select((lives, i) => crossed[i] && !isOutside[i] ? 0 : lives)]),
                        ["delta"] = Exact([.. images.SelectMany((image, i) =>
                            image.Select(d => crossed[i] && isOutside[i] ? d / 2 : d))]),
                    };
                },
            };
        },
        Errors =
        [
            ("beta above 1", tape => Ops.BoundaryRetreat(
                tape, Plain(tape, 1, 1, type: ElementType.Int32), Plain(tape, 1, 1, type: ElementType.Int32), Norm.Linf, 0.1, 1.5,
                Activation(tape, 1, 1, 2, 2))),
            ("lives of another type", tape => Ops.BoundaryRetreat(
                tape, Plain(tape, 1, 1, type: ElementType.Int32), Plain(tape, 1, 1), Norm.Linf, 0.1, 0.5, Activation(tape, 1, 1, 2, 2))),
        ],
    };

    private static double RoundingUnit(Draw draw) => Math.ScaleB(1, draw.Type == ElementType.Float32 ? -24 : -53);
}
