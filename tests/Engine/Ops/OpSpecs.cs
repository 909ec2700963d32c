using Deat.Engine;

namespace Deat.Tests;

/// <summary>The table of ops: what each computes, from the mathematics, and how its random cases are drawn.</summary>
internal static partial class OpSpecs
{
    public static IReadOnlyList<OpSpec> All { get; } =
    [
        Fill, Add,
        Conv2d(ConvolutionAlgorithm.Auto), Conv2d(ConvolutionAlgorithm.Tiled),
        Conv2d(ConvolutionAlgorithm.Winograd), Conv2d(ConvolutionAlgorithm.Winograd4), Conv2d(ConvolutionAlgorithm.Direct), Conv2dEdges,
        BatchNorm(training: true, relu: false), BatchNorm(training: false, relu: false),
        BatchNorm(training: true, relu: true), BatchNorm(training: false, relu: true),
        Relu, GlobalAveragePool, MaxPool, AveragePool, Concat, Flatten, Bias, Dropout, Linear, CrossEntropy, Margin, Correct,
        KullbackLeibler(Reduction.Mean), KullbackLeibler(Reduction.Sum), Trades, MisclassificationAware, GiveLives, TakeLives,
        AdversarialInput, AdversarialInputGradient, LinfStep, InitializeDelta, SgdStep, GatherBatch, Keep, TakeImages, PutImages, KeepWhere,
        ImageNorms(Norm.Linf), ImageNorms(Norm.L2), ImageNorms(Norm.L1), Ascend, Project(Norm.Linf), Project(Norm.L2), AddMomentum,
        TrackLoss, HalveSteps, Dlr, TargetedDlr, ClassOfRank,
        TargetedMargin, BoundaryStep, BoundaryRetreat, NearerPlane, TanhStart, TanhStep, NextConstant, SquareStart, SquareProposal,
        AddTo, Exchange, MoveAverage, StandStill, PerturbLayers, AlignmentProbes,
    ];

    private static OpSpec Fill => new()
    {
        Name = nameof(Ops.Fill),
        Draw = draw =>
        {
            Shape shape = draw.Activation();
            double value = draw.Values(1)[0];
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("x", shape, Role.Plain)],
                Run = scope =>
                {
                    Ops.Fill(scope["x"], value);
                    return null;
                },
                Reference = _ => new() { ["x"] = [.. Enumerable.Repeat<Scaled>(value, (int)shape.Count)] },
            };
        },
        Errors = [("a border", tape => Ops.Fill(tape.Activation(new Shape(1, 1, 2, 2), ElementType.Float32), 0))],
    };

    private static OpSpec Keep => new()
    {
        Name = nameof(Ops.Keep),
        Draw = draw =>
        {
            Shape shape = draw.Chance(0.3) ? Images(draw) : new(1, draw.Pick(draw.Between(1, 40), draw.Between(4000, 9000)));
            Role to = shape.Pixels > 1 ? Role.Activation : Role.Plain;
            Role from = shape.Pixels > 1 ? to : draw.Pick(Role.Plain, Role.Activation);
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("values", shape, from, draw.Values(shape)), new("place", shape, to)],
                NaNs = ["values"],
                Run = scope =>
                {
                    Ops.Keep(scope["values"], scope["place"]);
                    return null;
                },
                Reference = arguments => new() { ["place"] = Exact(arguments["values"]) },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.Keep(Plain(tape, 1, 3), Plain(tape, 3, 1))),
            ("two types", tape => Ops.Keep(Plain(tape, 1, 3), Plain(tape, 1, 3, type: ElementType.Int32))),
            ("two orders in memory", tape => Ops.Keep(Activation(tape, 1, 1, 2, 2), Plain(tape, 1, 1, 2, 2))),
        ],
    };

    private static OpSpec Add => new()
    {
        Name = nameof(Ops.Add),
        Differentiable = true,
        Draw = draw =>
        {
            Shape shape = draw.Activation();
            return new()
            {
                Geometry = $"{shape}",
                Operands = [new("a", shape, Role.Input, draw.Values(shape)), new("b", shape, Role.Input, draw.Values(shape))],
                Result = shape,
                Run = scope => Ops.Add(scope.Tape, scope["a"], scope["b"]),
                Reference = arguments => new()
                {
                    ["y"] = Map(arguments["a"], arguments["b"], (a, b) => (Scaled)a + b),
                    ["da"] = Exact(arguments.Dy),
                    ["db"] = Exact(arguments.Dy),
                },
            };
        },
        Errors =
        [
            ("two shapes", tape => Ops.Add(tape, Activation(tape, 1, 2, 3, 4), Activation(tape, 1, 2, 4, 3))),
            ("two types", tape => Ops.Add(
                tape, Activation(tape, 1, 2, 3, 4), tape.Activation(new Shape(1, 2, 3, 4), ElementType.Float64))),
        ],
    };

    private static Tensor Activation(Tape tape, int n, int c, int h = 1, int w = 1) =>
        tape.Activation(new Shape(n, c, h, w), ElementType.Float32);

    private static Tensor Plain(Tape tape, int n, int c, int h = 1, int w = 1, ElementType type = ElementType.Float32) =>
        tape.Plain(new Shape(n, c, h, w), type);

    private static Scaled[] Exact(double[] values) => [.. values.Select(v => (Scaled)v)];

    private static Scaled[] Map(double[] a, Func<double, Scaled> f) => [.. a.Select(f)];

    private static Scaled[] Map(double[] a, double[] b, Func<double, double, Scaled> f) => [.. a.Zip(b, f)];
}
