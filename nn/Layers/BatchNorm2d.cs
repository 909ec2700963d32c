using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// Batch normalisation, as torch.nn.BatchNorm2d with momentum 0.1 and epsilon 1e-5, on request with the ReLU that follows it in
/// the same pass: [N, C, H, W] to the same.
/// </summary>
public sealed class BatchNorm2d : Module
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly Parameter _runningMean;
    private readonly Parameter _runningVariance;
    private readonly Counter _batches;
    private readonly Action _count;
    private readonly bool _relu;

    /// <summary>Declares weight, bias, running_mean, running_var [C] and num_batches_tracked.</summary>
    /// <param name="channels">Channels C.</param>
    /// <param name="relu">Whether the result is max(y, 0).</param>
    public BatchNorm2d(int channels, bool relu = false)
    {
        _relu = relu;
        _weight = AddParameter("weight", Init.Constant(1), channels);
        _bias = AddParameter("bias", Init.Constant(0), channels);
        _runningMean = AddStatistic("running_mean", Init.Constant(0), channels);
        _runningVariance = AddStatistic("running_var", Init.Constant(1), channels);
        _batches = AddCounter("num_batches_tracked");
        _count = () => _batches.Value++;
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        BatchNormState state = new()
        {
            Gamma = _weight.Value,
            Beta = _bias.Value,
            RunningMean = _runningMean.Value,
            RunningVariance = _runningVariance.Value,
            Momentum = BatchShare,
        };
        Tensor y = _relu ? Ops.BatchNormRelu(tape, x, state, Training) : Ops.BatchNorm(tape, x, state, Training);
        if (Training)
            tape.Device.Along(_count);
        return y;
    }
}
