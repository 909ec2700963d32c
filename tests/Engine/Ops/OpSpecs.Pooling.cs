using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec MaxPool => new()
    {
        Name = nameof(Ops.MaxPool),
        Differentiable = true,
        Draw = draw =>
        {
            (Shape x, int window, int stride, int padding, Shape y) = DrawWindows(draw, sideBySide: false);
            return new()
            {
                Geometry = $"{x}, window {window}, stride {stride}, padding {padding}",
                // Integers meet equals in most windows: the first takes the gradient.
                Operands = [new("x", x, Role.Input, draw.Values(x))],
                Result = y,
                NaNGradientOpen = true,
                Run = scope => Ops.MaxPool(scope.Tape, scope["x"], window, stride, padding),
                Reference = arguments =>
                {
                    Scaled[] largest = new Scaled[y.Count];
                    Sum[] dx = new Sum[x.Count];
                    for (int i = 0; i < y.Count; i++)
                    {
                        int best = Window(x, y, i, window, stride, padding).MaxBy(j => Order(arguments["x"][j]));
                        largest[i] = arguments["x"][best];
                        dx[best].Add(arguments.Dy[i]);
                    }

                    return new() { ["y"] = largest, ["dx"] = Totals(dx) };
                },
            };
        },
        Errors =
        [
            ("window too large", tape => Ops.MaxPool(tape, Activation(tape, 1, 3, 2, 2), 3, 1)),
            ("too much padding", tape => Ops.MaxPool(tape, Activation(tape, 1, 3, 4, 4), 2, 2, padding: 2)),
            ("no stride", tape => Ops.MaxPool(tape, Activation(tape, 1, 3, 4, 4), 2, 0)),
        ],
    };

    private static OpSpec AveragePool => new()
    {
        Name = nameof(Ops.AveragePool),
        Differentiable = true,
        Draw = draw =>
        {
            (Shape x, int window, _, _, Shape y) = DrawWindows(draw, sideBySide: true);
            return new()
            {
                Geometry = $"{x}, window {window}",
                Operands = [new("x", x, Role.Input, draw.Values(x))],
                Result = y,
                Adjoint = ["x"],
                // The ninth of an integer is not exact.
                Inexact = window == 3 ? ["y", "dx"] : [],
                Run = scope => Ops.AveragePool(scope.Tape, scope["x"], window),
                Reference = arguments =>
                {
                    Scaled[] means = new Scaled[y.Count];
                    Scaled[] dx = new Scaled[x.Count];
                    for (int i = 0; i < y.Count; i++)
                    {
                        Sum sum = default;
                        foreach (int j in Window(x, y, i, window, window, padding: 0))
                        {
                            sum.Add(arguments["x"][j]);
                            dx[j] = (Scaled)arguments.Dy[i] / (window * window);
                        }

                        means[i] = sum / (Scaled)(window * window);
                    }

                    return new() { ["y"] = means, ["dx"] = dx };
                },
            };
        },
        Errors =
        [
            ("window too large", tape => Ops.AveragePool(tape, Activation(tape, 1, 3, 2, 2), 3)),
            ("no window", tape => Ops.AveragePool(tape, Activation(tape, 1, 3, 2, 2), 0)),
        ],
    };

    private static OpSpec Flatten => new()
    {
        Name = nameof(Ops.Flatten),
        Differentiable = true,
        Draw = draw =>
        {
            Shape x = draw.Activation();
            return new()
            {
                Geometry = $"{x}",
                Operands = [new("x", x, Role.Input, draw.Values(x))],
                Result = new Shape(x.N, x.C * x.Pixels),
                Run = scope => Ops.Flatten(scope.Tape, scope["x"]),
                Reference = arguments => new() { ["y"] = Exact(arguments["x"]), ["dx"] = Exact(arguments.Dy) },
            };
        },
    };

    private static OpSpec Concat => new()
    {
        Name = nameof(Ops.Concat),
        Differentiable = true,
        Draw = draw =>
        {
            Shape a = draw.Activation();
            // Channels of a DenseNet are twelves.
            a = draw.Chance(0.3) ? a with { C = 12 * draw.Between(1, 4) } : a;
            Shape b = a with { C = draw.Pick(12, 12, 16, draw.Channels()) };
            return new()
            {
                Geometry = $"{a} and {b.C} channels",
                Operands = [new("a", a, Role.Input, draw.Values(a)), new("b", b, Role.Input, draw.Values(b))],
                Result = a with { C = a.C + b.C },
                Run = scope => Ops.Concat(scope.Tape, scope["a"], scope["b"]),
                Reference = arguments => new()
                {
                    ["y"] = Exact(Joined(arguments["a"], arguments["b"], a, b)),
                    ["da"] = Exact(Part(arguments.Dy, a, a.C + b.C, first: 0)),
                    ["db"] = Exact(Part(arguments.Dy, b, a.C + b.C, first: a.C)),
                },
            };
        },
        Errors =
        [
            ("other pixels", tape => Ops.Concat(tape, Activation(tape, 1, 2, 3, 4), Activation(tape, 1, 2, 4, 3))),
            ("other images", tape => Ops.Concat(tape, Activation(tape, 1, 2, 3, 4), Activation(tape, 2, 2, 3, 4))),
            ("two types", tape => Ops.Concat(
                tape, Activation(tape, 1, 2, 3, 4), tape.Activation(new Shape(1, 2, 3, 4), ElementType.Float64))),
        ],
    };

    private static OpSpec Bias => new()
    {
        Name = nameof(Ops.Bias),
        Differentiable = true,
        Draw = draw =>
        {
            Shape x = draw.Activation();
            return new()
            {
                Geometry = $"{x}",
                Operands =
                [
                    new("x", x, Role.Input, draw.Values(x)), new("b", Shape.Vector(x.C), Role.Parameter, draw.Values(x.C)),
                ],
                Result = x,
                Run = scope => Ops.Bias(scope.Tape, scope["x"], scope["b"]),
                Reference = arguments =>
                {
                    Scaled[] y = new Scaled[x.Count];
                    Sum[] db = new Sum[x.C];
                    for (int i = 0; i < y.Length; i++)
                    {
                        int c = i / x.Pixels % x.C;
                        y[i] = (Scaled)arguments["x"][i] + arguments["b"][c];
                        db[c].Add(arguments.Dy[i]);
                    }

                    return new() { ["y"] = y, ["dx"] = Exact(arguments.Dy), ["db"] = Totals(db) };
                },
            };
        },
        Errors =
        [
            ("a bias of another size", tape => Ops.Bias(tape, Activation(tape, 2, 3, 2, 2), Plain(tape, 1, 4))),
            ("two types", tape => Ops.Bias(tape, Activation(tape, 2, 3, 2, 2), Plain(tape, 1, 3, type: ElementType.Float64))),
        ],
    };

    private static OpSpec Dropout => new()
    {
        Name = nameof(Ops.Dropout),
        Differentiable = true,
        Draw = draw =>
        {
            Shape x = draw.Activation();
            double rate = draw.Integers ? draw.Pick(0, 0.5, 0.75) : draw.Pick(0.1, 0.3, 0.9);
            RandomKey key = new((ulong)draw.Between(0, 1 << 30), Purpose.Dropout, draw.Between(0, 99), draw.Between(0, 99));
            // Not a choice between x and zero: NaN stays where it is dropped too.
            Scaled Factor(int i) => (Philox.Word(key, i) >> 8) >= (int)(rate * (1 << 24)) ? Scaled.Rounded(1 / (1 - rate)) : 0;
            Scaled[] Dropped(double[] values) => [.. values.Select((value, i) => Factor(i) * value)];
            return new()
            {
                Geometry = $"{x}, rate {rate}, {key}",
                Operands = [new("x", x, Role.Input, draw.Values(x))],
                Result = x,
                Adjoint = ["x"],
                Run = scope => Ops.Dropout(scope.Tape, scope["x"], rate, key),
                Reference = arguments => new() { ["y"] = Dropped(arguments["x"]), ["dx"] = Dropped(arguments.Dy) },
            };
        },
        Errors =
        [
            ("all dropped", tape => Ops.Dropout(tape, Activation(tape, 1, 2, 3, 4), 1, default)),
            ("a negative rate", tape => Ops.Dropout(tape, Activation(tape, 1, 2, 3, 4), -0.1, default)),
        ],
    };

    private static (Shape X, int Window, int Stride, int Padding, Shape Y) DrawWindows(Draw draw, bool sideBySide)
    {
        while (true)
        {
            Shape x = draw.Activation();
            int window = draw.Pick(1, 2, 2, 2, 3, 4);
            int stride = sideBySide ? window : draw.Pick(1, 2, 2, 3);
            int padding = sideBySide ? 0 : draw.Between(0, window / 2);
            int Count(int pixels) => ((pixels + (2 * padding) - window) / stride) + 1;
            if (Math.Min(x.H, x.W) + (2 * padding) >= window)
                return (x, window, stride, padding, x with { H = Count(x.H), W = Count(x.W) });
        }
    }

    // NaN is larger than all; MaxBy takes the first of the largest.
    private static (bool, double) Order(double value) => (double.IsNaN(value), double.IsNaN(value) ? 0 : value);

    /// <summary>The elements of x that lie in the window of element <paramref name="i"/> of y, in the order of rows and columns.</summary>
    private static IEnumerable<int> Window(Shape x, Shape y, int i, int window, int stride, int padding)
    {
        (int plane, int p, int q) = (i / y.Pixels, i / y.W % y.H, i % y.W);
        for (int r = 0; r < window; r++)
            for (int s = 0; s < window; s++)
            {
                (int h, int w) = ((p * stride) - padding + r, (q * stride) - padding + s);
                if (h >= 0 && h < x.H && w >= 0 && w < x.W)
                    yield return (((plane * x.H) + h) * x.W) + w;
            }
    }

    private static double[] Joined(double[] a, double[] b, Shape ofA, Shape ofB)
    {
        (int inA, int inB) = (ofA.C * ofA.Pixels, ofB.C * ofB.Pixels);
        return [.. Enumerable.Range(0, ofA.N).SelectMany(n => a[(n * inA)..((n + 1) * inA)].Concat(b[(n * inB)..((n + 1) * inB)]))];
    }

    private static double[] Part(double[] whole, Shape part, int channels, int first) =>
        [.. whole.Where((_, i) => (i / part.Pixels % channels) - first is int c && c >= 0 && c < part.C)];
}
