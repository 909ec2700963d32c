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

    /// <summary>The images as they are as the network's input (x - mean) / std, [N, C, H, W]; null where no loss sees them.</summary>
    public Tensor? Natural { get; init; }

    /// <summary>Receives each image's loss, [N, 1, 1, 1].</summary>
    public required Tensor Losses { get; init; }

    /// <summary>Receives 1 for each image that is classified correctly, else 0; Int32 [N, 1, 1, 1].</summary>
    public required Tensor Correct { get; init; }

    /// <summary>How often each image may still be classified wrongly before its delta stands still; Int32 [N, 1, 1, 1].</summary>
    public required Tensor Lives { get; init; }

    /// <summary>Receives the logits [N, K, 1, 1]; null where nobody reads them.</summary>
    public Tensor? Logits { get; init; }

    /// <summary>The class that each image is driven to, Int32 [N, 1, 1, 1]; null where no loss has a target.</summary>
    public Tensor? Targets { get; init; }

    /// <summary>Receives each image's gradient magnitude, the sum of |dz|; [N, 1, 1, 1].</summary>
    public required Tensor Magnitude { get; init; }

    /// <summary>The number of images N.</summary>
    public int Count => X.Shape.N;

    /// <summary>Makes the tensors of a minibatch; what each image shows goes to memory of its own.</summary>
    /// <param name="workspace">Owns the tensors.</param>
    /// <param name="shape">The shape of the images.</param>
    /// <param name="type">The element type of the work.</param>
    /// <param name="seesNatural">Whether a loss sees the images as they are.</param>
    public static Minibatch Allocate(Workspace workspace, Shape shape, ElementType type, bool seesNatural = false)
    {
        Shape perImage = new(shape.N, 1);
        return new Minibatch
        {
            X = workspace.Activation(shape, type),
            Labels = workspace.Plain(perImage, ElementType.Int32),
            Delta = workspace.Activation(shape, type),
            Z = workspace.Activation(shape, type),
            Natural = seesNatural ? workspace.Activation(shape, type) : null,
            Losses = workspace.Plain(perImage, type),
            Correct = workspace.Plain(perImage, ElementType.Int32),
            Lives = workspace.Plain(perImage, ElementType.Int32),
            Magnitude = workspace.Plain(perImage, type),
        };
    }
}
