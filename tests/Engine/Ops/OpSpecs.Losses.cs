using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static readonly Shape One = new(1, 1);

    private static OpSpec CrossEntropy => new()
    {
        Name = nameof(Ops.CrossEntropy),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), draw.Channels());
            double[] logits = draw.Values(n * k, draw.Pick(0.1, 1, 5, 20), draw.Pick(0, 0, -30, 30));
            double smoothing = draw.Pick(0, 0, 0.1, 0.5, 1);
            return Loss(
                draw, n, k, logits, (tape, z, labels, losses) => Ops.CrossEntropy(tape, z, labels, losses, smoothing),
                (z, label, g) => SoftmaxLoss(z, label, smoothing, g, n)) with
            {
                Inexact = ["y", "loss", "dz"],
            };
        },
        Errors =
        [
            ("labels of another batch", tape => Ops.CrossEntropy(tape, Activation(tape, 2, 3), Plain(tape, 3, 1, 1, 1, ElementType.Int32))),
            ("labels of another type", tape => Ops.CrossEntropy(tape, Activation(tape, 2, 3), Plain(tape, 2, 1))),
            ("an image", tape => Ops.CrossEntropy(tape, Activation(tape, 2, 3, 2, 2), Plain(tape, 2, 1, 1, 1, ElementType.Int32))),
            ("losses of another type", tape => Ops.CrossEntropy(
                tape, Activation(tape, 2, 3), Plain(tape, 2, 1, 1, 1, ElementType.Int32), Plain(tape, 2, 1, 1, 1, ElementType.Float64))),
            ("smoothing above 1", tape => Ops.CrossEntropy(
                tape, Activation(tape, 2, 3), Plain(tape, 2, 1, 1, 1, ElementType.Int32), smoothing: 1.1)),
        ],
    };

    private static OpSpec Margin => new()
    {
        Name = nameof(Ops.Margin),
        Differentiable = true,
        Draw = draw =>
        {
            // The mean of 2^n integers is exact; equal logits would leave open which of them has the gradient.
            (int n, int k) = (draw.Integers ? draw.Pick(1, 2, 4, 8) : draw.Between(1, 9), Math.Max(2, draw.Channels()));
            double[] logits = draw.Integers
                ? [.. Enumerable.Range(0, n).SelectMany(_ => draw.Permutation(k))]
                : draw.Values(n * k, draw.Pick(0.1, 1, 5));
            return Loss(draw, n, k, logits, Ops.Margin, (z, label, g) => MarginLoss(z, label, g, n)) with { NaNs = [] };
        },
        Errors =
        [
            ("one class", tape => Ops.Margin(tape, Activation(tape, 2, 1), Plain(tape, 2, 1, 1, 1, ElementType.Int32))),
            ("labels of another batch", tape => Ops.Margin(tape, Activation(tape, 2, 3), Plain(tape, 3, 1, 1, 1, ElementType.Int32))),
        ],
    };

    private static OpSpec Correct => new()
    {
        Name = nameof(Ops.Correct),
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), draw.Channels());
            return new()
            {
                Geometry = $"{n} images, {k} classes",
                Operands =
                [
                    new("z", new(n, k), Role.Activation, draw.Values(n * k)),
                    new("labels", new(n, 1), Role.Index, draw.Indices(n, k)),
                    new("correct", new(n, 1), Role.Index),
                ],
                NaNs = [],
                Run = scope =>
                {
                    Ops.Correct(scope["z"], scope["labels"], scope["correct"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["correct"] = [.. Enumerable.Range(0, n).Select(i =>
                    {
                        double[] logits = arguments["z"][(i * k)..((i + 1) * k)];
                        return (Scaled)(Array.IndexOf(logits, logits.Max()) == (int)arguments["labels"][i] ? 1 : 0);
                    })],
                },
            };
        },
        Errors =
        [
            ("labels of another batch", tape => Ops.Correct(
                Activation(tape, 2, 3), Plain(tape, 3, 1, 1, 1, ElementType.Int32), Plain(tape, 2, 1, 1, 1, ElementType.Int32))),
        ],
    };

    private static OpSpec GiveLives => new()
    {
        Name = nameof(Ops.GiveLives),
        Draw = draw =>
        {
            (int n, int count) = (draw.Between(1, 300), draw.Between(0, 5));
            return new()
            {
                Geometry = $"{count} for {n} images",
                Operands = [new("lives", new(n, 1), Role.Index)],
                Run = scope =>
                {
                    Ops.GiveLives(scope["lives"], count);
                    return null;
                },
                Reference = _ => new() { ["lives"] = [.. Enumerable.Repeat<Scaled>(count, n)] },
            };
        },
        Errors =
        [
            ("another type", tape => Ops.GiveLives(Plain(tape, 2, 1), 1)),
            ("less than none", tape => Ops.GiveLives(Plain(tape, 2, 1, 1, 1, ElementType.Int32), -1)),
        ],
    };

    private static OpSpec TakeLives => new()
    {
        Name = nameof(Ops.TakeLives),
        Draw = draw =>
        {
            int n = draw.Between(1, 300);
            return new()
            {
                Geometry = $"{n} images",
                Operands =
                [
                    new("correct", new(n, 1), Role.Index, draw.Indices(n, 2)),
                    new("lives", new(n, 1), Role.Index, draw.Indices(n, 4)),
                ],
                NaNs = [],
                Run = scope =>
                {
                    Ops.TakeLives(scope["correct"], scope["lives"]);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["lives"] = Map(arguments["correct"], arguments["lives"], (correct, lives) => Math.Max(0, lives - (1 - correct))),
                },
            };
        },
        Errors =
        [
            ("two batches", tape => Ops.TakeLives(
                Plain(tape, 3, 1, 1, 1, ElementType.Int32), Plain(tape, 2, 1, 1, 1, ElementType.Int32))),
            ("another type", tape => Ops.TakeLives(Plain(tape, 2, 1), Plain(tape, 2, 1, 1, 1, ElementType.Int32))),
        ],
    };

    /// <summary>A mean over images of a loss of one image, which gives its value and its gradient for an upstream gradient g.</summary>
    private static OpCase Loss(
        Draw draw, int n, int k, double[] logits, Func<Tape, Tensor, Tensor, Tensor?, Tensor> op,
        Func<double[], int, double, (Scaled Value, Scaled[] Gradient)> ofImage)
    {
        bool wantsEach = draw.Chance(0.5);
        return new()
        {
            Geometry = $"{n} images, {k} classes{(wantsEach ? ", each loss" : "")}",
            Operands =
            [
                new("z", new(n, k), Role.Input, logits),
                new("labels", new(n, 1), Role.Index, draw.Indices(n, k)),
                .. wantsEach ? new[] { new Operand("loss", new(n, 1), Role.PerImage) } : [],
            ],
            Result = One,
            Run = scope => op(scope.Tape, scope["z"], scope["labels"], wantsEach ? scope["loss"] : null),
            Reference = arguments =>
            {
                Sum total = default;
                List<Scaled> values = [], gradients = [];
                for (int i = 0; i < n; i++)
                {
                    (Scaled value, Scaled[] gradient) =
                        ofImage(arguments["z"][(i * k)..((i + 1) * k)], (int)arguments["labels"][i], arguments.Dy[0]);
                    total.Add(value);
                    values.Add(value);
                    gradients.AddRange(gradient);
                }

                Dictionary<string, Scaled[]> expected = new() { ["y"] = [total / (Scaled)n], ["dz"] = [.. gradients] };
                if (wantsEach)
                    expected["loss"] = [.. values];
                return expected;
            },
        };
    }

    private static (Scaled Value, Scaled[] Gradient) SoftmaxLoss(double[] z, int label, double smoothing, double g, int n)
    {
        double largest = z.Any(double.IsNaN) ? double.NaN : z.Max();
        Scaled[] powers = [.. z.Select(v => Scaled.Exp((Scaled)v - largest))];
        Sum sum = default;
        foreach (Scaled power in powers)
            sum.Add(power);
        Scaled[] targets = [.. z.Select((_, k) => Scaled.Rounded((smoothing / z.Length) + (k == label ? 1 - smoothing : 0)))];
        Sum own = default;
        foreach ((double v, Scaled target) in z.Zip(targets))
            own.Add(((Scaled)v - largest) * target);
        Scaled value = Scaled.Log(sum) - own;

        // log(sum) + largest may be one number, which is rounded at the size of the logits.
        value = value with { Scale = value.Scale + Math.Abs(largest) };
        Scaled[] gradient = [.. powers.Zip(targets, (power, target) =>
        {
            Scaled p = power / sum;
            p = p with { Scale = p.Scale + (p.Value * Math.Abs(largest)) };
            return (p - target) * g / n;
        })];
        return (value, gradient);
    }

    private static (Scaled Value, Scaled[] Gradient) MarginLoss(double[] z, int label, double g, int n)
    {
        int rival = Enumerable.Range(0, z.Length).Where(k => k != label).MaxBy(k => z[k]);
        Scaled[] gradient = [.. Enumerable.Range(0, z.Length).Select(k => k == rival ? (Scaled)g / n : k == label ? (Scaled)(-g) / n : 0)];
        return ((Scaled)z[rival] - z[label], gradient);
    }
}
