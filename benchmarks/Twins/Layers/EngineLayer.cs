using Deat.Engine;
using static TorchSharp.torch;
using Shape = Deat.Engine.Shape;
using Tensor = Deat.Engine.Tensor;
using TorchTensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>
/// A layer of the network on a device of the engine, with the twin's input, parameters and upstream gradient.
/// </summary>
internal static class EngineLayer
{
    /// <summary>What <see cref="NetworkLayers.Gradients"/> gives.</summary>
    public static IReadOnlyDictionary<string, TorchTensor> Gradients(
        ComputeDevice device, Precision precision, MetLayer layer, IReadOnlyDictionary<string, TorchTensor> parameters)
    {
        using Workspace workspace = new(device, MemoryCategory.Parameters);
        Dictionary<string, Tensor> learned = parameters.ToDictionary(entry => entry.Key, entry => Learned(workspace, entry.Value));
        using Tape tape = new(device, Wanted.Both, precision);
        Tensor x = tape.Watch(Activation(workspace, layer.Input));
        Tensor y = Apply(tape, layer.Name, x, learned);
        var results = new Dictionary<string, TorchTensor> { ["y"] = Read(y, layer.Output.shape) };
        tape.Backward(y, Activation(tape, layer.Output.grad!));
        results["dx"] = Read(tape.Gradient(x), layer.Input.shape);
        foreach ((string name, Tensor value) in learned) results[$"d{name}"] = Read(value.Gradient!, parameters[name].shape);
        return results;
    }

    private static Tensor Apply(Tape tape, string layer, Tensor x, Dictionary<string, Tensor> learned)
    {
        Tensor weight = learned["weight"];
        if (layer == "linear") return Ops.Linear(tape, x, weight, learned["bias"]);
        if (!learned.TryGetValue("bias", out Tensor? bias))
            return Ops.Conv2d(tape, x, weight, NetworkLayers.Stride(layer), weight.Shape.H / 2);
        Tensor mean = tape.Plain(weight.Shape, weight.Type), variance = tape.Plain(weight.Shape, weight.Type);
        Ops.Fill(mean, 0);
        Ops.Fill(variance, 1);
        return Ops.BatchNormRelu(
            tape, x, new BatchNormState { Gamma = weight, Beta = bias, RunningMean = mean, RunningVariance = variance }, training: true);
    }

    private static Tensor Learned(Workspace workspace, TorchTensor value)
    {
        Shape shape = value.dim() == 1 ? Shape.Vector((int)value.shape[0]) : ShapeOf(value);
        return workspace.Plain<float>(shape, ElementType.Float32, Numbers(value)).WithGradient(workspace.Plain(shape, ElementType.Float32));
    }

    private static Tensor Activation(Workspace workspace, TorchTensor value) =>
        workspace.Activation<float>(ShapeOf(value), ElementType.Float32, Numbers(value));

    private static Shape ShapeOf(TorchTensor value) => value.dim() == 2
        ? new Shape((int)value.shape[0], (int)value.shape[1])
        : new Shape((int)value.shape[0], (int)value.shape[1], (int)value.shape[2], (int)value.shape[3]);

    private static float[] Numbers(TorchTensor value) => value.detach().contiguous().data<float>().ToArray();

    private static TorchTensor Read(Tensor value, long[] shape) => tensor(value.ToArray<float>()).view(shape);
}
