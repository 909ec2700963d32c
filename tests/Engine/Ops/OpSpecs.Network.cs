using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec Relu => new()
    {
        Name = nameof(Ops.Relu),
        Differentiable = true,
        Draw = draw =>
        {
            Shape shape = draw.Activation();
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("x", shape, Role.Input, draw.Values(shape))],
                Result = shape,
                NaNGradientOpen = true,
                Run = scope => Ops.Relu(scope.Tape, scope["x"]),
                Reference = arguments => new()
                {
                    ["y"] = Map(arguments["x"], x => x < 0 ? 0 : x),
                    ["dx"] = Map(arguments["x"], arguments.Dy, (x, dy) => x > 0 ? dy : 0),
                },
            };
        },
    };

    private static OpSpec GlobalAveragePool => new()
    {
        Name = nameof(Ops.GlobalAveragePool),
        Differentiable = true,
        Draw = draw =>
        {
            Shape shape;
            do
            {
                // The mean of 2^n integers is exact.
                shape = draw.Integers
                    ? new(draw.Images(), draw.Channels(), draw.Pick(1, 2, 4, 8), draw.Pick(1, 2, 4, 8, 32))
                    : draw.Activation();
            }
            while (shape.Count > draw.Budget);
            int pixels = shape.Pixels;
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("x", shape, Role.Input, draw.Values(shape))],
                Result = new Shape(shape.N, shape.C),
                Run = scope => Ops.GlobalAveragePool(scope.Tape, scope["x"]),
                Reference = arguments =>
                {
                    Sum[] sums = new Sum[shape.N * shape.C];
                    for (int i = 0; i < shape.Count; i++)
                        sums[i / pixels].Add(arguments["x"][i]);
                    return new()
                    {
                        ["y"] = [.. sums.Select(sum => sum / (Scaled)pixels)],
                        ["dx"] = [.. Enumerable.Range(0, (int)shape.Count).Select(i => (Scaled)arguments.Dy[i / pixels] / pixels)],
                    };
                },
            };
        },
    };

    private static OpSpec Linear => new()
    {
        Name = nameof(Ops.Linear),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int c, int k) = (draw.Between(1, 9), draw.Channels(), draw.Channels());
            Shape weights = new(k, c);
            return new()
            {
                Geometry = $"{n} x {c} to {k}",
                Operands =
                [
                    new("x", new(n, c), Role.Input, draw.Values(n * c)),
                    new("w", weights, Role.Parameter, draw.Values(weights)),
                    new("b", Shape.Vector(k), Role.Parameter, draw.Values(k)),
                ],
                Result = new Shape(n, k),
                Adjoint = ["x", "w"],
                Run = scope => Ops.Linear(scope.Tape, scope["x"], scope["w"], scope["b"]),
                Reference = arguments => LinearReference(n, c, k, arguments),
            };
        },
        Errors =
        [
            ("channels differ", tape => Ops.Linear(tape, Activation(tape, 2, 3), Plain(tape, 4, 5), Plain(tape, 1, 4))),
            ("a bias of another size", tape => Ops.Linear(tape, Activation(tape, 2, 3), Plain(tape, 4, 3), Plain(tape, 1, 3))),
            ("an image", tape => Ops.Linear(tape, Activation(tape, 2, 3, 2, 2), Plain(tape, 4, 3), Plain(tape, 1, 4))),
        ],
    };

    private static Dictionary<string, Scaled[]> LinearReference(int n, int c, int k, Arguments arguments)
    {
        (double[] x, double[] w, double[] dy) = (arguments["x"], arguments["w"], arguments.Dy);
        Sum[] y = new Sum[n * k], dx = new Sum[n * c], dw = new Sum[k * c], db = new Sum[k];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < k; j++)
            {
                y[(i * k) + j].Add(arguments["b"][j]);
                db[j].Add(dy[(i * k) + j]);
                for (int l = 0; l < c; l++)
                {
                    y[(i * k) + j].Add(x[(i * c) + l] * w[(j * c) + l]);
                    dx[(i * c) + l].Add(dy[(i * k) + j] * w[(j * c) + l]);
                    dw[(j * c) + l].Add(dy[(i * k) + j] * x[(i * c) + l]);
                }
            }

        return new() { ["y"] = Totals(y), ["dx"] = Totals(dx), ["dw"] = Totals(dw), ["db"] = Totals(db) };
    }
}
