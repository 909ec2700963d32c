using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec ImageNorms(Norm norm) => new()
    {
        Name = nameof(Ops.ImageNorms),
        Variant = $"{norm}",
        Draw = draw =>
        {
            Shape shape = Images(draw);
            // Squares of these leave the range of binary32 at both ends.
            double scale = draw.Integers ? 1 : draw.Pick(1, 1e-30, 1e25);
            return new()
            {
                Geometry = $"{shape}, scale {scale}",
                Operands = [new("v", shape, Role.Activation, draw.Values(shape, scale)), new("norms", new(shape.N, 1), Role.PerImage)],
                NaNs = ["v"],
                Inexact = norm == Norm.Linf ? [] : ["norms"],
                // Up to 20,000 terms are added one after the other.
                Factor = 32,
                Run = scope =>
                {
                    Ops.ImageNorms(scope.Tape, scope["v"], norm, scope["norms"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["norms"] = [.. arguments["v"].Chunk(shape.C * shape.Pixels).Select(image => NormOf(image, norm))],
                },
            };
        },
        Errors =
        [
            ("norms of another batch", tape => Ops.ImageNorms(tape, Activation(tape, 2, 1, 2, 2), norm, Plain(tape, 3, 1))),
            ("norms of another type", tape => Ops.ImageNorms(
                tape, Activation(tape, 2, 1, 2, 2), norm, Plain(tape, 2, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec Ascend => new()
    {
        Name = nameof(Ops.Ascend),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            Shape perImage = new(shape.N, 1);
            double[]? norms = draw.Chance(0.5) ? null : [.. Enumerable.Range(0, shape.N).Select(_ => draw.Pick(0, 0.5, 1, 2, 4))];
            return new()
            {
                Geometry = $"{shape}{(norms is null ? ", by sign" : "")}",
                Operands =
                [
                    new("delta", shape, Role.Activation, draw.Values(shape)),
                    new("g", shape, Role.Activation, draw.Values(shape)),
                    new("steps", perImage, Role.PerImage, draw.Uniform(shape.N, 0, 2)),
                    new("moved", shape, Role.Activation),
                    .. norms is null ? [] : new[] { new Operand("norms", perImage, Role.PerImage, norms) },
                ],
                NaNs = ["delta"],
                Run = scope =>
                {
                    Ops.Ascend(scope["delta"], scope["g"], scope.Find("norms"), scope["steps"], scope["moved"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["moved"] = [.. arguments["delta"].Select((d, i) =>
                    {
                        int n = i / (shape.C * shape.Pixels);
                        Scaled step = arguments["steps"][n];
                        double g = arguments["g"][i];
                        return norms is null ? d + (Math.Sign(g) * step) : norms[n] == 0 ? d : d + (step * ((Scaled)g / norms[n]));
                    })],
                },
            };
        },
        Errors =
        [
            ("a step too few", tape => Ops.Ascend(
                Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 2), null, Plain(tape, 1, 1), Activation(tape, 2, 1, 2, 2))),
            ("two shapes", tape => Ops.Ascend(
                Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 3), null, Plain(tape, 2, 1), Activation(tape, 2, 1, 2, 2))),
        ],
    };

    private static OpSpec Project(Norm norm) => new()
    {
        Name = nameof(Ops.Project),
        Variant = $"{norm}",
        Draw = draw =>
        {
            Shape shape = Images(draw);
            double epsilon = draw.Pick(0, 0.25, 0.5, 4);
            return new()
            {
                Geometry = $"{shape}, epsilon {epsilon}",
                Operands =
                [
                    new("moved", shape, Role.Activation, draw.Uniform(shape.Count, -0.75, 0.75)),
                    new("x", shape, Role.Activation, draw.Uniform(shape.Count, 0, 1)),
                    new("active", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 3)),
                    new("delta", shape, Role.Activation, draw.Uniform(shape.Count, -0.25, 0.25)),
                ],
                NaNs = [],
                Inexact = norm == Norm.Linf ? [] : ["delta"],
                Run = scope =>
                {
                    Ops.Project(scope.Tape, scope["moved"], scope["x"], norm, epsilon, scope["active"], scope["delta"]);
                    return null;
                },
                Reference = arguments => new() { ["delta"] = Projected(shape, arguments, norm, epsilon, draw) },
            };
        },
        Errors =
        [
            ("the L1 norm", tape => Ops.Project(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Norm.L1, 1, Plain(tape, 1, 1, type: ElementType.Int32),
                Activation(tape, 1, 1, 2, 2))),
            ("a negative radius", tape => Ops.Project(
                tape, Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), norm, -1, Plain(tape, 1, 1, type: ElementType.Int32),
                Activation(tape, 1, 1, 2, 2))),
        ],
    };

    private static OpSpec AddMomentum => new()
    {
        Name = nameof(Ops.AddMomentum),
        Draw = draw =>
        {
            Shape shape = Images(draw);
            double share = draw.Pick(1, 0.75, 0.5);
            return new()
            {
                Geometry = $"{shape}, share {share}",
                Operands =
                [
                    new("delta", shape, Role.Activation, draw.Values(shape)),
                    new("previous", shape, Role.Activation, draw.Values(shape)),
                    new("moved", shape, Role.Activation, draw.Values(shape)),
                ],
                NaNs = ["moved"],
                Run = scope =>
                {
                    Ops.AddMomentum(scope["delta"], scope["previous"], scope["moved"], share);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["moved"] = [.. arguments["delta"].Select((d, i) =>
                        d + ((share * ((Scaled)arguments["moved"][i] - d)) + ((1 - share) * ((Scaled)d - arguments["previous"][i]))))],
                    ["previous"] = Exact(arguments["delta"]),
                },
            };
        },
        Errors =
        [
            ("a share above 1", tape => Ops.AddMomentum(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), 1.5)),
        ],
    };

    private static OpSpec TrackLoss => new()
    {
        Name = nameof(Ops.TrackLoss),
        Draw = draw =>
        {
            (int n, Shape shape) = PerImages(draw);
            return new()
            {
                Geometry = $"{n} images",
                Operands =
                [
                    new("loss", shape, Role.PerImage, draw.Values(n)), new("best", shape, Role.PerImage, draw.Values(n)),
                    new("last", shape, Role.PerImage, draw.Values(n)), new("rises", shape, Role.PerImage, draw.Indices(n, 9)),
                    new("improved", shape, Role.Index),
                ],
                NaNs = ["loss"],
                Run = scope =>
                {
                    Ops.TrackLoss(scope["loss"], scope["best"], scope["last"], scope["rises"], scope["improved"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["best"] = Map(arguments["loss"], arguments["best"], (loss, best) => loss > best ? loss : best),
                    ["last"] = Exact(arguments["loss"]),
                    ["rises"] = [.. arguments["rises"].Select((rises, i) =>
                        (Scaled)(arguments["loss"][i] > arguments["last"][i] ? rises + 1 : rises))],
                    ["improved"] = Map(arguments["loss"], arguments["best"], (loss, best) => loss > best ? 1 : 0),
                },
            };
        },
        Errors =
        [
            ("flags of another type", tape => Ops.TrackLoss(
                Plain(tape, 2, 1), Plain(tape, 2, 1), Plain(tape, 2, 1), Plain(tape, 2, 1), Plain(tape, 2, 1))),
        ],
    };

    private static OpSpec HalveSteps => new()
    {
        Name = nameof(Ops.HalveSteps),
        Draw = draw =>
        {
            (int n, Shape shape) = PerImages(draw);
            int few = draw.Between(1, 6);
            return new()
            {
                Geometry = $"{n} images, {few} rises are few",
                Operands =
                [
                    new("best", shape, Role.PerImage, draw.Indices(n, 3)), new("rises", shape, Role.PerImage, draw.Indices(n, 9)),
                    new("before", shape, Role.PerImage, draw.Indices(n, 3)), new("kept", shape, Role.PerImage, draw.Indices(n, 2)),
                    new("steps", shape, Role.PerImage, draw.Uniform(n, 0, 2)), new("active", shape, Role.Index, draw.Indices(n, 2)),
                    new("halved", shape, Role.Index),
                ],
                NaNs = [],
                Run = scope =>
                {
                    Ops.HalveSteps(
                        scope["best"], scope["rises"], scope["before"], scope["kept"], scope["steps"], few, scope["active"],
                        scope["halved"]);
                    return null;
                },
                Reference = arguments => Halved(arguments, few),
            };
        },
        Errors =
        [
            ("two batches", tape => Ops.HalveSteps(
                Plain(tape, 2, 1), Plain(tape, 3, 1), Plain(tape, 2, 1), Plain(tape, 2, 1), Plain(tape, 2, 1), 1,
                Plain(tape, 2, 1, type: ElementType.Int32), Plain(tape, 2, 1, type: ElementType.Int32))),
        ],
    };

    private static Dictionary<string, Scaled[]> Halved(Arguments arguments, int few)
    {
        int n = arguments["best"].Length;
        bool[] halved = [.. Enumerable.Range(0, n).Select(i => arguments["active"][i] != 0
            && (arguments["rises"][i] <= few || (arguments["kept"][i] == 1 && arguments["best"][i] <= arguments["before"][i])))];
        return new()
        {
            ["halved"] = [.. halved.Select(h => (Scaled)(h ? 1 : 0))],
            ["kept"] = [.. halved.Select(h => (Scaled)(h ? 0 : 1))],
            ["rises"] = Exact(new double[n]),
            ["before"] = Exact(arguments["best"]),
            ["steps"] = [.. arguments["steps"].Select((step, i) => (Scaled)(halved[i] ? step / 2 : step))],
        };
    }

    private static (int Count, Shape Shape) PerImages(Draw draw)
    {
        int n = draw.Between(1, 300);
        return (n, new Shape(n, 1));
    }

    private static Scaled NormOf(double[] image, Norm norm)
    {
        Sum sum = default;
        foreach (double v in image)
            sum.Add(norm == Norm.L2 ? v * v : Math.Abs(v));
        Scaled total = sum;
        return norm switch
        {
            Norm.Linf => image.Any(double.IsNaN) ? double.NaN : image.Max(Math.Abs),
            Norm.L2 => total.Value == 0 ? 0 : Scaled.Sqrt(total),
            _ => total,
        };
    }

    private static Scaled[] Projected(Shape shape, Arguments arguments, Norm norm, double epsilon, Draw draw)
    {
        int image = shape.C * shape.Pixels;
        double unit = draw.Type == ElementType.Float32 ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53);
        Scaled radius = Scaled.Rounded(epsilon * (1 - (((shape.C * shape.W) + shape.H + 16) * unit)));
        Scaled[] delta = Exact(arguments["delta"]);
        for (int n = 0; n < shape.N; n++)
        {
            Scaled length = NormOf(arguments["moved"][(n * image)..((n + 1) * image)], norm);
            for (int i = n * image; i < (n + 1) * image && arguments["active"][n] != 0; i++)
            {
                Scaled d = arguments["moved"][i];
                if (norm == Norm.Linf)
                    d = Clamp(d, 0 - Scaled.Rounded(epsilon), Scaled.Rounded(epsilon));
                else if (length.Value > radius.Value)
                    d *= radius / length;
                delta[i] = Clamp(d, 0 - (Scaled)arguments["x"][i], 1 - (Scaled)arguments["x"][i]);
            }
        }

        return delta;
    }
}
