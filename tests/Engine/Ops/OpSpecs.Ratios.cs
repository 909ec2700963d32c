using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec Dlr => Ratio(nameof(Ops.Dlr), 3, Ops.Dlr, (_, _) => null) with
    {
        Errors =
        [
            ("two classes", tape => Ops.Dlr(tape, Activation(tape, 2, 2), Plain(tape, 2, 1, type: ElementType.Int32))),
            ("labels of another batch", tape => Ops.Dlr(tape, Activation(tape, 2, 3), Plain(tape, 3, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec TargetedDlr => Ratio(
        nameof(Ops.TargetedDlr), 4,
        (tape, z, labels, losses) =>
        {
            int[] targets = [.. labels.ToArray<int>().Select(label => TargetOf(label, z.Shape.C))];
            return Ops.TargetedDlr(tape, z, labels, tape.Plain<int>(labels.Shape, ElementType.Int32, targets), losses);
        },
        (label, classes) => TargetOf(label, classes)) with
    {
        Errors =
        [
            ("three classes", tape => Ops.TargetedDlr(
                tape, Activation(tape, 2, 3), Plain(tape, 2, 1, type: ElementType.Int32), Plain(tape, 2, 1, type: ElementType.Int32))),
            ("targets of another batch", tape => Ops.TargetedDlr(
                tape, Activation(tape, 2, 4), Plain(tape, 2, 1, type: ElementType.Int32), Plain(tape, 3, 1, type: ElementType.Int32))),
        ],
    };

    private static OpSpec ClassOfRank => new()
    {
        Name = nameof(Ops.ClassOfRank),
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), draw.Channels());
            int rank = draw.Between(0, k - 1);
            return new()
            {
                Geometry = $"{n} images, {k} classes, rank {rank}",
                Operands = [new("z", new(n, k), Role.Activation, draw.Values(n * k)), new("classes", new(n, 1), Role.Index)],
                NaNs = ["z"],
                Run = scope =>
                {
                    Ops.ClassOfRank(scope["z"], rank, scope["classes"]);
                    return null;
                },
                // Sorting is stable, so the first of equal logits comes first.
                Reference = arguments => new()
                {
                    ["classes"] = [.. arguments["z"].Chunk(k).Select(z => (Scaled)Enumerable.Range(0, k)
                        .OrderByDescending(i => double.IsNaN(z[i]) ? double.PositiveInfinity : z[i]).ElementAt(rank))],
                },
            };
        },
        Errors =
        [
            ("a rank too far", tape => Ops.ClassOfRank(Activation(tape, 2, 3), 3, Plain(tape, 2, 1, type: ElementType.Int32))),
            ("classes of another type", tape => Ops.ClassOfRank(Activation(tape, 2, 3), 0, Plain(tape, 2, 1))),
        ],
    };

    private static OpSpec Ratio(
        string name, int leastClasses, Func<Tape, Tensor, Tensor, Tensor?, Tensor> op, Func<int, int, int?> targetOf) => new()
        {
            Name = name,
            Differentiable = true,
            Draw = draw =>
            {
                // Equal logits would leave open which of them has the gradient.
                (int n, int k) = (draw.Between(1, 9), Math.Max(leastClasses, draw.Channels()));
                double[] logits = draw.Integers
                    ? [.. Enumerable.Range(0, n).SelectMany(_ => draw.Permutation(k))]
                    : draw.Values(n * k, draw.Pick(1, 5, 20));
                return Loss(draw, n, k, logits, op, (z, label, g) => RatioLoss(z, label, targetOf(label, k), g, n)) with
                {
                    NaNs = [],
                    Inexact = ["y", "loss", "dz"],
                };
            },
        };

    private static int TargetOf(int label, int classes) => (label + 1) % classes;

    private static (Scaled Value, Scaled[] Gradient) RatioLoss(double[] z, int label, int? target, double g, int n)
    {
        int[] order = [.. Enumerable.Range(0, z.Length).OrderByDescending(k => z[k])];
        int rival = target ?? order.First(k => k != label);
        int fourth = target is null ? order[2] : order[3];
        Scaled denominator = (Scaled)z[order[0]] - (((Scaled)z[order[2]] + z[fourth]) / 2) + 1e-12;
        Scaled ratio = ((Scaled)z[rival] - z[label]) / denominator;
        Scaled unit = (Scaled)g / n / denominator;
        Scaled[] gradient = new Scaled[z.Length];
        void Add(int k, Scaled value) => gradient[k] = gradient[k] + value;
        Add(rival, unit);
        Add(label, 0 - unit);
        Add(order[0], 0 - (ratio * unit));
        Add(order[2], ratio * unit / 2);
        Add(fourth, ratio * unit / 2);
        return (ratio, gradient);
    }
}
