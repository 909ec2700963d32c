using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// The minibatches of a run: each epoch's order of the images, gathered on the device into the same tensors again and again.
/// </summary>
public sealed class TrainingBatches : IDisposable
{
    private readonly TrainOptions _options;
    private readonly ImageSet _images;
    private readonly BatchOrder _order;
    private readonly Workspace _workspace;
    private readonly DeviceImages _source;
    private readonly Minibatch _full;
    private readonly Minibatch _last;
    private int _orderedEpoch = -1;

    /// <summary>Copies the images to a device.</summary>
    /// <param name="device">Holds them.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="images">The training images.</param>
    /// <param name="type">The element type of the work.</param>
    public TrainingBatches(ComputeDevice device, TrainOptions options, ImageSet images, ElementType type)
    {
        (_options, _images) = (options, images);
        _order = new BatchOrder(images.Count, options.BatchSize, options.Seed);
        _workspace = new Workspace(device, MemoryCategory.Data);
        _source = new DeviceImages(device, images, images.Count);
        int size = Math.Min(options.BatchSize, images.Count);
        int rest = images.Count % size;
        bool seesNatural = options.Objective().SeesNatural;
        _full = Minibatch.Allocate(_workspace, new Shape(size, images.Channels, images.Height, images.Width), type, seesNatural);
        _last = rest == 0 ? _full : Minibatch.Allocate(_workspace, _full.X.Shape with { N = rest }, type, seesNatural);
    }

    /// <summary>Minibatches per epoch.</summary>
    public int Count => _order.Batches;

    /// <summary>The first minibatch.</summary>
    public Minibatch First => _full;

    /// <summary>The place of a minibatch's first image in the epoch.</summary>
    public int Start(int batch) => batch * _options.BatchSize;

    /// <summary>Fills images and labels of a minibatch.</summary>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="batch">The minibatch in the epoch, from 0.</param>
    public Minibatch Gather(int epoch, int batch)
    {
        Minibatch target = _images.Count - Start(batch) < _full.Count ? _last : _full;
        if (_orderedEpoch != epoch)
            _source.SetOrder(_order.Epoch(epoch));
        _orderedEpoch = epoch;
        using (target.X.Device.Ledger.In(Phase.Data))
        {
            RandomKey augmentation = new(_options.Seed, Purpose.Augmentation, epoch, batch);
            _source.Gather(target, Start(batch), _images.Augment ? augmentation : null);
        }

        return target;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _source.Dispose();
        _workspace.Dispose();
    }
}
