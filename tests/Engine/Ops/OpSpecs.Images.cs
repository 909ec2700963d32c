using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec TakeImages => new()
    {
        Name = nameof(Ops.TakeImages),
        Draw = draw =>
        {
            (Shape from, Shape to) = Parts(draw, draw.Between(1, 9));
            return new()
            {
                Geometry = $"{to} of {from}",
                Operands =
                [
                    new("images", from, RoleOf(from), draw.Values(from)),
                    new("rows", new(to.N, 1), Role.Index, draw.Indices(to.N, from.N)),
                    new("taken", to, RoleOf(to)),
                ],
                NaNs = ["images"],
                Run = scope =>
                {
                    Ops.TakeImages(scope["images"], scope["rows"], scope["taken"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["taken"] = Exact([.. arguments["rows"].SelectMany(row => ImageOf(from, arguments["images"], (int)row))]),
                },
            };
        },
        Errors =
        [
            ("images of another size", tape => Ops.TakeImages(
                Activation(tape, 3, 1, 2, 2), Plain(tape, 2, 1, type: ElementType.Int32), Activation(tape, 2, 1, 2, 3))),
            ("a row too few", tape => Ops.TakeImages(
                Activation(tape, 3, 1, 2, 2), Plain(tape, 1, 1, type: ElementType.Int32), Activation(tape, 2, 1, 2, 2))),
        ],
    };

    private static OpSpec PutImages => new()
    {
        Name = nameof(Ops.PutImages),
        Draw = draw =>
        {
            (Shape to, Shape from) = Parts(draw, draw.Between(1, 9));
            double[] rows = draw.Permutation(Math.Max(to.N, from.N))[..from.N];
            to = to with { N = Math.Max(to.N, from.N) };
            int count = draw.Between(0, from.N);
            return new()
            {
                Geometry = $"{count} of {from} to {to}",
                Operands =
                [
                    new("taken", from, RoleOf(from), draw.Values(from)),
                    new("rows", new(from.N, 1), Role.Index, rows),
                    new("images", to, RoleOf(to), draw.Values(to)),
                ],
                NaNs = ["taken"],
                Run = scope =>
                {
                    Ops.PutImages(scope["taken"], scope["rows"], count, scope["images"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["images"] = Exact([.. Enumerable.Range(0, to.N).SelectMany(n =>
                    {
                        int place = Array.IndexOf(rows, n, 0, count);
                        return place < 0 ? ImageOf(to, arguments["images"], n) : ImageOf(from, arguments["taken"], place);
                    })]),
                },
            };
        },
        Errors =
        [
            ("more than there are", tape => Ops.PutImages(
                Activation(tape, 2, 1, 2, 2), Plain(tape, 2, 1, type: ElementType.Int32), 3, Activation(tape, 3, 1, 2, 2))),
        ],
    };

    private static OpSpec KeepWhere => new()
    {
        Name = nameof(Ops.KeepWhere),
        Draw = draw =>
        {
            Shape shape = Parts(draw, 1).From;
            return new()
            {
                Geometry = $"{shape}",
                Operands =
                [
                    new("flags", new(shape.N, 1), Role.Index, draw.Indices(shape.N, 3)),
                    new("values", shape, RoleOf(shape), draw.Values(shape)),
                    new("place", shape, RoleOf(shape), draw.Values(shape)),
                ],
                NaNs = ["values", "place"],
                Run = scope =>
                {
                    Ops.KeepWhere(scope["flags"], scope["values"], scope["place"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["place"] = Exact([.. arguments["flags"].SelectMany((flag, n) =>
                        ImageOf(shape, arguments[flag != 0 ? "values" : "place"], n))]),
                },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.KeepWhere(
                Plain(tape, 2, 1, type: ElementType.Int32), Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 3))),
            ("flags of another type", tape => Ops.KeepWhere(
                Plain(tape, 2, 1), Activation(tape, 2, 1, 2, 2), Activation(tape, 2, 1, 2, 2))),
        ],
    };

    // Images, or one number for each of them.
    private static (Shape From, Shape To) Parts(Draw draw, int taken)
    {
        Shape images = draw.Chance(0.3) ? new(draw.Between(1, 9), 1) : Images(draw);
        return (images, images with { N = taken });
    }

    private static Role RoleOf(Shape shape) => shape.C * shape.Pixels == 1 ? Role.PerImage : Role.Activation;

    private static double[] ImageOf(Shape shape, double[] values, int n)
    {
        int image = shape.C * shape.Pixels;
        return values[(n * image)..((n + 1) * image)];
    }
}
