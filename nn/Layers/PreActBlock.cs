using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The pre-activation residual block, y = conv2(relu(bn2(conv1(relu(bn1(x)))))) + shortcut(x): [N, C, H, W] to
/// [N, K, H/stride, W/stride]. Where shape changes, the shortcut is a 1x1 convolution of the block's input x itself, not of
/// relu(bn1(x)) as in the paper; this is what the authors train. Source: He, Zhang, Ren, Sun: Identity mappings in deep residual networks,
/// ECCV 2016; preact_resnet.py of locuslab/fast_adversarial and TrustAI/DEAT.
/// </summary>
public sealed class PreActBlock : Module
{
    private readonly BatchNorm2d _bn1;
    private readonly Conv2d _conv1;
    private readonly BatchNorm2d _bn2;
    private readonly Conv2d _conv2;
    private readonly Conv2d? _shortcut;

    /// <summary>Declares bn1, conv1, bn2, conv2 and, where shape changes, shortcut.0.</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="outputs">Filters K.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    public PreActBlock(int inputs, int outputs, int stride)
    {
        _bn1 = Add("bn1", new BatchNorm2d(inputs, relu: true));
        _conv1 = Add("conv1", new Conv2d(inputs, outputs, window: 3, stride, padding: 1, normalised: true));
        _bn2 = Add("bn2", new BatchNorm2d(outputs, relu: true));
        _conv2 = Add("conv2", new Conv2d(outputs, outputs, window: 3, stride: 1, padding: 1, normalised: true));
        if (stride != 1 || inputs != outputs)
            _shortcut = Add("shortcut.0", new Conv2d(inputs, outputs, window: 1, stride, padding: 0));
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        Tensor shortcut = _shortcut?.Forward(tape, x) ?? x;
        Tensor activated = _bn1.Forward(tape, x);
        Tensor y = _conv2.Consume(tape, _bn2.Forward(tape, _conv1.Consume(tape, activated)), plus: shortcut);
        if (_shortcut is not null)
            tape.Release(shortcut);
        return y;
    }
}
