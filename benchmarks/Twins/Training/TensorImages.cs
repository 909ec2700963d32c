using Deat.Training;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>An image set as tensors, and its batches in pixel range [0,1].</summary>
internal sealed class TensorImages : IDisposable
{
    private const int Padding = 4;
    private readonly Tensor pixels;
    private readonly Tensor padded;
    private readonly Tensor labels;
    private readonly bool augment;
    private readonly int height;
    private readonly int width;

    public TensorImages(ImageSet set)
    {
        using var scope = NewDisposeScope();
        (Count, height, width, augment) = (set.Count, set.Height, set.Width, set.Augment);
        pixels = tensor(set.Pixels, dtype: ScalarType.Byte).view(set.Count, set.Channels, height, width).DetachFromDisposeScope();
        padded = nn.functional.pad(pixels, [Padding, Padding, Padding, Padding]).permute(0, 2, 3, 1).contiguous().DetachFromDisposeScope();
        labels = tensor(set.Labels).to(ScalarType.Int64).DetachFromDisposeScope();
    }

    public int Count { get; }

    /// <summary>Images and labels of the indices, cropped at random out of a border of 4 zeros and mirrored at random.</summary>
    public (Tensor X, Tensor Labels) TrainBatch(Tensor indices)
    {
        if (!augment) return (pixels[indices].to(ScalarType.Float32).div_(255), labels[indices]);
        long count = indices.shape[0];
        Tensor rows = arange(height).view(1, -1) + randint(0, 2 * Padding + 1, [count, 1]);
        Tensor columns = arange(width).view(1, -1);
        columns = where(rand(count, 1) < 0.5, columns, width - 1 - columns) + randint(0, 2 * Padding + 1, [count, 1]);
        Tensor crops = padded[indices.view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)];
        return (crops.permute(0, 3, 1, 2).to(ScalarType.Float32).div_(255).contiguous(), labels[indices]);
    }

    /// <summary>Images and labels of a range, as they are.</summary>
    public (Tensor X, Tensor Labels) TestBatch(int start, int count) =>
        (pixels.narrow(0, start, count).to(ScalarType.Float32).div_(255), labels.narrow(0, start, count));

    public void Dispose()
    {
        pixels.Dispose();
        padded.Dispose();
        labels.Dispose();
    }
}
