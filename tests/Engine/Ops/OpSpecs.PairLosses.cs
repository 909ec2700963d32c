using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec KullbackLeibler(Reduction reduction) => new()
    {
        Name = nameof(Ops.KullbackLeibler),
        Variant = reduction.ToString().ToLowerInvariant(),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), draw.Channels());
            double share = reduction == Reduction.Mean ? 1.0 / n : 1;
            return PairLoss(
                draw, n, k, share, hasLabels: false,
                (scope, losses) => Ops.KullbackLeibler(scope.Tape, scope["a"], scope["b"], reduction, losses),
                (a, b, _) => Divergence(a, b));
        },
        Errors =
        [
            ("an image", tape => Ops.KullbackLeibler(tape, Activation(tape, 2, 3, 2, 2), Activation(tape, 2, 3, 2, 2), reduction)),
            ("two shapes", tape => Ops.KullbackLeibler(tape, Activation(tape, 2, 3), Activation(tape, 2, 4), reduction)),
            ("losses of another batch", tape => Ops.KullbackLeibler(
                tape, Activation(tape, 2, 3), Activation(tape, 2, 3), reduction, Plain(tape, 3, 1))),
        ],
    };

    private static OpSpec Trades => new()
    {
        Name = nameof(Ops.Trades),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), draw.Channels());
            double beta = draw.Pick(0, 1, 6);
            return PairLoss(
                draw, n, k, 1.0 / n, hasLabels: true,
                (scope, losses) => Ops.Trades(scope.Tape, scope["a"], scope["b"], scope["labels"], beta, losses),
                (a, b, label) => TradesLoss(a, b, label, beta));
        },
        Errors =
        [
            ("labels of another batch", tape => Ops.Trades(
                tape, Activation(tape, 2, 3), Activation(tape, 2, 3), Plain(tape, 3, 1, 1, 1, ElementType.Int32), 6)),
            ("two types", tape => Ops.Trades(
                tape, Activation(tape, 2, 3), tape.Activation(new Shape(2, 3), ElementType.Float64),
                Plain(tape, 2, 1, 1, 1, ElementType.Int32), 6)),
            ("beta that is no number", tape => Ops.Trades(
                tape, Activation(tape, 2, 3), Activation(tape, 2, 3), Plain(tape, 2, 1, 1, 1, ElementType.Int32), double.NaN)),
        ],
    };

    private static OpSpec MisclassificationAware => new()
    {
        Name = nameof(Ops.MisclassificationAware),
        Differentiable = true,
        Draw = draw =>
        {
            (int n, int k) = (draw.Between(1, 9), Math.Max(2, draw.Channels()));
            double beta = draw.Pick(0, 1, 6);
            return PairLoss(
                draw, n, k, 1.0 / n, hasLabels: true,
                (scope, losses) => Ops.MisclassificationAware(scope.Tape, scope["a"], scope["b"], scope["labels"], beta, losses),
                (a, b, label) => Mart(a, b, label, beta));
        },
        Errors =
        [
            ("one class", tape => Ops.MisclassificationAware(
                tape, Activation(tape, 2, 1), Activation(tape, 2, 1), Plain(tape, 2, 1, 1, 1, ElementType.Int32), 6)),
            ("labels of another type", tape => Ops.MisclassificationAware(
                tape, Activation(tape, 2, 3), Activation(tape, 2, 3), Plain(tape, 2, 1), 6)),
            ("negative beta", tape => Ops.MisclassificationAware(
                tape, Activation(tape, 2, 3), Activation(tape, 2, 3), Plain(tape, 2, 1, 1, 1, ElementType.Int32), -1)),
        ],
    };

    /// <summary>The loss of one image and its gradients with respect to both rows of logits.</summary>
    private readonly record struct PairResult(Scaled Value, Scaled[] A, Scaled[] B);

    private static OpCase PairLoss(
        Draw draw, int n, int k, double share, bool hasLabels, Func<OpScope, Tensor?, Tensor> op,
        Func<double[], double[], int, PairResult> ofImage)
    {
        bool wantsEach = draw.Chance(0.5);
        double scale = draw.Pick(0.1, 1, 5);
        double offset = draw.Pick(0, 0, -30, 30);
        double[] a = draw.Values(n * k, scale, offset);
        double[] b = draw.Chance(0.5)
            ? draw.Values(n * k, scale, offset)
            : [.. a.Select(v => draw.Held(v + (0.125 * draw.Between(-1, 1))))];
        return new()
        {
            Geometry = $"{n} images, {k} classes{(wantsEach ? ", each loss" : "")}",
            Operands =
            [
                new("a", new(n, k), Role.Input, a),
                new("b", new(n, k), Role.Input, Distinct(draw, b, k)),
                .. hasLabels ? new[] { new Operand("labels", new(n, 1), Role.Index, draw.Indices(n, k)) } : [],
                .. wantsEach ? new[] { new Operand("losses", new(n, 1), Role.PerImage) } : [],
            ],
            Result = One,
            Inexact = ["y", "losses", "da", "db"],
            SharesScale = true,
            Run = scope => op(scope, wantsEach ? scope["losses"] : null),
            Reference = arguments =>
            {
                PairResult[] images = [.. Enumerable.Range(0, n).Select(i => ofImage(
                    arguments["a"][(i * k)..((i + 1) * k)], arguments["b"][(i * k)..((i + 1) * k)],
                    hasLabels ? (int)arguments["labels"][i] : 0))];
                Sum total = default;
                foreach (PairResult image in images)
                    total.Add(image.Value);
                Scaled each = Scaled.Rounded(share) * arguments.Dy[0];
                Dictionary<string, Scaled[]> expected = new()
                {
                    ["y"] = [total * Scaled.Rounded(share)],
                    ["da"] = [.. images.SelectMany(image => image.A).Select(g => g * each)],
                    ["db"] = [.. images.SelectMany(image => image.B).Select(g => g * each)],
                };
                if (wantsEach)
                    expected["losses"] = [.. images.Select(image => image.Value)];
                return expected;
            },
        };
    }

    // Equal logits would leave open which class is MART's rival.
    private static double[] Distinct(Draw draw, double[] logits, int classes) =>
        [.. logits.Select((v, i) => draw.Held(v + ((i % classes) / 64.0)))];

    private static PairResult Divergence(double[] a, double[] b)
    {
        (Scaled[] logP, Scaled[] logQ) = (LogSoftmax(a), LogSoftmax(b));
        Scaled[] p = [.. logP.Select(Scaled.Exp)];
        Scaled divergence = Total(p.Zip(logP.Zip(logQ, (x, y) => x - y), (x, y) => x * y));
        return new(
            divergence,
            [.. p.Select((v, k) => v * (logP[k] - logQ[k] - divergence))],
            [.. p.Select((v, k) => Scaled.Exp(logQ[k]) - v)]);
    }

    private static PairResult TradesLoss(double[] a, double[] b, int label, double beta)
    {
        PairResult divergence = Divergence(a, b);
        Scaled[] logP = LogSoftmax(a);
        return new(
            ((Scaled)beta * divergence.Value) - logP[label],
            [.. divergence.A.Select((g, k) => Scaled.Exp(logP[k]) - (k == label ? 1 : 0) + ((Scaled)beta * g))],
            [.. divergence.B.Select(g => (Scaled)beta * g)]);
    }

    private static PairResult Mart(double[] a, double[] b, int label, double beta)
    {
        Scaled tiny = Scaled.Rounded(1e-12);
        (Scaled[] logP, Scaled[] logQ) = (LogSoftmax(a), LogSoftmax(b));
        (Scaled[] p, Scaled[] q) = ([.. logP.Select(Scaled.Exp)], [.. logQ.Select(Scaled.Exp)]);
        int rival = Enumerable.Range(0, b.Length).Where(k => k != label).MaxBy(k => double.IsNaN(b[k]) ? double.PositiveInfinity : b[k]);
        Scaled rest = Scaled.Rounded(1.0001) - q[rival] + tiny;
        Scaled[] logs = [.. p.Select((_, k) => logP[k] - Scaled.Log(q[k] + tiny))];
        Scaled divergence = Total(p.Zip(logs, (x, y) => x * y));
        Scaled mass = Total(p.Zip(q, (x, y) => x * (y / (y + tiny))));
        Scaled weight = (Scaled)beta * (Scaled.Rounded(1.0000001) - p[label]);
        Scaled value = 0 - logQ[label] - Scaled.Log(rest) + (weight * divergence);
        Scaled Own(int k, int place) => k == place ? 1 : 0;
        return new(
            value,
            [.. p.Select((v, k) => (weight * v * (logs[k] - divergence)) - ((Scaled)beta * divergence * p[label] * (Own(k, label) - v)))],
            [.. q.Select((v, k) =>
                v - Own(k, label) + (q[rival] / rest * (Own(k, rival) - v)) + (weight * v * (mass - (p[k] / (v + tiny)))))]);
    }

    private static Scaled[] LogSoftmax(double[] z)
    {
        double largest = z.Any(double.IsNaN) ? double.NaN : z.Max();
        Scaled log = Scaled.Log(Total(z.Select(v => Scaled.Exp((Scaled)v - largest))));
        return [.. z.Select(v => (Scaled)v - largest - log)];
    }

    private static Scaled Total(IEnumerable<Scaled> terms)
    {
        Sum sum = default;
        foreach (Scaled term in terms)
            sum.Add(term);
        return sum;
    }
}
