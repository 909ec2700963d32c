using Deat.Engine;

namespace Deat.Training;

/// <summary>The tensors of one minibatch of N images. All but the labels are in the element type of the work.</summary>
public sealed record Minibatch
{
    /// <summary>Images in pixel range [0,1], [N, C, H, W].</summary>
    public required Tensor X { get; init; }

    /// <summary>Labels, Int32 [N, 1, 1, 1].</summary>
    public required Tensor Labels { get; init; }

    /// <summary>The perturbation in pixel range, [N, C, H, W].</summary>
    public required Tensor Delta { get; init; }

    /// <summary>The network's input (x + delta - mean) / std, [N, C, H, W].</summary>
    public required Tensor Z { get; init; }

    /// <summary>Receives each image's loss, [N, 1, 1, 1].</summary>
    public required Tensor Losses { get; init; }

    /// <summary>Receives 1 for each image that is classified correctly, else 0; Int32 [N, 1, 1, 1].</summary>
    public required Tensor Correct { get; init; }

    /// <summary>Receives each image's gradient magnitude, the sum of |dz|; [N, 1, 1, 1].</summary>
    public required Tensor Magnitude { get; init; }

    /// <summary>The number of images N.</summary>
    public int Count => X.Shape.N;

    /// <summary>Makes the tensors of a minibatch; what each image shows goes to memory of its own.</summary>
    public static Minibatch Allocate(Workspace workspace, Shape shape, ElementType type)
    {
        Shape perImage = new(shape.N, 1);
        return new Minibatch
        {
            X = workspace.Activation(shape, type),
            Labels = workspace.Plain(perImage, ElementType.Int32),
            Delta = workspace.Activation(shape, type),
            Z = workspace.Activation(shape, type),
            Losses = workspace.Plain(perImage, type),
            Correct = workspace.Plain(perImage, ElementType.Int32),
            Magnitude = workspace.Plain(perImage, type),
        };
    }
}
