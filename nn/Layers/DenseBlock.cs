using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The bottleneck of a DenseNet, which adds K channels before the others: y = [conv2(relu(bn2(conv1(relu(bn1(x)))))), x] with windows of
/// 1 and 3 and 4 K channels between: [N, C, H, W] to [N, K + C, H, W]. Source: Huang, Liu, van der Maaten, Weinberger: Densely connected
/// convolutional networks, CVPR 2017; densenet.py of TrustAI/DEAT.
/// </summary>
public sealed class DenseBlock : Module
{
    private readonly BatchNorm2d _bn1;
    private readonly Conv2d _conv1;
    private readonly BatchNorm2d _bn2;
    private readonly Conv2d _conv2;

    /// <summary>Declares bn1, conv1, bn2 and conv2.</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="growth">Channels K that are added.</param>
    public DenseBlock(int inputs, int growth)
    {
        _bn1 = Add("bn1", new BatchNorm2d(inputs, relu: true));
        _conv1 = Add("conv1", new Conv2d(inputs, 4 * growth, window: 1, stride: 1, padding: 0, normalised: true));
        _bn2 = Add("bn2", new BatchNorm2d(4 * growth, relu: true));
        _conv2 = Add("conv2", new Conv2d(4 * growth, growth, window: 3, stride: 1, padding: 1));
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        Tensor middle = _conv1.Consume(tape, _bn1.Forward(tape, x));
        return Ops.Concat(tape, _conv2.Consume(tape, _bn2.Forward(tape, middle)), x);
    }
}

/// <summary>Between two layers of a DenseNet: 2x2 average pooling of conv(relu(bn(x))), [N, C, H, W] to [N, K, H/2, W/2].</summary>
public sealed class DenseTransition : Module
{
    private readonly BatchNorm2d _bn;
    private readonly Conv2d _conv;

    /// <summary>Declares bn and conv.</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="outputs">Filters K.</param>
    public DenseTransition(int inputs, int outputs)
    {
        _bn = Add("bn", new BatchNorm2d(inputs, relu: true));
        _conv = Add("conv", new Conv2d(inputs, outputs, window: 1, stride: 1, padding: 0));
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) =>
        Ops.AveragePool(tape, _conv.Consume(tape, _bn.Forward(tape, x)), window: 2);
}
