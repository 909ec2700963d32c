using System.Globalization;
using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>What a layer met in a pass.</summary>
/// <param name="Name">Its path, as PyTorch names it.</param>
/// <param name="X">Its input.</param>
/// <param name="Dy">The gradient of its output.</param>
internal sealed record MetLayer(string Name, NamedArray X, NamedArray Dy);

/// <summary>
/// A replay of DEAT whose numbers can be had: what it begins with, what each layer meets, what each layer makes of that alone, and what the
/// replay leaves.
/// </summary>
internal sealed class RecordedReplay(int batch, int width, ComputeDevice device, Precision precision = Precision.Float32)
    : EngineStep(StepSettings.Replay, StepSettings.ReplayAlpha, batch, width, device, precision, graphs: false)
{
    /// <summary>Sizes and settings, in words that both sides know.</summary>
    public static Dictionary<string, string> Settings(int batch, int width)
    {
        Dictionary<string, double> numbers = new()
        {
            ["batch"] = batch,
            ["width"] = width,
            ["epsilon"] = StepSettings.Epsilon,
            ["alpha"] = StepSettings.ReplayAlpha,
            ["lr"] = StepSettings.LearningRate,
            ["momentum"] = StepSettings.Momentum,
            ["weight_decay"] = StepSettings.WeightDecay,
        };
        return numbers.ToDictionary(entry => entry.Key, entry => entry.Value.ToString("R", CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// <c>x</c> (pixels), <c>delta</c>, <c>labels</c> and, under <c>weights/</c>, the state of the network: the same on every device.
    /// </summary>
    public IEnumerable<NamedArray> Start() =>
    [
        Array("x", Pass.Batch.X), Array("delta", Pass.Batch.Delta),
        NamedArray.FromInt64s("labels", [.. Pass.Batch.Labels.ToArray<int>().Select(label => (long)label)], Pass.Batch.Count),
        .. Model.StateDict().Select(entry => entry with { Name = $"weights/{entry.Name}" }),
    ];

    /// <summary>
    /// A pass that updates nothing: for every layer that learns, in the network's order, <c>layers/LAYER/x</c> and <c>dy</c>.
    /// </summary>
    public IReadOnlyList<MetLayer> Walk()
    {
        HashSet<string> learning = [.. Leaves().Select(leaf => leaf.Path)];
        Stack<MetLayer> met = [];
        using Tape tape = new(Device, Wanted.Both, Precision)
        {
            Observer = op =>
            {
                if (learning.Contains(op.Layer))
                {
                    string name = $"layers/{op.Layer}";
                    met.Push(new MetLayer(op.Layer, Array($"{name}/x", op.Input), Array($"{name}/dy", op.Gradient)));
                }
            },
        };
        tape.Watch(Pass.Batch.Z);
        tape.Backward(Losses.CrossEntropy.Of(tape, Model, Pass.Batch));
        return [.. met];
    }

    /// <summary>
    /// What the layer alone makes of what it met: <c>WHO/layers/LAYER/y</c>, <c>dx</c>, <c>dw</c> and, if it has one, <c>db</c>. A batch
    /// normalisation includes the ReLU after it.
    /// </summary>
    public IEnumerable<NamedArray> Alone(MetLayer layer)
    {
        string name = $"{Who}/layers/{layer.Name}";
        Module module = Leaves().First(leaf => leaf.Path == layer.Name).Module;
        using Tape tape = new(Device, Wanted.Both, Precision);
        Tensor x = tape.Watch(Activation(tape, layer.X));
        Tensor y = module.Forward(tape, x);
        NamedArray output = Array($"{name}/y", y);
        tape.Backward(y, Activation(tape, layer.Dy));
        return
        [
            output, Array($"{name}/dx", tape.Gradient(x)),
            .. module.Parameters().Select(entry => Gradient($"{name}/{(entry.Name == "bias" ? "db" : "dw")}", entry.Parameter)),
        ];
    }

    /// <summary>
    /// The replay: <c>WHO/logits</c>, <c>loss</c>, <c>dz</c> (gradient of the normalised input) and, after the steps of delta and weights,
    /// <c>delta</c>, <c>gradients/PARAMETER</c> and <c>weights/PARAMETER</c>.
    /// </summary>
    public IEnumerable<NamedArray> Replay()
    {
        List<NamedArray> found = [];
        Pass.Batch = Pass.Batch with { Logits = Workspace.Plain(new Shape(Pass.Batch.Count, 10), ElementType.Float32) };
        Pass.Observer = seen => found.AddRange(
        [
            Array($"{Who}/logits", seen.Batch.Logits!), Array($"{Who}/dz", seen.InputGradient!),
            NamedArray.FromFloats($"{Who}/loss", seen.Loss.ToArray<float>(), 1),
        ]);
        Run();
        return
        [
            .. found, Array($"{Who}/delta", Pass.Batch.Delta),
            .. Model.Parameters().Select(entry => Gradient($"{Who}/gradients/{entry.Name}", entry.Parameter)),
            .. Model.Parameters().Select(entry => Parameter($"{Who}/weights/{entry.Name}", entry.Parameter.Value, entry.Parameter)),
        ];
    }

    /// <inheritdoc/>
    protected override void Run(AdversarialPass pass) => InnerLoops.Replay.Run(pass, 1);

    private IEnumerable<(string Path, Module Module)> Leaves() =>
        Model.Descendants().Where(below => below.Module.Parameters().Any() && !below.Module.Descendants().Any());

    private static Tensor Activation(Workspace workspace, NamedArray array) =>
        workspace.Activation<float>(
            array.Shape is [long n, long c, long h, long w]
                ? new Shape((int)n, (int)c, (int)h, (int)w)
                : new Shape((int)array.Shape[0], (int)array.Shape[1]),
            ElementType.Float32, array.ToFloats());

    // [N, C] where there are no pixels, as in PyTorch.
    private static NamedArray Array(string name, Tensor tensor) => NamedArray.FromFloats(
        name, tensor.ToArray<float>(),
        tensor.Shape.Pixels == 1
            ? [tensor.Shape.N, tensor.Shape.C]
            : [tensor.Shape.N, tensor.Shape.C, tensor.Shape.H, tensor.Shape.W]);

    private static NamedArray Gradient(string name, Parameter parameter) => Parameter(name, parameter.Value.Gradient!, parameter);

    private static NamedArray Parameter(string name, Tensor tensor, Parameter parameter) =>
        NamedArray.FromFloats(name, tensor.ToArray<float>(), [.. parameter.Extents.Select(extent => (long)extent)]);
}
