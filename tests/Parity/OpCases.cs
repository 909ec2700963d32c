using Deat.Engine;

namespace Deat.Tests;

/// <summary>The cases of ops.safetensors as calls of the engine; what they are expected to give is the golden result.</summary>
internal static class OpCases
{
    private static readonly Dictionary<string, Func<GoldenCase, IEnumerable<OpCase>>> Cases = new()
    {
        ["conv2d"] = c =>
        {
            (int stride, int padding) = ((int)c.Setting("stride"), (int)c.Setting("padding"));
            return [c.Case(s => Ops.Conv2d(s.Tape, s["x"], s["w"], stride, padding), [c.Input("x"), c.Parameter("w")])];
        },
        ["batch_norm_train"] = c => [Norm(c, (tape, x, state) => Ops.BatchNorm(tape, x, state, training: true))],
        ["batch_norm_eval"] = c => [Norm(c, (tape, x, state) => Ops.BatchNorm(tape, x, state, training: false))],
        ["batch_norm_relu_train"] = c => [Norm(c, (tape, x, state) => Ops.BatchNormRelu(tape, x, state, training: true))],
        ["batch_norm_relu_eval"] = c => [Norm(c, (tape, x, state) => Ops.BatchNormRelu(tape, x, state, training: false))],
        ["relu"] = c => [c.Case(s => Ops.Relu(s.Tape, s["x"]), [c.Input("x")])],
        ["global_average_pool"] = c => [c.Case(s => Ops.GlobalAveragePool(s.Tape, s["x"]), [c.Input("x")])],
        ["add"] = c => [c.Case(s => Ops.Add(s.Tape, s["a"], s["b"]), [c.Input("a"), c.Input("b")])],
        ["max_pool"] = c =>
        {
            (int window, int stride, int padding) = ((int)c.Setting("window"), (int)c.Setting("stride"), (int)c.Setting("padding"));
            return [c.Case(s => Ops.MaxPool(s.Tape, s["x"], window, stride, padding), [c.Input("x")])];
        },
        ["average_pool"] = c => [c.Case(s => Ops.AveragePool(s.Tape, s["x"], (int)c.Setting("window")), [c.Input("x")])],
        ["concat"] = c => [c.Case(s => Ops.Concat(s.Tape, s["a"], s["b"]), [c.Input("a"), c.Input("b")])],
        ["bias"] = c => [c.Case(s => Ops.Bias(s.Tape, s["x"], s["b"]), [c.Input("x"), c.Parameter("b")])],
        ["dropout"] = c =>
        {
            RandomKey key = new((ulong)c.Setting("seed"), Purpose.Dropout, (int)c.Setting("epoch"), (int)c.Setting("batch"));
            return [c.Case(s => Ops.Dropout(s.Tape, s["x"], c.Setting("rate"), key), [c.Input("x")])];
        },
        ["linear"] = c =>
            [c.Case(s => Ops.Linear(s.Tape, s["x"], s["w"], s["bias"]), [c.Input("x"), c.Parameter("w"), c.Parameter("bias")])],
        ["cross_entropy"] = c =>
        [
            c.Case(
                s => Ops.CrossEntropy(s.Tape, s["logits"], s["labels"]), [c.Input("logits"), c.Labels],
                ("y", "loss"), ("dlogits", "dlogits")),
        ],
        ["cross_entropy_smoothed"] = c =>
        [
            c.Case(
                s => Ops.CrossEntropy(s.Tape, s["logits"], s["labels"], smoothing: c.Setting("smoothing")), [c.Input("logits"), c.Labels],
                ("y", "loss"), ("dlogits", "dlogits")),
        ],
        ["kullback_leibler_mean"] = c => [Pair(c, s => Ops.KullbackLeibler(s.Tape, s["a"], s["b"], Reduction.Mean))],
        ["kullback_leibler_sum"] = c => [Pair(c, s => Ops.KullbackLeibler(s.Tape, s["a"], s["b"], Reduction.Sum))],
        ["trades"] = c => [Pair(c, s => Ops.Trades(s.Tape, s["a"], s["b"], s["labels"], c.Setting("beta")))],
        ["mart"] = c => [Pair(c, s => Ops.MisclassificationAware(s.Tape, s["a"], s["b"], s["labels"], c.Setting("beta")))],
        ["sgd"] = c => Enumerable.Range(1, (int)c.Setting("steps")).Select(steps => Sgd(c, steps)),
        ["normalise"] = c => [Normalise(c)],
        ["linf_step"] = c => [LinfStep(c)],
    };

    /// <summary>The ops of the file.</summary>
    public static IEnumerable<string> Names => Cases.Keys;

    /// <summary>All cases of an op.</summary>
    public static IEnumerable<OpCase> Of(string op)
    {
        GoldenFile file = GoldenFile.Open("ops");
        return file.Groups(op + "/").SelectMany(group => Cases[op](new GoldenCase(file, group)));
    }

    private static OpCase Norm(GoldenCase c, Func<Tape, Tensor, BatchNormState, Tensor> run)
    {
        string moved = c.Holds("new_running_mean") ? "new_" : "";
        return c.Case(
            s => run(s.Tape, s["x"], new BatchNormState
            {
                Gamma = s["gamma"],
                Beta = s["beta"],
                RunningMean = s["running_mean"],
                RunningVariance = s["running_var"],
                Momentum = c.Setting("momentum"),
                Epsilon = c.Setting("epsilon"),
            }),
            [c.Input("x"), c.Parameter("gamma"), c.Parameter("beta"), c.Plain("running_mean"), c.Plain("running_var")],
            [.. c.Results, ("running_mean", moved + "running_mean"), ("running_var", moved + "running_var")]);
    }

    private static OpCase Pair(GoldenCase c, Func<OpScope, Tensor> run) =>
        c.Case(run, [c.Input("a"), c.Input("b"), c.Labels], ("y", "loss"), ("da", "da"), ("db", "db"));

    private static OpCase Sgd(GoldenCase c, int steps)
    {
        Operand momentum = c.Plain("w0") with { Name = "momentum", Values = null };
        string[] gradients = [.. Enumerable.Range(1, steps).Select(step => $"g{step}")];
        return c.Case(
            s =>
            {
                foreach (string gradient in gradients)
                {
                    Ops.SgdStep(
                        s["w0"], s[gradient], s["momentum"], c.Setting("lr"), c.Setting("momentum"), c.Setting("weight_decay"),
                        first: gradient == "g1");
                }

                return null;
            },
            [c.Plain("w0"), momentum, .. gradients.Select(c.Plain)],
            ("w0", $"w{steps}"));
    }

    private static OpCase Normalise(GoldenCase c) => c.Case(
        s =>
        {
            Ops.AdversarialInput(s["z"], s["x"], s["delta"], GoldenNetwork.Normalization);
            return null;
        },
        [c.Activation("x"), c.Activation("delta"), c.Activation("x") with { Name = "z", Values = null }],
        ("z", "y"));

    private static OpCase LinfStep(GoldenCase c)
    {
        Operand magnitudes = new("magnitudes", new Shape(c.ShapeOf("x").N, 1), Role.PerImage);
        LinfBall ball = new() { Epsilon = c.Setting("epsilon"), Alpha = c.Setting("alpha") };
        return c.Case(
            s =>
            {
                Ops.LinfStep(s.Tape, s["dz"], s["x"], s["delta"], s["z"], ball, GoldenNetwork.Normalization, s["magnitudes"]);
                return null;
            },
            [
                c.Activation("dz"), c.Activation("x"), c.Activation("delta"),
                c.Activation("x") with { Name = "z", Values = null }, magnitudes,
            ],
            ("delta", "new_delta"), ("z", "new_z"), ("magnitudes", "magnitude"));
    }
}

/// <summary>One case of a golden file and the operands in it.</summary>
internal sealed class GoldenCase(GoldenFile file, string group)
{
    /// <summary>The result and all gradients, by their own names.</summary>
    public (string Result, string Golden)[] Results =>
        [("y", "y"), .. Names.Where(name => name[0] == 'd' && name != "dy").Select(name => (name, name))];

    /// <summary>The labels, one for each image.</summary>
    public Operand Labels => new("labels", new Shape(file.ShapeOf(group + "/labels").C, 1), Role.Index, file[group + "/labels"]);

    private string[] Names =>
        [.. file.Names.Where(name => name.StartsWith(group + "/", StringComparison.Ordinal)).Select(name => name[(group.Length + 1)..])];

    public double Setting(string name) => file.Setting(group, name);

    public bool Holds(string name) => file.Holds($"{group}/{name}");

    public Shape ShapeOf(string name) => file.ShapeOf($"{group}/{name}");

    public Operand Input(string name) => Operand(name, Role.Input);

    public Operand Parameter(string name) => Operand(name, Role.Parameter);

    public Operand Plain(string name) => Operand(name, Role.Plain);

    public Operand Activation(string name) => Operand(name, Role.Activation);

    /// <summary>The case as a call; without <paramref name="results"/> those of <see cref="Results"/> are expected.</summary>
    public OpCase Case(Func<OpScope, Tensor?> run, Operand[] operands, params (string Result, string Golden)[] results) => new()
    {
        Geometry = group,
        Operands = operands,
        Run = run,
        Reference = _ => (results.Length > 0 ? results : Results)
            .ToDictionary(r => r.Result, r => file[$"{group}/{r.Golden}"].Select(value => (Scaled)value).ToArray()),
    };

    private Operand Operand(string name, Role role) => new(name, ShapeOf(name), role, file[$"{group}/{name}"]);
}
