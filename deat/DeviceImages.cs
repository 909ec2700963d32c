using Deat.Engine;

namespace Deat.Training;

/// <summary>A set of images as bytes on a device, from which minibatches are gathered there.</summary>
public sealed class DeviceImages : IDisposable
{
    private readonly Workspace _workspace;
    private readonly Tensor _pixels;
    private readonly Tensor _labels;
    private readonly Tensor _order;

    /// <summary>Copies a set to a device.</summary>
    /// <param name="device">Holds the images until they are disposed.</param>
    /// <param name="set">The images.</param>
    /// <param name="orderLength">How many places an order has.</param>
    public DeviceImages(ComputeDevice device, ImageSet set, int orderLength)
    {
        _workspace = new Workspace(device, MemoryCategory.Data);
        try
        {
            Shape shape = new(set.Count, set.Channels, set.Height, set.Width);
            _pixels = _workspace.Plain<byte>(shape, ElementType.UInt8, set.Pixels);
            _labels = _workspace.Plain<int>(new Shape(set.Count, 1), ElementType.Int32, set.Labels);
            _order = _workspace.Plain(new Shape(orderLength, 1), ElementType.Int32);
        }
        catch
        {
            _workspace.Dispose();
            throw;
        }
    }

    /// <summary>Sets the order that <see cref="Gather"/> follows: the image at each place.</summary>
    public void SetOrder(ReadOnlySpan<int> images) => _order.CopyFrom(images);

    /// <summary>Fills images and labels of a minibatch with those at the places from <paramref name="start"/> on.</summary>
    /// <param name="batch">Its size tells how many.</param>
    /// <param name="start">The first place.</param>
    /// <param name="augmentation">What random crop and mirror follow from; null leaves the images as they are.</param>
    public void Gather(Minibatch batch, int start, RandomKey? augmentation = null) =>
        Ops.GatherBatch(_pixels, _labels, _order, start, batch.X, batch.Labels, augmentation is not null, augmentation.GetValueOrDefault());

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();
}
