using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The pre-activation bottleneck, y = conv3(relu(bn3(conv2(relu(bn2(conv1(a))))))) + shortcut with a = relu(bn1(x)): [N, C, H, W] to
/// [N, 4 K, H/stride, W/stride], by windows of 1, 3 and 1. Where shape changes, the shortcut is a 1x1 convolution of a, as in the paper and
/// unlike <see cref="PreActBlock"/>; elsewhere it is x. Source: He, Zhang, Ren, Sun: Identity mappings in deep residual networks, ECCV
/// 2016; preact_resnet.py of locuslab/fast_adversarial and TrustAI/DEAT.
/// </summary>
public sealed class PreActBottleneck : Module
{
    /// <summary>Channels of the result for one of the 3x3 convolution.</summary>
    public const int Expansion = 4;

    private readonly BatchNorm2d _bn1, _bn2, _bn3;
    private readonly Conv2d _conv1, _conv2, _conv3;
    private readonly Conv2d? _shortcut;

    /// <summary>Declares bn1, conv1, bn2, conv2, bn3, conv3 and, where shape changes, shortcut.0.</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="planes">Filters K of the 3x3 convolution.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    public PreActBottleneck(int inputs, int planes, int stride)
    {
        int outputs = Expansion * planes;
        _bn1 = Add("bn1", new BatchNorm2d(inputs, relu: true));
        _conv1 = Add("conv1", new Conv2d(inputs, planes, window: 1, stride: 1, padding: 0, normalised: true));
        _bn2 = Add("bn2", new BatchNorm2d(planes, relu: true));
        _conv2 = Add("conv2", new Conv2d(planes, planes, window: 3, stride, padding: 1, normalised: true));
        _bn3 = Add("bn3", new BatchNorm2d(planes, relu: true));
        _conv3 = Add("conv3", new Conv2d(planes, outputs, window: 1, stride: 1, padding: 0, normalised: true));
        if (stride != 1 || inputs != outputs)
            _shortcut = Add("shortcut.0", new Conv2d(inputs, outputs, window: 1, stride, padding: 0));
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        Tensor activated = _bn1.Forward(tape, x);
        Tensor shortcut = _shortcut?.Forward(tape, activated) ?? x;
        Tensor middle = _conv2.Consume(tape, _bn2.Forward(tape, _conv1.Consume(tape, activated)));
        Tensor y = _conv3.Consume(tape, _bn3.Forward(tape, middle), plus: shortcut);
        if (_shortcut is not null)
            tape.Release(shortcut);
        return y;
    }
}
