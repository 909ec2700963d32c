using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The block of a wide residual network, y = conv2(dropout(relu(bn2(conv1(a))))) + shortcut with a = relu(bn1(x)): [N, C, H, W] to
/// [N, K, H/stride, W/stride]. Where channels change, the shortcut is a 1x1 convolution of a; elsewhere it is x. Source: Zagoruyko,
/// Komodakis: Wide residual networks, BMVC 2016; wideresnet.py of TrustAI/DEAT and yaodongyu/TRADES.
/// </summary>
public sealed class WideBlock : Module
{
    private readonly BatchNorm2d _bn1;
    private readonly Conv2d _conv1;
    private readonly BatchNorm2d _bn2;
    private readonly Conv2d _conv2;
    private readonly Conv2d? _shortcut;
    private readonly Dropout _dropout;

    /// <summary>Declares bn1, conv1, bn2, conv2 and, where channels change, convShortcut.</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="outputs">Filters K.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    /// <param name="dropout">The rate of dropout between the convolutions.</param>
    public WideBlock(int inputs, int outputs, int stride, double dropout = 0)
    {
        _dropout = Add("dropout", new Dropout(dropout));
        _bn1 = Add("bn1", new BatchNorm2d(inputs, relu: true));
        _conv1 = Add("conv1", Convolution(inputs, outputs, window: 3, stride, normalised: true));
        _bn2 = Add("bn2", new BatchNorm2d(outputs, relu: true));
        _conv2 = Add("conv2", Convolution(outputs, outputs, window: 3, stride: 1, normalised: true));
        if (inputs != outputs)
            _shortcut = Add("convShortcut", Convolution(inputs, outputs, window: 1, stride));
    }

    /// <summary>A convolution that keeps the size at stride 1, and starts as this network's do.</summary>
    internal static Conv2d Convolution(int inputs, int outputs, int window, int stride, bool normalised = false) => new(
        inputs, outputs, window, stride, padding: window / 2, normalised: normalised, initialize: Init.Normal(outputs * window * window));

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        Tensor activated = _bn1.Forward(tape, x);
        Tensor shortcut = _shortcut?.Forward(tape, activated) ?? x;
        Tensor middle = _bn2.Forward(tape, _conv1.Consume(tape, activated));
        Tensor y = _conv2.Consume(tape, _dropout.Forward(tape, middle), plus: shortcut);
        if (_shortcut is not null)
            tape.Release(shortcut);
        return y;
    }
}
