using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec SquareStart => new()
    {
        Name = nameof(Ops.SquareStart),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Norm norm = draw.Pick(Norm.Linf, Norm.L2);
            double epsilon = draw.Integers ? 0.25 : draw.Pick(8.0 / 255, 0.5);
            RandomKey key = new((ulong)draw.Between(0, 1 << 30), Purpose.Evaluation, Batch: draw.Between(0, 99));
            double[] numbers = draw.Indices(shape.N, 1 << 30);
            return Squares(draw, draw.Uniform(shape.Count, 0, 1), shape, norm, epsilon, numbers) with
            {
                Geometry = $"{shape}, {norm}, epsilon {epsilon}, {key}",
                Run = scope =>
                {
                    Ops.SquareStart(scope.Tape, scope["x"], norm, epsilon, key, scope["images"], scope["delta"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["delta"] = [.. Enumerable.Range(0, shape.N).SelectMany(i =>
                    {
                        PlainSquares plain = Plain(draw, shape, key with { Epoch = (int)numbers[i] }, norm, epsilon);
                        double[] x = ImageOf(shape, arguments["x"], i);
                        return Near(norm == Norm.Linf ? plain.Stripes(x) : plain.Tiles(x), epsilon);
                    })],
                },
            };
        },
        Errors =
        [
            ("a norm without squares", tape => Ops.SquareStart(
                tape, Activation(tape, 1, 1, 2, 2), Norm.L1, 0.1, default, Plain(tape, 1, 1, type: ElementType.Int32),
                Activation(tape, 1, 1, 2, 2))),
        ],
    };

    private static OpSpec SquareProposal => new()
    {
        Name = nameof(Ops.SquareProposal),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            int most = Math.Min(shape.H, shape.W);
            // In a single pixel the pattern may cancel what is there, and leave nothing but rounding.
            Norm norm = most < 3 ? Norm.Linf : draw.Pick(Norm.Linf, Norm.L2);
            double epsilon = draw.Integers ? 0.25 : draw.Pick(8.0 / 255, 0.5);
            SquareQuery query = new()
            {
                Norm = norm,
                Epsilon = epsilon,
                Side = draw.Between(norm == Norm.L2 ? 3 : 1, most),
                Index = draw.Between(0, 5000),
                Key = new((ulong)draw.Between(0, 1 << 30), Purpose.Evaluation, Batch: draw.Between(0, 99)),
            };
            double[] numbers = draw.Indices(shape.N, 1 << 30);
            double[] active = draw.Indices(shape.N, 3);
            double length = norm == Norm.Linf ? 1 : Math.Sqrt(shape.C * shape.Pixels);
            double[] x = draw.Uniform(shape.Count, 0, 1);
            double[] best = [.. draw.Uniform(shape.Count, -1, 1).Zip(x, (v, pixel) =>
                Math.Min(Math.Max(draw.Held(v * epsilon / length), -pixel), draw.Held(1 - pixel)))];
            OpCase @case = Squares(draw, x, shape, norm, epsilon, numbers, active);
            return @case with
            {
                Geometry = $"{shape}, {query}",
                Operands =
                [
                    .. @case.Operands, new("best", shape, Role.Activation, best), new("active", new(shape.N, 1), Role.Index, active),
                ],
                Run = scope =>
                {
                    Ops.SquareProposal(
                        scope.Tape, scope["best"], scope["x"], query, scope["images"], scope["active"], scope["delta"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["delta"] = [.. Enumerable.Range(0, shape.N).SelectMany(i =>
                    {
                        if (active[i] == 0)
                            return Exact(ImageOf(shape, arguments["delta"], i));
                        PlainSquares plain = Plain(draw, shape, query.Key with { Epoch = (int)numbers[i] }, norm, epsilon);
                        (double[] from, double[] pixels) = (ImageOf(shape, arguments["best"], i), ImageOf(shape, arguments["x"], i));
                        return Near(
                            norm == Norm.Linf
                                ? plain.Recoloured(from, pixels, query.Side, query.Index)
                                : plain.Moved(from, pixels, query.Side, query.Index),
                            epsilon);
                    })],
                },
            };
        },
        Errors =
        [
            ("a square larger than the image", tape => Ops.SquareProposal(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2),
                new SquareQuery { Norm = Norm.Linf, Epsilon = 0.1, Side = 3, Index = 0, Key = default },
                Plain(tape, 1, 1, type: ElementType.Int32), Plain(tape, 1, 1, type: ElementType.Int32), Activation(tape, 1, 1, 2, 2))),
        ],
    };

    // What both have in common: the images, their numbers, and that every perturbation is in ball and range.
    private static OpCase Squares(
        Draw draw, double[] x, Shape shape, Norm norm, double epsilon, double[] numbers, double[]? active = null) =>
        new()
        {
            Geometry = "",
            Operands =
            [
                new("x", shape, Role.Activation, x),
                new("images", new(shape.N, 1), Role.Index, numbers),
                new("delta", shape, Role.Activation, new double[shape.Count]),
            ],
            NaNs = [],
            Inexact = norm == Norm.L2 ? ["delta"] : [],
            Factor = 32,
            Property = results =>
            {
                double bound = draw.Held(epsilon);
                for (int i = 0; i < shape.N; i++)
                {
                    (double[] pixels, double[] delta) = (ImageOf(shape, results["x"], i), ImageOf(shape, results["delta"], i));
                    if (pixels.Zip(delta, (p, d) => draw.Held(p + d)).Any(v => v is < 0 or > 1))
                        return $"image {i} leaves the pixel range";
                    if (PlaneProjection.Length(delta, norm == Norm.L2) > bound && active?[i] != 0)
                        return $"image {i} leaves the ball";
                }

                return null;
            },
            Run = _ => null,
            Reference = _ => [],
        };

    private static PlainSquares Plain(Draw draw, Shape shape, RandomKey key, Norm norm, double epsilon) => new(
        shape with { N = 1 }, key, norm == Norm.Linf ? draw.Held(epsilon) : epsilon,
        ((shape.C * shape.W) + shape.H + 16) * RoundingUnit(draw));

    private static Scaled[] Near(double[] values, double epsilon) => [.. values.Select(v => new Scaled(v, Math.Abs(v) + epsilon))];
}
