using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>Convolutions of PreAct-ResNet-18 for which a device takes the same kernels.</summary>
/// <param name="Precision">In which numbers they multiply.</param>
/// <param name="Direction">Forward, or the gradient.</param>
/// <param name="Kernels">The kernels, by name.</param>
/// <param name="Layers">The convolutions.</param>
public sealed record KernelChoice(Precision Precision, Direction Direction, IReadOnlyList<string> Kernels, IReadOnlyList<string> Layers)
{
    private static readonly Shape Images = new(16, 3, 32, 32);

    /// <summary>What a device takes for a forward and a backward pass, in each precision that it has. Runs them.</summary>
    public static IReadOnlyList<KernelChoice> Of(ComputeDevice device)
    {
        using PreActResNet18 model = new();
        model.Place(device, ElementType.Float32, seed: 0);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Tensor z = workspace.Activation<float>(Images, ElementType.Float32, new float[Images.Count]);
        return [.. Enum.GetValues<Precision>()
            .Where(precision => precision == Precision.Float32 || device.Traits.HasTensorCores)
            .SelectMany(precision => Of(model, z, precision))];
    }

    private static IEnumerable<KernelChoice> Of(PreActResNet18 model, Tensor z, Precision precision)
    {
        ComputeDevice device = z.Device;
        device.Ledger.Clear();
        using (Tape tape = new(device, Wanted.Both, precision))
        {
            Tensor y = model.Forward(tape, tape.Watch(z));
            Tensor dy = tape.Allocate(y.Layout, y.Type);
            Ops.Fill(dy, 1);
            tape.Backward(y, dy);
            device.Synchronize();
        }

        return device.Ledger.Entries.Keys
            .Where(key => key.Layer.Split('.').Any(part => part.StartsWith("conv", StringComparison.Ordinal) || part == "shortcut"))
            .GroupBy(key => (key.Direction, key.Layer))
            .Select(group => (group.Key.Direction, group.Key.Layer, Kernels: string.Join(" + ", group.Select(key => key.Kernel).Order())))
            .GroupBy(layer => (layer.Direction, layer.Kernels))
            .OrderBy(group => group.Key.Direction)
            .Select(group => new KernelChoice(
                precision, group.Key.Direction, group.Key.Kernels.Split(" + "), [.. group.Select(layer => layer.Layer)]));
    }
}
