using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// A full batch of a training method, as a training computes it. It is the baseline where passes that only attack compute gradients of
/// weights too, which are discarded.
/// </summary>
/// <param name="name">What the method is called.</param>
/// <param name="who">Which of its variants it is.</param>
/// <param name="device">Where.</param>
/// <param name="options">The training.</param>
/// <param name="iterations">Adversarial iterations of each batch.</param>
public class MethodBatch(string name, string who, ComputeDevice device, TrainOptions options, int iterations)
    : Measured(name, who)
{
    private Trainer? _trainer;
    private long _flops;

    /// <summary>Where.</summary>
    protected ComputeDevice Device => device;

    /// <summary>The training.</summary>
    protected TrainOptions Options => options;

    /// <inheritdoc/>
    public override bool IsBaseline => options.Adversary.ComputesDiscarded == true;

    /// <inheritdoc/>
    public override long Flops => _flops;

    /// <inheritdoc/>
    public override void Prepare()
    {
        ImageSet images = options.Data.Open().Train;
        _trainer = new Trainer(device, options, images.Take(images.Count - (images.Count % options.BatchSize)));
        for (int i = 0; i <= ProfileSettings.WarmUps; i++)
        {
            Before(runs: 1);
            device.Ledger.Clear();
            Run();
        }

        _flops = device.Ledger.Total().Flops;
    }

    /// <inheritdoc/>
    public override void Before(int runs)
    {
        if (_trainer!.IsEpochDone)
            _trainer.EndEpoch(best: null);
        device.Synchronize();
    }

    /// <inheritdoc/>
    public override void Run() => _trainer!.TrainBatch(iterations);

    /// <inheritdoc/>
    public override void Finish() => device.Synchronize();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _trainer?.Dispose();
        base.Dispose(disposing);
    }
}
